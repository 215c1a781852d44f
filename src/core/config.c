#include "core/config.h"
#include "core/config_impl.h"
#include "core/keypolicy.h"
#include "core/keytype.h"
#include "core/words.h"
#include "core/xalloc.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* inih reads lines into a buffer of this size and would take the rest of a longer one for a new line */
#define LINE_LIMIT 198
#define KEYS_MAX 64

struct reader {
	struct config *c;
	const char *text; /* what is left of the file */
	int line;
	struct err *e; /* the first fault, by line */
	bool failed;
	int seen[KEYS_MAX]; /* the line of each key that was given */
};

static int fault(struct reader *r, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Keeps the first fault only. Returns 0, which is inih's word for an error. */
static int fault(struct reader *r, const char *fmt, ...)
{
	if (r->failed)
		return 0;
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(r->e, ERR_CONFIG, "%s, line %d: %s", r->c->path, r->line, text);
	r->failed = true;
	return 0;
}

static int set_text(struct reader *r, void *field, const char *value)
{
	(void)r;
	char **text = field;
	free(*text);
	*text = *value != '\0' ? xstrdup(value) : NULL;
	return 1;
}

static int set_text_or_empty(struct reader *r, void *field, const char *value)
{
	(void)r;
	char **text = field;
	free(*text);
	*text = xstrdup(value);
	return 1;
}

/* A relative path counts from the folder of the configuration, wherever the command is run: with another journal in
 * each folder nothing would be known of whom a token belongs to. */
static int set_path(struct reader *r, void *field, const char *value)
{
	const char *config = r->c->path, *slash = strrchr(config, '/');
	if (*value == '\0' || *value == '/' || slash == NULL || strncmp(value, "pkcs11:", 7) == 0)
		return set_text(r, field, value);
	char *path = xasprintf("%.*s%s", (int)(slash - config) + 1, config, value);
	int ret = set_text(r, field, path);
	free(path);
	return ret;
}

/* A name that p11-kit knows, or a path. */
static int set_module(struct reader *r, void *field, const char *value)
{
	return strchr(value, '/') != NULL ? set_path(r, field, value) : set_text(r, field, value);
}

static int set_command(struct reader *r, void *field, const char *value)
{
	struct err e = ERR_INIT;
	return words_check(value, &e) == 0 ? set_text(r, field, value) : fault(r, "%s", e.what);
}

static int add_path(struct reader *r, void *field, const char *value)
{
	char *path = NULL;
	int ret = set_path(r, &path, value);
	if (path != NULL)
		config_list_add(field, path);
	return ret;
}

static int add_variable(struct reader *r, void *field, const char *value)
{
	if (*value != '\0' && !config_list_is_variable(value))
		return fault(r, "'%s' is not NAME=VALUE of a variable of the environment", value);
	if (*value != '\0')
		config_list_add(field, xstrdup(value));
	return 1;
}

static int set_count(struct reader *r, void *field, const char *value, long min, long max)
{
	char *end;
	errno = 0;
	long v = strtol(value, &end, 10);
	if (*value == '\0')
		return 1;
	if (*end != '\0' || errno != 0 || v < min || v > max)
		return fault(r, "'%s' is not a number from %ld to %ld", value, min, max);
	*(long *)field = v;
	return 1;
}

static int set_days(struct reader *r, void *field, const char *value)
{
	return set_count(r, field, value, 1, 36500);
}

static int set_overlap(struct reader *r, void *field, const char *value)
{
	return set_count(r, field, value, 0, 3650);
}

static int set_seconds(struct reader *r, void *field, const char *value)
{
	return set_count(r, field, value, 1, 3600);
}

static int set_key_type(struct reader *r, void *field, const char *value)
{
	enum keytype t;
	struct err e = ERR_INIT;
	if (*value == '\0')
		return 1;
	if (keytype_parse(&t, value, &e) != 0)
		return fault(r, "%s; %s", e.what, err_advice(&e));
	*(unsigned *)field = t;
	return 1;
}

static int set_key_types(struct reader *r, void *field, const char *value)
{
	unsigned set = 0;
	char *words = xstrdup(value), *save = NULL;
	int ok = 1;
	for (char *w = strtok_r(words, ", \t", &save); w != NULL && ok; w = strtok_r(NULL, ", \t", &save)) {
		unsigned t = KEYTYPE_NONE;
		ok = set_key_type(r, &t, w);
		set |= KEYTYPE_BIT(t);
	}
	free(words);
	if (ok && set != 0)
		*(unsigned *)field = set;
	return ok;
}

struct word {
	const char *text;
	int value;
};

static int set_word(struct reader *r, int *ret, const char *value, const struct word *words, const char *list)
{
	if (*value == '\0')
		return 1;
	for (; words->text != NULL; words++) {
		if (strcmp(words->text, value) == 0) {
			*ret = words->value;
			return 1;
		}
	}
	return fault(r, "'%s' is not one of %s", value, list);
}

static int set_pin(struct reader *r, void *field, const char *value)
{
	static const struct word words[] = {
	    {"ask", CONFIG_PIN_ASK}, {"random", CONFIG_PIN_RANDOM}, {"keep", CONFIG_PIN_KEEP}, {NULL, 0}};
	int v = *(enum config_pin *)field;
	int ok = set_word(r, &v, value, words, "ask, random, keep");
	*(enum config_pin *)field = (enum config_pin)v;
	return ok;
}

static int set_tls(struct reader *r, void *field, const char *value)
{
	static const struct word words[] = {
	    {"starttls", CONFIG_MAIL_STARTTLS}, {"tls", CONFIG_MAIL_TLS}, {"none", CONFIG_MAIL_PLAIN}, {NULL, 0}};
	int v = *(enum config_mail_tls *)field;
	int ok = set_word(r, &v, value, words, "starttls, tls, none");
	*(enum config_mail_tls *)field = (enum config_mail_tls)v;
	return ok;
}

static int set_choice(struct reader *r, bool *field, const char *value, const struct word *words, const char *list)
{
	int v = *field;
	int ok = set_word(r, &v, value, words, list);
	*field = v != 0;
	return ok;
}

static int set_format(struct reader *r, void *field, const char *value)
{
	static const struct word words[] = {{"pdf", CONFIG_LETTER_PDF}, {"ps", CONFIG_LETTER_PS}, {NULL, 0}};
	int v = *(enum config_letter_format *)field;
	int ok = set_word(r, &v, value, words, "pdf, ps");
	*(enum config_letter_format *)field = (enum config_letter_format)v;
	return ok;
}

/* It becomes a part of a file's name. */
static int set_language(struct reader *r, void *field, const char *value)
{
	size_t n = strlen(value);
	if (n == 0)
		return 1;
	if (n < 2 || n > 3 || strspn(value, "abcdefghijklmnopqrstuvwxyz") != n)
		return fault(r, "'%s' is not a language's code of two or three small letters, as de", value);
	return set_text(r, field, value);
}

static int set_yes_no(struct reader *r, void *field, const char *value)
{
	static const struct word words[] = {{"yes", true}, {"no", false}, {NULL, 0}};
	return set_choice(r, field, value, words, "yes, no");
}

static int set_touch(struct reader *r, void *field, const char *value)
{
	static const struct word words[] = {{"any", false}, {"required", true}, {NULL, 0}};
	return set_choice(r, field, value, words, "any, required");
}

static int set_pins(struct reader *r, void *field, const char *value)
{
	bool known = *value == '\0' || config_pins_parse(field, value, NULL) == 0;
	return known ? 1 : fault(r, "'%s' is not one of random, typed, pad, keep", value);
}

static int set_pin_policies(struct reader *r, void *field, const char *value)
{
	struct err e = ERR_INIT;
	return keypolicy_parse_pins(field, value, &e) == 0 ? 1 : fault(r, "%s", e.what);
}

struct key {
	const char *section, *name;
	size_t offset;
	int (*set)(struct reader *r, void *field, const char *value);
};

#define KEY(section, name, field, set)                             \
	{                                                          \
		section, name, offsetof(struct config, field), set \
	}

static const struct key keys[] = {
    KEY("ca", "pki", ca.pki, set_path),
    KEY("ca", "cert", ca.cert, set_path),
    KEY("ca", "chain", ca.chain, set_path),
    KEY("ca", "key", ca.key, set_path),
    KEY("ca", "hsm-env", ca.hsm_env, add_variable),
    KEY("ca", "hsm-writes", ca.hsm_writes, add_path),
    KEY("ca", "vars", ca.vars, set_path),
    KEY("ca", "x509-types", ca.x509_types, set_path),
    KEY("ca", "crl", ca.crl, set_path),
    KEY("ca", "after-crl", ca.after_crl, set_command),
    KEY("ca", "days", ca.days, set_days),
    KEY("ca", "overlap", ca.overlap, set_overlap),
    KEY("ca", "key-types", ca.key_types, set_key_types),
    KEY("ca", "lock-wait", ca.lock_wait, set_seconds),
    KEY("ca", "require-attestation", ca.require_attestation, set_yes_no),
    KEY("ca", "attestation-roots", ca.attestation_roots, set_path),
    KEY("ca", "attestation-pin-policy", ca.attestation_pins, set_pin_policies),
    KEY("ca", "attestation-touch", ca.attestation_touch, set_touch),
    KEY("token", "module", token.module, set_module),
    KEY("token", "profiles", token.profiles, set_path),
    KEY("token", "key-type", token.key_type, set_key_type),
    KEY("token", "pin", token.pin, set_pin),
    KEY("token", "timeout", token.timeout, set_seconds),
    KEY("vpn", "templates", vpn.templates, set_path),
    KEY("vpn", "client-module-linux", vpn.client_module[PLATFORM_LINUX], set_text),
    KEY("vpn", "client-module-windows", vpn.client_module[PLATFORM_WINDOWS], set_text),
    KEY("vpn", "client-module-macos", vpn.client_module[PLATFORM_MACOS], set_text),
    KEY("bundle", "dir", bundle.dir, set_path),
    KEY("bundle", "legacy-placeholder", bundle.legacy_placeholder, set_text_or_empty),
    KEY("mail", "to", mail.to, set_text),
    KEY("mail", "from", mail.from, set_text),
    KEY("mail", "smtp", mail.smtp, set_text),
    KEY("mail", "user", mail.user, set_text),
    KEY("mail", "password-file", mail.password_file, set_path),
    KEY("mail", "tls", mail.tls, set_tls),
    KEY("mail", "ca-file", mail.ca_file, set_path),
    KEY("crl", "warn-days", crl.warn_days, set_days),
    KEY("crl", "critical-days", crl.critical_days, set_days),
    KEY("station", "pins", station.pins, set_pins),
    KEY("escrow", "recovery", escrow.recovery, add_path),
    KEY("letter", "command", letter.command, set_command),
    KEY("letter", "timeout", letter.timeout, set_seconds),
    KEY("letter", "folder", letter.folder, set_path),
    KEY("letter", "recipient", letter.recipients, add_path),
    KEY("letter", "format", letter.format, set_format),
    KEY("letter", "templates", letter.templates, set_path),
    KEY("letter", "language", letter.language, set_language),
    KEY("audit", "syslog", audit.syslog, set_yes_no),
    KEY("status", "warn-days", status.warn_days, set_days),
    KEY("status", "critical-days", status.critical_days, set_days),
    KEY("status", "ca-warn-days", status.ca_warn_days, set_days),
    KEY("store", "path", store_path, set_path),
};

#define N_KEYS (sizeof keys / sizeof *keys)
_Static_assert(N_KEYS <= KEYS_MAX, "each key needs a place for its line");

static bool is_section(const char *name)
{
	if (strcmp(name, "template") == 0)
		return true;
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, name) == 0)
			return true;
	}
	return false;
}

static int add_name(struct reader *r, const char *name, const char *value)
{
	if (!config_is_template_name(name))
		return fault(r, "'%s' is not a name for a template: use up to %d letters, digits, _ and -", name,
			     CONFIG_NAME_MAX);
	const struct config_name *before = config_find_name(r->c, name);
	if (before != NULL)
		return fault(r, "'%s' is given twice, first in line %d", name, before->line);
	struct config_name *n = config_new_name(r->c, name);
	n->value = xstrdup(value);
	n->line = r->line;
	return 1;
}

static bool may_repeat(const struct key *k)
{
	return k->set == add_path || k->set == add_variable;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	if (strcmp(section, "template") == 0)
		return add_name(r, name, value);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		if (r->seen[i] != 0 && !may_repeat(&keys[i]))
			return fault(r, "[%s] %s is given twice, first in line %d", section, name, r->seen[i]);
		r->seen[i] = r->line;
		return keys[i].set(r, (char *)r->c + keys[i].offset, value);
	}
	if (*section == '\0')
		return fault(r, "'%s' stands before the first [section]", name);
	return fault(r, "[%s] has no key '%s'", section, name);
}

/* An unknown section is a fault even when there is nothing in it, where inih calls nobody. */
static void check_section(struct reader *r, const char *line)
{
	char name[64];
	if (*line == '[' && strchr(line, ']') == NULL)
		fault(r, "the ] behind the section's name is missing");
	if (sscanf(line, "[%63[^]\n]]", name) == 1 && !is_section(name))
		fault(r, "there is no section [%s]", name);
}

static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;
	/* inih takes an indented line for more of the value above it, which nobody wants who indents a whole file */
	r->text += strspn(r->text, " \t");
	if (*r->text == '\0')
		return NULL;
	size_t n = strcspn(r->text, "\n");
	size_t whole = n + (r->text[n] == '\n');
	r->line++;
	if (n > LINE_LIMIT || whole >= (size_t)size) {
		fault(r, "the line is longer than %d bytes", LINE_LIMIT);
		return NULL;
	}
	memcpy(buf, r->text, whole);
	buf[whole] = '\0';
	r->text += whole;
	check_section(r, buf);
	return buf;
}

int config_parse(struct config **ret, const char *path, struct blob *text, struct err *e)
{
	struct config *c = xcalloc(1, sizeof *c);
	c->path = xstrdup(path);
	blob_take(&c->text, text->data, text->len);
	*text = (struct blob)BLOB_INIT;
	config_set_defaults(c);
	struct reader r = {.c = c, .text = (const char *)c->text.data, .e = e};
	int line = ini_parse_stream(next_line, &r, on_pair, &r);
	if (!r.failed && line != 0) {
		r.line = line;
		fault(&r, "neither a [section], a comment, nor name = value");
	}
	if (r.failed || config_complete(c, e) != 0) {
		config_free(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

static bool is_text(const struct key *k)
{
	return k->set == set_text || k->set == set_text_or_empty || k->set == set_path || k->set == set_module ||
	       k->set == set_command || k->set == set_language;
}

void config_free(struct config **c)
{
	if (c == NULL || *c == NULL)
		return;
	for (size_t i = 0; i < N_KEYS; i++) {
		if (is_text(&keys[i]))
			free(*(char **)(void *)((char *)*c + keys[i].offset));
	}
	for (size_t i = 0; i < (*c)->n_names; i++) {
		free((*c)->names[i].name);
		free((*c)->names[i].value);
	}
	free((*c)->names);
	config_list_free(&(*c)->escrow.recovery);
	config_list_free(&(*c)->letter.recipients);
	config_list_free(&(*c)->ca.hsm_env);
	config_list_free(&(*c)->ca.hsm_writes);
	hidden_free(&(*c)->hidden);
	free((*c)->path);
	blob_free(&(*c)->text);
	free(*c);
	*c = NULL;
}
