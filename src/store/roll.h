/*
 * roll: the inventory as a list: one row for each credential, and for each
 * certificate of index.txt that no credential has. A list by name is held in
 * memory, about 200 bytes a row; one by the certificates' end is not.
 */
#ifndef STORE_ROLL_H
#define STORE_ROLL_H

#include "store/store.h"

/* The states of a certificate that no credential has: bits beside 1 << enum cred_state. */
enum {
	ROLL_CERT_VALID = 1 << CRED_STATE_COUNT,
	ROLL_CERT_REVOKED = 2 << CRED_STATE_COUNT,
	ROLL_CERT_EXPIRED = 4 << CRED_STATE_COUNT,
};

#define ROLL_UNFINISHED ((1U << CRED_DELIVERED) - 1U)
#define ROLL_LIVE (ROLL_UNFINISHED | 1U << CRED_DELIVERED | ROLL_CERT_VALID | ROLL_CERT_EXPIRED)
#define ROLL_ALL ((8U << CRED_STATE_COUNT) - 1U)

/* What is not given does not matter. In a pattern * is any text, ? any character, [...] any of these. */
struct roll_filter {
	const char *user, *model; /* patterns; NULL */
	unsigned states;          /* 0: those that have not ended, ROLL_LIVE */
	time_t from, until;       /* the certificate ends in [from, until); until 0: no matter */
	bool by_end;              /* the first to end first, else by user; only with until */
};

/* Texts are good until the next row. */
struct roll_row {
	const char *user;
	const char *state;   /* cred_state_name; of a certificate "valid", "revoked", "expired" */
	const char *purpose; /* of a certificate without credential: "client", "server", "both", "" */
	const char *cert_serial, *token_serial, *model; /* "" where there is none */
	bool adopted;                                   /* of index.txt: no credential, no token */
	time_t not_after;                               /* 0: no certificate */
	time_t lost;                                    /* since when its token is; 0 */
};

/* Anything but 0 ends the list. */
typedef int roll_fn(void *arg, const struct roll_row *row);

/* All rows that the filter lets pass. *ret_stopped says that fn ended it. */
int store_roll(struct store *s, const struct roll_filter *f, roll_fn *fn, void *arg, bool *ret_stopped, struct err *e);

/* The models of all tokens, each once, by name. */
int store_models(struct store *s, void (*fn)(void *arg, const char *model, int64_t n), void *arg, struct err *e);

/* The names of all people, in their order. */
int store_people(struct store *s, void (*fn)(void *arg, const char *name), void *arg, struct err *e);

/* The names that are nearest to one that the inventory does not have, at most n, the nearest first; *ret_n is 0 if none
 * is near. */
#define STORE_NAME_MAX 128
int store_near(struct store *s, const char *name, char (*ret)[STORE_NAME_MAX], size_t n, size_t *ret_n, struct err *e);

/* The statements that store_roll runs for a filter, for those who ask whether they use an index; NULL where there is
 * nothing to look for. To be freed. */
char *roll_credentials_sql(const struct roll_filter *f);
char *roll_certificates_sql(const struct roll_filter *f);

#endif
