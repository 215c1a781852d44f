/*
 * profile_read: the tables behind the files of profiles. A section is a part
 * of struct profile, a key of it a field, and each field has a kind that
 * reads its value and frees it. Only for pkcs11/profile*.c.
 */
#ifndef PKCS11_PROFILE_READ_H
#define PKCS11_PROFILE_READ_H

#include "pkcs11/profile.h"

#define PROFILE_FIELDS_MAX 24
#define PROFILE_SECTIONS_MAX 24

struct profile_reader {
	struct profile *p;
	const char *text; /* what is left of the file */
	int line;
	struct err *e; /* the first fault, by line */
	bool failed;
	int seen[PROFILE_SECTIONS_MAX][PROFILE_FIELDS_MAX]; /* the line of each key that was given */
	int seen_section[PROFILE_SECTIONS_MAX];             /* and of each section's first or latest header */
};

struct profile_word {
	const char *text;
	int value;
};

struct profile_field;

struct profile_kind {
	/* Returns 1, or 0 after profile_fault. */
	int (*set)(struct profile_reader *r, const struct profile_field *f, void *field, const char *value);
	void (*drop)(void *field); /* frees; NULL if there is nothing to free */
	bool many;                 /* each further line adds a value */
};

struct profile_field {
	const char *name;
	const struct profile_kind *kind;
	size_t offset;                    /* in the section's part */
	const struct profile_word *words; /* of a word; ended by a NULL text */
	unsigned max;                     /* of a number */
};

struct profile_section {
	const char *name;
	size_t offset;         /* in struct profile; of a pointer, where each header begins a new element */
	size_t size, offset_n; /* such an element's size, and where their number is; else 0 */
	size_t mark;           /* where the header sets a bool true; 0 nowhere */
	const struct profile_field *fields;
	size_t n;
};

extern const struct profile_section profile_sections[];
extern const size_t profile_n_sections;

/* Notes the first fault, at the reader's line. Returns 0, which is inih's word for an error. */
int profile_fault(struct profile_reader *r, const char *fmt, ...) ERR_PRINTF(2, 3);

/* The same for the line where this key was given, or its section begins. */
int profile_fault_at(struct profile_reader *r, const char *section, const char *key, const char *fmt, ...)
    ERR_PRINTF(4, 5);

/* Whether a section of this name is in the file. */
bool profile_has_section(const struct profile_reader *r, const char *section);

/* The kinds. */
extern const struct profile_kind profile_kind_text, profile_kind_joined, profile_kind_list, profile_kind_atr,
    profile_kind_number, profile_kind_size, profile_kind_bool, profile_kind_word, profile_kind_hex, profile_kind_types,
    profile_kind_setting;
extern const struct profile_kind profile_kind_place, profile_kind_omit_public, profile_kind_omit_private,
    profile_kind_add, profile_kind_ignore;
extern const struct profile_kind profile_kind_apdu, profile_kind_argument;

/* Adds a copy of text. */
void profile_list_add(struct profile_list *l, const char *text);
void profile_list_drop(void *list);

/* What a file that says nothing means. */
void profile_set_defaults(struct profile *p);

/* What depends on several values, once all are known. Returns 1, or 0 after profile_fault. */
int profile_complete(struct profile_reader *r);

/* The part of it that a profile without a file needs, too. */
int profile_complete_calls(struct profile_reader *r);

/* The one that says nothing. */
const struct profile *profiles_builtin(const struct profiles *p);

/* The number of characters besides * and ? if text matches the pattern, else -1. */
int profile_pattern(const char *pattern, const char *text);

/* An argument of C_SetPIN or C_InitPIN from its text; 1, or 0 after profile_fault. */
int profile_template_argument(struct profile_reader *r, struct profile_template *ret, const char *text);

#endif
