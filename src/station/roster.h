/*
 * roster: the file that names the people who are to get tokens, read and
 * checked as a whole before anything is begun. In the parent process.
 *
 * It is CSV (csvread.h) in UTF-8. The first line names the columns, in any
 * order and case:
 *
 *     user          required; by the rule for user names
 *     name          as people call them
 *     email         one address
 *     department
 *     language      en, de or ru, also with a country behind it (de-AT)
 *     token_serial  the token that is meant for this person
 *     key_type      as for --key-type
 *
 * Any further column is a name for templates, as those in [template] of the
 * configuration are; its values are text as it is: an @ reads no file. Blanks
 * around values are left out, line breaks in them are blanks.
 */
#ifndef STATION_ROSTER_H
#define STATION_ROSTER_H

#include "core/err.h"
#include "store/roster.h"

#include <stdbool.h>
#include <stddef.h>

enum roster_column {
	ROSTER_USER,
	ROSTER_NAME,
	ROSTER_EMAIL,
	ROSTER_DEPARTMENT,
	ROSTER_LANGUAGE,
	ROSTER_TOKEN_SERIAL,
	ROSTER_KEY_TYPE,
	ROSTER_COLUMN_COUNT
};

#define ROSTER_PEOPLE_MAX 1000000

/* The lines that cannot be used, by number. Only the first ones are kept. */
#define ROSTER_FAULTS_KEPT 100

struct roster_fault {
	long line;
	char text[240]; /* fit to be shown */
};

struct roster_faults {
	struct roster_fault list[ROSTER_FAULTS_KEPT];
	size_t n;     /* kept */
	size_t n_all; /* found */
};

struct roster {
	char *source;   /* absolute, without links; "-" for standard input */
	char separator; /* ',', ';' or a tab */
	bool bom;
	bool has[ROSTER_COLUMN_COUNT];
	char **further; /* the names of the other columns */
	size_t n_further;
	struct roster_entry *people; /* in the order of the file */
	char **texts;                /* of each of them, one block */
	size_t n;
	size_t n_short;   /* lines with fewer fields than the header has: what is missing is empty */
	long first_short; /* the first such line */
};

/*
 * Reads a roster; "-" is standard input. key_types is the KEYTYPE_BIT set that the CA takes. ERR_ROSTER: it cannot be
 * used, and *faults tells which lines and why, if it has any. ERR_SYSTEM, ERR_INTERRUPTED. About 200 bytes of memory a
 * person are used, whatever is in the file.
 */
int roster_read(struct roster **ret, const char *path, unsigned key_types, struct roster_faults *faults, struct err *e);

/*
 * Whether the inventory writes somebody's user name in another case: that would be two people in it, and one in the
 * rosters and on file systems. ERR_ROSTER with *faults, as roster_read; the errors of the database.
 */
int roster_check_known(const struct roster *r, struct store *s, struct roster_faults *faults, struct err *e);

/* Frees what is kept of the people, once they are in the database; accepts NULL. */
void roster_forget_people(struct roster *r);

/* Frees; accepts NULL and nulls the pointer. */
void roster_free(struct roster **r);

/* "user", "name" … */
const char *roster_column_name(enum roster_column c);

#endif
