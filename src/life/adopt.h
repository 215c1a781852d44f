/*
 * adopt: an existing PKI, and the tokens that are plugged in, come into the
 * inventory. Changes nothing in the PKI and nothing on a token, and needs no
 * secret. Runs in the parent.
 */
#ifndef LIFE_ADOPT_H
#define LIFE_ADOPT_H

#include "life/life.h"
#include "store/adopt.h"

/* What came of a key on a token that the PKI knows. */
struct life_adopted_token {
	struct store_token token;
	char user[65];        /* "" if it is not known */
	char cert_serial[41]; /* "" if none was adopted */
	struct err refused;   /* why not; ERR_NONE */
};

struct life_adopted {
	size_t rows;                /* of index.txt */
	struct adopt_counts counts; /* of what was new or had changed */
	size_t without_file;        /* certificates of which the PKI has no file */
	size_t unreadable;          /* tokens that could not be looked at */
	size_t looked_at;           /* tokens */
	struct life_adopted_token *tokens;
	size_t n_tokens;
};

/* ERR_CA_PKI without a PKI or its index; what was adopted until then stays. */
int life_adopt(struct life *l, struct life_adopted *ret, struct err *e);
void life_adopted_free(struct life_adopted *a);

#endif
