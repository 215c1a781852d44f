#include "core/keytype.h"
#include "core/xalloc.h"
#include "pkcs11/profile_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void drop_text(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static int set_text(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)r, (void)f;
	drop_text(field);
	*(char **)field = xstrdup(value);
	return 1;
}

/* Further lines go on with the text: a sentence in another script is soon longer than a line may be. */
static int set_joined(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	char **text = field;
	if (*text == NULL)
		return set_text(r, f, field, value);
	char *longer = xasprintf("%s %s", *text, value);
	free(*text);
	*text = longer;
	return 1;
}

void profile_list_add(struct profile_list *l, const char *text)
{
	l->v = xrealloc(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = xstrdup(text);
}

void profile_list_drop(void *list)
{
	struct profile_list *l = list;
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof *l);
}

static int set_list(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)r, (void)f;
	profile_list_add(field, value);
	return 1;
}

/* "3B F8 ?? *", also with colons, as it is compared: uppercase digits and wildcards only. */
static int set_atr(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	char pattern[256];
	size_t n = 0;
	(void)f;
	for (const char *c = value; *c != '\0' && n + 1 < sizeof pattern; c++) {
		if (strchr(" \t:", *c) != NULL)
			continue;
		if (!isxdigit((unsigned char)*c) && *c != '?' && *c != '*')
			return profile_fault(r, "'%c' does not belong in an ATR: it has hex digits, and ? or * for any",
					     *c);
		pattern[n++] = (char)toupper((unsigned char)*c);
	}
	pattern[n] = '\0';
	if (strchr(pattern, '*') == NULL && n % 2 != 0)
		return profile_fault(r, "an ATR has an even number of hex digits, this one has %zu", n);
	profile_list_add(field, pattern);
	return 1;
}

static int read_number(struct profile_reader *r, const struct profile_field *f, const char *value, unsigned *ret)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 || v > f->max)
		return profile_fault(r, "'%s' is not a number from 0 to %u", value, f->max);
	*ret = (unsigned)v;
	return 1;
}

static int set_number(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	return read_number(r, f, value, field);
}

static int set_size(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	unsigned v = 0;
	if (!read_number(r, f, value, &v))
		return 0;
	*(size_t *)field = v;
	return 1;
}

static int read_word(struct profile_reader *r, const struct profile_word *words, const char *value, int *ret)
{
	char list[256] = "";
	for (const struct profile_word *w = words; w->text != NULL; w++) {
		if (strcmp(w->text, value) == 0) {
			*ret = w->value;
			return 1;
		}
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s%s", n != 0 ? ", " : "", w->text);
	}
	return profile_fault(r, "'%s' is not one of %s", value, list);
}

static int set_word(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	int v = 0;
	if (!read_word(r, f->words, value, &v))
		return 0;
	/* every enum of struct profile has the size of an unsigned int */
	*(unsigned *)field = (unsigned)v;
	return 1;
}

static int set_bool(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	static const struct profile_word yes_no[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};
	int v = 0;
	if (!read_word(r, f->words != NULL ? f->words : yes_no, value, &v))
		return 0;
	*(bool *)field = v != 0;
	return 1;
}

static int set_hex(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)f;
	return hex_decode(field, value) == 0 ? 1 : profile_fault(r, "'%s' is not an even number of hex digits", value);
}

static void drop_hex(void *field)
{
	blob_free(field);
}

static int set_types(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	char *words = xstrdup(value), *save = NULL;
	int ok = 1;
	(void)f;
	for (char *w = strtok_r(words, ", \t", &save); w != NULL && ok; w = strtok_r(NULL, ", \t", &save)) {
		enum keytype t = KEYTYPE_NONE;
		struct err e = ERR_INIT;
		ok = keytype_parse(&t, w, &e) == 0 ? 1 : profile_fault(r, "%s; %s", e.what, err_advice(&e));
		*(unsigned *)field |= KEYTYPE_BIT(t);
	}
	free(words);
	return ok;
}

/* One setting of OpenSC's configuration, into which it goes as it is: nothing may end the block around it. */
static int set_setting(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t n = strspn(value, name), gap = n + strspn(value + n, " \t");
	const char *setting = value + gap + 1;
	(void)f;
	if (n == 0 || value[gap] != '=')
		return profile_fault(r, "'%s' is not a setting of OpenSC: name = value", value);
	setting += strspn(setting, " \t");
	if (*setting == '\0' || strspn(setting, name) != strlen(setting))
		return profile_fault(r, "'%s' cannot be the value of an OpenSC setting: use letters, digits and _",
				     setting);
	char *clean = xasprintf("%.*s = %s", (int)n, value, setting);
	profile_list_add(field, clean);
	free(clean);
	return 1;
}

_Static_assert(sizeof(enum profile_who) == sizeof(unsigned), "set_word writes every enum as an unsigned int");

const struct profile_kind profile_kind_text = {set_text, drop_text, false};
const struct profile_kind profile_kind_joined = {set_joined, drop_text, true};
const struct profile_kind profile_kind_list = {set_list, profile_list_drop, true};
const struct profile_kind profile_kind_atr = {set_atr, profile_list_drop, true};
const struct profile_kind profile_kind_number = {set_number, NULL, false};
const struct profile_kind profile_kind_size = {set_size, NULL, false};
const struct profile_kind profile_kind_bool = {set_bool, NULL, false};
const struct profile_kind profile_kind_word = {set_word, NULL, false};
const struct profile_kind profile_kind_hex = {set_hex, drop_hex, false};
const struct profile_kind profile_kind_types = {set_types, NULL, true};
const struct profile_kind profile_kind_setting = {set_setting, profile_list_drop, true};
