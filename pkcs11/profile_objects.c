/* Kinds of fields about keys and objects: places, template attributes, and objects that are nobody's. */
#include "core/xalloc.h"
#include "pkcs11/profile_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* CKO_PROFILE of PKCS#11 v3.0, 4.11, which these headers do not have yet */
#define OBJECT_CLASS_PROFILE 9ul
#define ANY_CLASS ((CK_OBJECT_CLASS)-1)

/* "01 9a PIV Authentication" */
static int set_place(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	struct profile_key *key = field;
	char *hex = xstrdup(value);
	char *name = hex + strcspn(hex, " \t");
	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, " \t");
	struct profile_place place = {BLOB_INIT, NULL};
	(void)f;
	int ok = hex_decode(&place.id, hex) == 0 && place.id.len != 0;
	if (!ok) {
		profile_fault(r, "'%s' is not a CKA_ID in hex digits; a place is CKA_ID and name", hex);
		blob_free(&place.id);
	} else {
		place.name = xstrdup(*name != '\0' ? name : hex);
		key->place = xrealloc(key->place, key->n_place + 1, sizeof *key->place);
		key->place[key->n_place++] = place;
	}
	free(hex);
	return ok;
}

static void drop_place(void *field)
{
	struct profile_key *key = field;
	for (size_t i = 0; i < key->n_place; i++) {
		blob_free(&key->place[i].id);
		free(key->place[i].name);
	}
	free(key->place);
	key->place = NULL;
	key->n_place = 0;
}

enum { OMIT_PUBLIC = 1, OMIT_PRIVATE = 2, ADD = 4, COMPUTED = 8 };

/* What may be left out of our templates, or added to them: nothing that lets a key be read, wrapped or derived from. */
static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
	unsigned use;
} attributes[] = {
    {"CLASS", CKA_CLASS, ADD | COMPUTED},
    {"KEY_TYPE", CKA_KEY_TYPE, ADD | COMPUTED},
    {"TOKEN", CKA_TOKEN, OMIT_PUBLIC | ADD},
    {"PRIVATE", CKA_PRIVATE, OMIT_PRIVATE | ADD},
    {"LABEL", CKA_LABEL, OMIT_PUBLIC | OMIT_PRIVATE},
    {"ID", CKA_ID, OMIT_PUBLIC | OMIT_PRIVATE},
    {"EXTRACTABLE", CKA_EXTRACTABLE, OMIT_PRIVATE},
    {"SIGN", CKA_SIGN, OMIT_PRIVATE | ADD},
    {"VERIFY", CKA_VERIFY, OMIT_PUBLIC | ADD},
    {"PUBLIC_EXPONENT", CKA_PUBLIC_EXPONENT, OMIT_PUBLIC},
    {"ENCRYPT", CKA_ENCRYPT, ADD},
    {"DECRYPT", CKA_DECRYPT, ADD},
    {"MODIFIABLE", CKA_MODIFIABLE, ADD},
    {"ALWAYS_AUTHENTICATE", CKA_ALWAYS_AUTHENTICATE, ADD},
};

#define N_ATTRIBUTES (sizeof attributes / sizeof *attributes)

/* The row of a name of len bytes for this use; -1 if there is none. */
static int find_attribute(const char *name, size_t len, unsigned use)
{
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		if ((attributes[i].use & use) != 0 && strlen(attributes[i].name) == len &&
		    memcmp(attributes[i].name, name, len) == 0)
			return (int)i;
	}
	return -1;
}

static int no_attribute(struct profile_reader *r, const char *what, const char *name, unsigned use)
{
	char list[256] = "";
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		size_t n = strlen(list);
		if ((attributes[i].use & use) != 0)
			snprintf(list + n, sizeof list - n, "%s%s", n != 0 ? ", " : "", attributes[i].name);
	}
	return profile_fault(r, "'%s' cannot be %s a template; these can: %s", name, what, list);
}

static int set_omit(struct profile_reader *r, unsigned use, struct profile_types *types, const char *value)
{
	char *words = xstrdup(value), *save = NULL;
	int ok = 1;
	for (char *w = strtok_r(words, ", \t", &save); w != NULL && ok; w = strtok_r(NULL, ", \t", &save)) {
		int i = find_attribute(w, strlen(w), use);
		if (i < 0)
			ok = no_attribute(r, "left out of", w, use);
		else if (types->n == sizeof types->v / sizeof *types->v)
			ok = profile_fault(r, "more attributes than there are in a template");
		else
			types->v[types->n++] = attributes[i].type;
	}
	free(words);
	return ok;
}

static int set_omit_public(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)f;
	return set_omit(r, OMIT_PUBLIC, field, value);
}

static int set_omit_private(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)f;
	return set_omit(r, OMIT_PRIVATE, field, value);
}

/* "0x80002003=01": only numbers of vendors, whose meaning the standard leaves to them. */
static int vendor_attribute(struct profile_reader *r, const char *word, struct profile_attribute *ret)
{
	char *end;
	unsigned long type = strtoul(word, &end, 16);
	struct blob value = BLOB_INIT;
	bool ok = *end == '=' && (type & CKA_VENDOR_DEFINED) != 0 && type <= 0xFFFFFFFFul &&
		  hex_decode(&value, end + 1) == 0 && value.len <= sizeof ret->value;
	if (ok) {
		ret->type = type;
		ret->len = value.len;
		memcpy(ret->value, value.data, value.len);
	}
	blob_free(&value);
	return ok ? 1
		  : profile_fault(r,
				  "'%s' is not a vendor's attribute: 0x80000000 or more, =, at most %zu bytes in hex",
				  word, sizeof ret->value);
}

static int read_attribute(struct profile_reader *r, const char *word, struct profile_attribute *ret)
{
	if (strncmp(word, "0x", 2) == 0)
		return vendor_attribute(r, word, ret);
	size_t n = strcspn(word, "=");
	int i = find_attribute(word, n, ADD);
	if (i < 0)
		return no_attribute(r, "added to", word, ADD);
	ret->type = attributes[i].type;
	ret->computed = (attributes[i].use & COMPUTED) != 0;
	if (ret->computed)
		return word[n] == '\0' ? 1 : profile_fault(r, "the value of %.*s depends on the key", (int)n, word);
	ret->len = 1;
	ret->value[0] = strcmp(word + n, "=yes") == 0;
	return ret->value[0] || strcmp(word + n, "=no") == 0
		   ? 1
		   : profile_fault(r, "'%s' needs =yes or =no behind the name", word);
}

static int set_add(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	struct profile_attributes *list = field;
	char *words = xstrdup(value), *save = NULL;
	int ok = 1;
	(void)f;
	for (char *w = strtok_r(words, ", \t", &save); w != NULL && ok; w = strtok_r(NULL, ", \t", &save)) {
		struct profile_attribute a = {.type = 0};
		ok = read_attribute(r, w, &a);
		if (!ok)
			break;
		list->v = xrealloc(list->v, list->n + 1, sizeof *list->v);
		list->v[list->n++] = a;
	}
	free(words);
	return ok;
}

static void drop_add(void *field)
{
	struct profile_attributes *list = field;
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

static const struct profile_word classes[] = {
    {"any", -1},
    {"data", CKO_DATA},
    {"certificate", CKO_CERTIFICATE},
    {"public-key", CKO_PUBLIC_KEY},
    {"private-key", CKO_PRIVATE_KEY},
    {"secret-key", CKO_SECRET_KEY},
    {NULL, 0},
};

static int ignore_class(struct profile_reader *r, const char *word, CK_OBJECT_CLASS *ret)
{
	for (const struct profile_word *w = classes; w->text != NULL; w++) {
		if (strcmp(w->text, word) == 0) {
			*ret = w->value < 0 ? ANY_CLASS : (CK_OBJECT_CLASS)w->value;
			return 1;
		}
	}
	return profile_fault(
	    r, "'%s' is no class of objects: any, data, certificate, public-key, private-key, secret-key", word);
}

/* id=PATTERN or session; the words label= and subject= take the rest of the line. */
static int ignore_conditions(struct profile_reader *r, char *rest, struct profile_ignore *ret)
{
	while (*(rest += strspn(rest, " \t")) != '\0') {
		size_t n = strcspn(rest, " \t");
		if (strncmp(rest, "label=", 6) == 0 || strncmp(rest, "subject=", 8) == 0) {
			bool label = *rest == 'l';
			*(label ? &ret->label : &ret->subject) = xstrdup(rest + (label ? 6 : 8));
			return 1;
		}
		if (n == 7 && memcmp(rest, "session", n) == 0) {
			ret->session = true;
		} else if (n > 3 && memcmp(rest, "id=", 3) == 0 && ret->id == NULL) {
			ret->id = xasprintf("%.*s", (int)n - 3, rest + 3);
		} else {
			return profile_fault(
			    r, "'%.*s' is no condition on an object: id=, session, label=, subject=", (int)n, rest);
		}
		rest += n;
	}
	return ret->session || ret->id != NULL ? 1 : profile_fault(r, "every object of a class cannot be ignored");
}

static void free_ignore(struct profile_ignore *i)
{
	free(i->id);
	free(i->label);
	free(i->subject);
}

static int set_ignore(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	struct profile *p = r->p;
	struct profile_ignore one = {.class = ANY_CLASS};
	char *words = xstrdup(value), *rest = words + strcspn(words, " \t");
	(void)f, (void)field;
	if (*rest != '\0')
		*rest++ = '\0';
	int ok = ignore_class(r, words, &one.class) && ignore_conditions(r, rest, &one);
	if (ok) {
		p->ignore = xrealloc(p->ignore, p->n_ignore + 1, sizeof *p->ignore);
		p->ignore[p->n_ignore++] = one;
	} else {
		free_ignore(&one);
	}
	free(words);
	return ok;
}

static void drop_ignore(void *field)
{
	struct profile *p = field;
	for (size_t i = 0; i < p->n_ignore; i++)
		free_ignore(&p->ignore[i]);
	free(p->ignore);
	p->ignore = NULL;
	p->n_ignore = 0;
}

static bool fits(const char *pattern, const char *text)
{
	return pattern == NULL || (text != NULL && profile_pattern(pattern, text) >= 0);
}

static bool ignores(const struct profile_ignore *i, const struct profile_object *o, const char *id)
{
	return (i->class == ANY_CLASS || i->class == o->class) && !(i->session && o->token) && fits(i->id, id) &&
	       fits(i->label, o->label) && fits(i->subject, o->subject);
}

bool profile_class_describes(CK_OBJECT_CLASS class)
{
	return class == CKO_HW_FEATURE || class == CKO_MECHANISM || class == OBJECT_CLASS_PROFILE;
}

bool profile_ignores(const struct profile *p, const struct profile_object *o)
{
	char id[2 * 64 + 1] = "";
	if (profile_class_describes(o->class))
		return true;
	/* no pattern is for an id that long */
	if (o->id != NULL && o->id->len < sizeof id / 2)
		hex_encode(id, sizeof id, o->id->data, o->id->len);
	for (size_t i = 0; i < p->n_ignore; i++) {
		if (ignores(&p->ignore[i], o, id))
			return true;
	}
	return false;
}

const struct profile_kind profile_kind_place = {set_place, drop_place, true};
const struct profile_kind profile_kind_omit_public = {set_omit_public, NULL, true};
const struct profile_kind profile_kind_omit_private = {set_omit_private, NULL, true};
const struct profile_kind profile_kind_add = {set_add, drop_add, true};
const struct profile_kind profile_kind_ignore = {set_ignore, drop_ignore, true};
