/*
 * rosterui: a roster that was looked at, for people and programs.
 */
#ifndef ROSTERUI_H
#define ROSTERUI_H

#include "options.h"
#include "station/roster.h"

#include <time.h>

struct json_t;

/* Somebody on the roster who has a certificate already, or whose token is another one's. */
struct rosterui_person {
	const struct roster_entry *entry;
	time_t until;    /* of the certificate */
	char holder[65]; /* of the token */
};

struct rosterui {
	const struct roster *roster;
	struct roster_merged merged;
	bool known; /* it was opened before */
	char holder[ROSTER_HOLDER_MAX];
	struct rosterui_person *certified, *taken;
	size_t n_certified, n_taken;
};

/* The lines that cannot be used, on stderr, each with its number. */
void rosterui_faults(const struct roster_faults *f);

/* The error of a roster that cannot be used as a JSON document, with its faults. Printed as report_error_json does. */
void rosterui_faults_json(const struct roster_faults *f, const struct err *error);

/* What was found, on stdout. */
void rosterui_print(const struct rosterui *u);
struct json_t *rosterui_json(const struct rosterui *u);

/* For each language and key type how many people have it; the last one of each is for those without. */
#define ROSTERUI_LANGUAGES 4
struct rosterui_sums {
	size_t languages[ROSTERUI_LANGUAGES]; /* en, de, ru, none */
	size_t key_types[8];                  /* enum keytype */
	size_t reserved;                      /* people with a token_serial */
};
extern const char *const rosterui_languages[ROSTERUI_LANGUAGES];
void rosterui_sum(struct rosterui_sums *ret, const struct roster *r);

#endif
