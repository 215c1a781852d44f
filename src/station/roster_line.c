/*
 * roster_line: one person of a roster.
 */
#include "ca/policy.h"
#include "core/config.h"
#include "core/keytype.h"
#include "core/xalloc.h"
#include "station/roster_impl.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SERIAL_MAX (sizeof(((struct store_token *)0)->serial) - 1)
#define NBSP "\xC2\xA0" /* what spreadsheets and web pages have for a blank */

/* ---- values */

static size_t blank_at(const char *p)
{
	if (*p == ' ' || *p == '\t' || *p == '\n')
		return 1;
	return strncmp(p, NBSP, 2) == 0 ? 2 : 0;
}

char *roster_trim(char *ret, const char *value)
{
	char *end = ret;
	size_t len;
	while ((len = blank_at(value)) != 0)
		value += len;
	for (; *value != '\0'; value += len != 0 ? len : 1) {
		len = blank_at(value);
		*ret++ = len != 0 ? ' ' : *value;
		if (len == 0)
			end = ret;
	}
	*end = '\0';
	return end + 1;
}

static bool has_control(const char *value)
{
	for (; *value != '\0'; value++) {
		if ((unsigned char)*value < 0x20 || *value == 0x7F)
			return true;
	}
	return false;
}

/* ---- one check for each column; each notes what is wrong */

struct line {
	struct roster_reading *x;
	long number;
	struct roster_entry entry;
};

static bool check_user(struct line *l)
{
	struct err e = ERR_INIT;
	char shown[ROSTER_SHOWN_MAX];
	const char *user = l->entry.user;
	if (user[0] == '\0')
		roster_fault_add(l->x->faults, l->number, "there is no user in it");
	else if (config_check_user(user, &e) != 0 || policy_check_name(user, &e) != 0)
		roster_fault_add(l->x->faults, l->number, "user '%s': %s", roster_shown(shown, user), e.what);
	else
		return true;
	return false;
}

static bool is_address(const char *email)
{
	const char *at = strchr(email, '@');
	return at != NULL && at != email && at[1] != '\0' && strpbrk(email, " ,;<>()\"") == NULL &&
	       strchr(at + 1, '@') == NULL;
}

static void check_email(struct line *l)
{
	char shown[ROSTER_SHOWN_MAX];
	if (l->entry.email[0] != '\0' && !is_address(l->entry.email))
		roster_fault_add(l->x->faults, l->number, "email '%s' is not one address, as in anna@example.com",
				 roster_shown(shown, l->entry.email));
}

/* "DE", "de-AT" and "de_AT" are "de". */
static void check_language(struct line *l, char *language)
{
	static const char *const known[] = {"en", "de", "ru"};
	char shown[ROSTER_SHOWN_MAX];
	if (language[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strncasecmp(language, known[i], 2) != 0 || strchr("-_", language[2]) == NULL)
			continue;
		memcpy(language, known[i], 3);
		return;
	}
	roster_fault_add(l->x->faults, l->number, "language '%s' is none of en, de, ru", roster_shown(shown, language));
}

/* "1.23457E+12": digits are lost, and no two of these are the same token. */
static bool is_rounded(const char *serial)
{
	size_t n = strspn(serial, "0123456789");
	if (n == 0)
		return false;
	if (strchr(".,", serial[n]) != NULL && serial[n] != '\0')
		n += 1 + strspn(serial + n + 1, "0123456789");
	return (serial[n] == 'E' || serial[n] == 'e') && serial[n + 1] == '+';
}

static void check_token_serial(struct line *l)
{
	char shown[ROSTER_SHOWN_MAX];
	const char *serial = l->entry.token_serial;
	if (is_rounded(serial))
		roster_fault_add(l->x->faults, l->number,
				 "token_serial '%s' was made a number by the spreadsheet, and digits of it are lost: "
				 "format that column as text and enter it again",
				 roster_shown(shown, serial));
	else if (strlen(serial) > SERIAL_MAX)
		roster_fault_add(l->x->faults, l->number, "token_serial '%s' is longer than any token's",
				 roster_shown(shown, serial));
}

static void check_key_type(struct line *l, const char *text)
{
	enum keytype t = KEYTYPE_NONE;
	char shown[ROSTER_SHOWN_MAX], list[120];
	if (text[0] == '\0')
		return;
	if (keytype_parse(&t, text, NULL) == 0 && (l->x->key_types & KEYTYPE_BIT(t)) != 0) {
		l->entry.key_type = t;
		return;
	}
	keytype_names(l->x->key_types, list, sizeof list);
	roster_fault_add(l->x->faults, l->number, "key_type '%s' is none that the CA takes: %s",
			 roster_shown(shown, text), list);
}

static void check_text(struct line *l, const char *column, const char *value, size_t most)
{
	char shown[ROSTER_SHOWN_MAX];
	if (strlen(value) > most)
		roster_fault_add(l->x->faults, l->number, "%s '%s' has more than %zu bytes", column,
				 roster_shown(shown, value), most);
	if (has_control(value))
		roster_fault_add(l->x->faults, l->number, "%s '%s' has a control character in it", column,
				 roster_shown(shown, value));
}

/* ---- the record */

static void check_columns(struct line *l, const struct csvread_record *rec)
{
	const struct roster_reading *x = l->x;
	char shown[ROSTER_SHOWN_MAX];
	if (rec->n < x->n_columns) {
		x->r->first_short = x->r->n_short++ == 0 ? rec->line : x->r->first_short;
		return;
	}
	for (size_t i = 0; i < rec->n; i++) {
		bool named = i < x->n_columns && x->columns[i] != -1;
		if (named || rec->fields[i][0] == '\0')
			continue;
		roster_fault_add(x->faults, rec->line,
				 "'%s' stands in column %zu, which has no name in the first line: is a separator in a "
				 "value that is not in quotes?",
				 roster_shown(shown, rec->fields[i]), i + 1);
		return;
	}
}

/* The further columns as JSON; NULL if all are empty. To be freed. */
static char *pack_extra(struct line *l, const struct csvread_record *rec)
{
	const struct roster_reading *x = l->x;
	json_t *all = NULL;
	char value[CSVREAD_FIELD_MAX + 1];
	for (size_t i = 0; i < rec->n && i < x->n_columns; i++) {
		if (x->columns[i] < ROSTER_COLUMN_COUNT)
			continue;
		const char *name = x->r->further[x->columns[i] - ROSTER_COLUMN_COUNT];
		roster_trim(value, rec->fields[i]);
		check_text(l, name, value, ROSTER_EXTRA_MAX);
		if (value[0] == '\0')
			continue;
		all = all != NULL ? all : json_object();
		json_object_set_new(all, name, json_string(value));
	}
	char *text = all != NULL ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(all);
	return text;
}

/* All values of a person in one block, which begins with the user. */
static void pack(struct line *l, const struct csvread_record *rec, const char *extra, char *values[])
{
	const struct roster_reading *x = l->x;
	const char *raw[ROSTER_COLUMN_COUNT] = {NULL};
	size_t size = ROSTER_COLUMN_COUNT + strlen(extra) + 1;
	for (size_t i = 0; i < rec->n && i < x->n_columns; i++) {
		if (x->columns[i] < 0 || x->columns[i] >= ROSTER_COLUMN_COUNT)
			continue;
		raw[x->columns[i]] = rec->fields[i];
		size += strlen(rec->fields[i]);
	}
	char *at = xcalloc(size, 1);
	for (int i = 0; i < ROSTER_COLUMN_COUNT; i++) {
		values[i] = at;
		at = roster_trim(at, raw[i] != NULL ? raw[i] : "");
	}
	memcpy(at, extra, strlen(extra) + 1);
	l->entry = (struct roster_entry){
	    .line = rec->line,
	    .user = values[ROSTER_USER],
	    .name = values[ROSTER_NAME],
	    .email = values[ROSTER_EMAIL],
	    .department = values[ROSTER_DEPARTMENT],
	    .language = values[ROSTER_LANGUAGE],
	    .token_serial = values[ROSTER_TOKEN_SERIAL],
	    .extra = at,
	};
}

static void check_values(struct line *l, char *const values[])
{
	check_text(l, "name", l->entry.name, ROSTER_NAME_MAX);
	check_text(l, "email", l->entry.email, ROSTER_EMAIL_MAX);
	check_email(l);
	check_text(l, "department", l->entry.department, ROSTER_NAME_MAX);
	check_language(l, values[ROSTER_LANGUAGE]);
	check_text(l, "token_serial", l->entry.token_serial, CSVREAD_FIELD_MAX);
	check_token_serial(l);
	check_key_type(l, values[ROSTER_KEY_TYPE]);
}

/* Room for twice as many, whenever it is full. */
static void add(struct roster *r, const struct roster_entry *entry, char *text)
{
	if ((r->n & (r->n - 1)) == 0) {
		size_t room = r->n != 0 ? 2 * r->n : 1;
		r->people = xrealloc(r->people, room, sizeof *r->people);
		r->texts = xrealloc(r->texts, room, sizeof(char *));
	}
	r->people[r->n] = *entry;
	r->texts[r->n++] = text;
}

void roster_take_line(struct roster_reading *x, const struct csvread_record *rec)
{
	struct line l = {.x = x, .number = rec->line};
	char *values[ROSTER_COLUMN_COUNT];
	char *extra = pack_extra(&l, rec);
	pack(&l, rec, extra != NULL ? extra : "", values);
	free(extra);
	check_columns(&l, rec);
	check_values(&l, values);
	/* others may be twins of one whose line is wrong in another way */
	if (check_user(&l))
		add(x->r, &l.entry, values[ROSTER_USER]);
	else
		free(values[ROSTER_USER]);
}
