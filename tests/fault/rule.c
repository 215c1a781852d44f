#include "rule.h"

#include "names.h"

#include <limits.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* only is a list of the functions that know how to do it, NULL if all do */
static const struct word {
	const char *word;
	enum action action;
	const char *prefix; /* of the name that follows, NULL if none does */
	const char *only;
} words[] = {
    {"CKR_", ACTION_RETURN, "CKR_", NULL}, /* is itself the start of the name */
    {"after:", ACTION_RETURN_AFTER, "CKR_", NULL},
    {"kill", ACTION_KILL, NULL, NULL},
    {"kill-after", ACTION_KILL_AFTER, NULL, NULL},
    {"kill-parent", ACTION_KILL_PARENT, NULL, NULL},
    {"kill-parent-after", ACTION_KILL_PARENT_AFTER, NULL, NULL},
    {"crash", ACTION_CRASH, NULL, NULL},
    {"hang", ACTION_HANG, NULL, NULL},
    {"huge", ACTION_HUGE, NULL, "C_GetSlotList C_GetMechanismList C_GetAttributeValue C_FindObjects C_Sign"},
    {"unavailable", ACTION_UNAVAILABLE, NULL, "C_GetAttributeValue"},
    {"delay=", ACTION_DELAY, "", NULL},
    {"label=", ACTION_TEXT, "", "C_GetTokenInfo"},
    {"manufacturer=", ACTION_TEXT, "", "C_GetTokenInfo"},
    {"model=", ACTION_TEXT, "", "C_GetTokenInfo"},
    {"serial=", ACTION_TEXT, "", "C_GetTokenInfo"},
    {"reader=", ACTION_TEXT, "", "C_GetSlotInfo"},
    {"flags=", ACTION_FLAGS, "", "C_GetTokenInfo C_GetSlotInfo"},
    {"refuse-attribute=", ACTION_REFUSE_ATTRIBUTE, "CKA_", "C_GenerateKeyPair C_CreateObject"},
    {"hide=", ACTION_HIDE, "CKM_", "C_GetMechanismList C_GetMechanismInfo C_GenerateKeyPair C_SignInit"},
};

/* CK_TOKEN_INFO and CK_SLOT_INFO */
static const struct {
	const char *word;
	enum rule_text which;
	size_t size;
} texts[] = {
    {"label=", RULE_LABEL, 32},   {"manufacturer=", RULE_MANUFACTURER, 32},
    {"model=", RULE_MODEL, 16},   {"serial=", RULE_SERIAL, 16},
    {"reader=", RULE_READER, 64},
};

static const struct {
	const char *name;
	unsigned long set, clear;
} flags[] = {
    {"LOW", CKF_USER_PIN_COUNT_LOW, 0},
    {"FINAL_TRY", CKF_USER_PIN_FINAL_TRY, 0},
    {"LOCKED", CKF_USER_PIN_LOCKED, 0},
    {"TO_BE_CHANGED", CKF_USER_PIN_TO_BE_CHANGED, 0},
    {"SO_TO_BE_CHANGED", CKF_SO_PIN_TO_BE_CHANGED, 0},
    {"SO_FINAL_TRY", CKF_SO_PIN_FINAL_TRY, 0},
    {"SO_LOCKED", CKF_SO_PIN_LOCKED, 0},
    {"WRITE_PROTECTED", CKF_WRITE_PROTECTED, 0},
    {"PINPAD", CKF_PROTECTED_AUTHENTICATION_PATH, 0},
    {"HARDWARE", CKF_HW_SLOT, 0},
    {"UNINIT", 0, CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED},
    {"NO_PIN", 0, CKF_USER_PIN_INITIALIZED},
    {"UNCOUNTED", 0, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED},
};

static int parse_flags(struct rule *r, char *list)
{
	char *save = NULL;

	if (!*list)
		return -1;
	for (char *name = strtok_r(list, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
		size_t i = 0, n = sizeof(flags) / sizeof(flags[0]);

		while (i < n && strcmp(flags[i].name, name) != 0)
			i++;
		if (i == n)
			return -1;
		r->set |= flags[i].set;
		r->clear |= flags[i].clear;
	}
	return 0;
}

static int parse_number(unsigned long *ret, const char *text)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	*ret = strtoul(text, &end, 10);
	return *end ? -1 : 0;
}

/* One byte, as it stands or as \xNN. Returns the place behind it, NULL if it is neither. */
static const char *parse_byte(const char *p, unsigned char *ret)
{
	char hex[3] = "";

	if (*p != '\\') {
		*ret = (unsigned char)*p;
		return p + 1;
	}
	if (p[1] != 'x' || strspn(p + 2, "0123456789abcdefABCDEF") < 2)
		return NULL;
	memcpy(hex, p + 2, 2);
	*ret = (unsigned char)strtoul(hex, NULL, 16);
	return p + 4;
}

static int parse_text(struct rule *r, const char *word, const char *text)
{
	size_t i = 0;

	while (strcmp(texts[i].word, word) != 0)
		i++;
	r->value = texts[i].which;
	for (const char *p = text; *p;) {
		if (r->text_len == texts[i].size)
			return -1;
		p = parse_byte(p, &r->text[r->text_len++]);
		if (!p)
			return -1;
	}
	return 0;
}

/* Whether a function is named in a list of words. */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

static const struct word *find_word(const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct word *w = &words[i];

		if (w->prefix ? strncmp(text, w->word, strlen(w->word)) == 0 : strcmp(text, w->word) == 0)
			return w;
	}
	return NULL;
}

static int parse_action(struct rule *r, char *text, const char *function)
{
	const struct word *w = find_word(text);

	if (!w || (w->only && r->function != RULE_ANY && !listed(w->only, function)))
		return -1;
	r->action = w->action;
	if (!w->prefix)
		return 0;
	if (w->action == ACTION_FLAGS)
		return parse_flags(r, text + strlen(w->word));
	if (w->action == ACTION_DELAY)
		return parse_number(&r->value, text + strlen(w->word));
	if (w->action == ACTION_TEXT)
		return parse_text(r, w->word, text + strlen(w->word));
	return names_value(w->prefix, w->action == ACTION_RETURN ? text : text + strlen(w->word), &r->value);
}

static int parse_when(struct rule *r, const char *text)
{
	char *end;

	r->from = 1;
	r->to = ULONG_MAX;
	if (strcmp(text, "*") == 0)
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return -1;
	r->from = strtoul(text, &end, 10);
	if (strcmp(end, "+") == 0)
		return r->from ? 0 : -1;
	r->to = r->from;
	return *end || !r->from ? -1 : 0;
}

static int parse_function(struct rule *r, const char *text, const char *const names[], size_t n)
{
	r->function = RULE_ANY;
	if (strcmp(text, "*") == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], text) == 0) {
			r->function = (int)i;
			return 0;
		}
	}
	return -1;
}

/* Takes one rule apart; text is written to. Returns what is wrong with it, NULL if nothing is. */
static const char *parse_rule(struct rule *r, char *text, const char *const names[], size_t n)
{
	char *when = strchr(text, ':');
	char *action = when ? strchr(when + 1, ':') : NULL;

	*r = (struct rule){0};
	if (!action)
		return "is not FUNCTION:WHEN:ACTION";
	*when++ = 0;
	*action++ = 0;
	if (parse_function(r, text, names, n) == -1)
		return "names no function of PKCS#11 2.40";
	if (parse_when(r, when) == -1)
		return "does not say which call";
	if (parse_action(r, action, text) == -1)
		return "has no action that this function knows";
	return NULL;
}

int rules_parse(struct rules *ret, const char *text, const char *const function_names[], size_t n_functions,
		char *complaint, size_t size)
{
	char *copy = strdup(text), *save = NULL;
	const char *fault = copy ? NULL : "found no memory";
	struct rules r = {0};

	for (char *one = copy ? strtok_r(copy, ";\n", &save) : NULL; one && !fault;
	     one = strtok_r(NULL, ";\n", &save)) {
		fault = r.n < RULES_MAX ? parse_rule(&r.rule[r.n], one, function_names, n_functions)
					: "is one rule too many";
		r.n++;
	}
	free(copy);
	if (fault) {
		snprintf(complaint, size, "rule %zu of '%s' %s", r.n, text, fault);
		return -1;
	}
	*ret = r;
	return 0;
}

const struct rule *rules_next(const struct rules *r, const struct rule *prev, enum action action, int function,
			      unsigned long nth, unsigned long total)
{
	for (size_t i = prev ? (size_t)(prev - r->rule) + 1 : 0; i < r->n; i++) {
		const struct rule *one = &r->rule[i];
		unsigned long number = one->function == RULE_ANY ? total : nth;

		if (one->action == action && (one->function == RULE_ANY || one->function == function) &&
		    number >= one->from && number <= one->to)
			return one;
	}
	return NULL;
}
