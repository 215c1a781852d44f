/*
 * roster_header: the first line of a roster, which names its columns.
 */
#include "core/config.h"
#include "core/xalloc.h"
#include "handover/names.h"
#include "handover/tlskey.h"
#include "station/roster_impl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const names[ROSTER_COLUMN_COUNT] = {
    [ROSTER_USER] = "user",         [ROSTER_NAME] = "name",
    [ROSTER_EMAIL] = "email",       [ROSTER_DEPARTMENT] = "department",
    [ROSTER_LANGUAGE] = "language", [ROSTER_TOKEN_SERIAL] = "token_serial",
    [ROSTER_KEY_TYPE] = "key_type",
};

const char *roster_column_name(enum roster_column c)
{
	return names[c];
}

/* What would be a secret in the clear, in a file that many have. */
static bool is_secret(const char *name)
{
	static const char *const secrets[] = {"pin", "puk", "so_pin", "so-pin", "password", "passphrase"};
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		if (strcasecmp(secrets[i], name) == 0)
			return true;
	}
	return false;
}

static const char *refusal_of(const char *name)
{
	if (is_secret(name))
		return "is a secret, and none belongs in a roster";
	if (!config_is_template_name(name))
		return "cannot be a name for templates: that has 1 to 48 of A-Z a-z 0-9 _ -";
	if (names_is_own(name) || tlskey_is_name(name))
		return "is a name that templates have from elsewhere: choose another one";
	return NULL;
}

static int find_known(const char *name)
{
	for (int i = 0; i < ROSTER_COLUMN_COUNT; i++) {
		if (strcasecmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static const char *column_name(const struct roster_reading *x, int column)
{
	return column < ROSTER_COLUMN_COUNT ? names[column] : x->r->further[column - ROSTER_COLUMN_COUNT];
}

/* The number of the earlier column with this name, from 1; 0 if there is none. */
static size_t find_earlier(const struct roster_reading *x, const char *name)
{
	for (size_t i = 0; i < x->n_columns; i++) {
		if (x->columns[i] != -1 && strcasecmp(column_name(x, x->columns[i]), name) == 0)
			return i + 1;
	}
	return 0;
}

static int add_further(struct roster *r, const char *name)
{
	r->further = xrealloc(r->further, r->n_further + 1, sizeof *r->further);
	r->further[r->n_further] = xstrdup(name);
	return ROSTER_COLUMN_COUNT + (int)r->n_further++;
}

/* Returns what the column is. */
static int take_column(struct roster_reading *x, long line, const char *name)
{
	char shown[ROSTER_SHOWN_MAX];
	int known = find_known(name);
	size_t earlier = find_earlier(x, name);
	if (name[0] == '\0')
		return -1;
	if (earlier != 0) {
		roster_fault_add(x->faults, line, "column %zu, '%s', is column %zu once more", x->n_columns + 1,
				 roster_shown(shown, name), earlier);
		return -1;
	}
	if (known != -1) {
		x->r->has[known] = true;
		return known;
	}
	const char *refusal = refusal_of(name);
	if (refusal != NULL) {
		roster_fault_add(x->faults, line, "column %zu, '%s', %s", x->n_columns + 1, roster_shown(shown, name),
				 refusal);
		return -1;
	}
	return add_further(x->r, name);
}

static void refuse_without_user(struct roster_reading *x, const struct csvread_record *rec)
{
	char list[160] = "", shown[ROSTER_SHOWN_MAX];
	for (size_t i = 0; i < rec->n && strlen(list) + ROSTER_SHOWN_MAX < sizeof list; i++) {
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s%s", n != 0 ? ", " : "", roster_shown(shown, rec->fields[i]));
	}
	roster_fault_add(x->faults, rec->line,
			 "no column is called 'user' (separators are , ; and tab); the first line has: %s", list);
}

void roster_take_header(struct roster_reading *x, const struct csvread_record *rec)
{
	char name[CSVREAD_FIELD_MAX + 1];
	bool has_user = false;
	for (size_t i = 0; i < rec->n; i++) {
		roster_trim(name, rec->fields[i]);
		has_user = has_user || strcasecmp(name, names[ROSTER_USER]) == 0;
	}
	if (!has_user) {
		refuse_without_user(x, rec);
		return;
	}
	for (size_t i = 0; i < rec->n; i++) {
		roster_trim(name, rec->fields[i]);
		x->columns[i] = take_column(x, rec->line, name);
		x->n_columns++;
	}
}
