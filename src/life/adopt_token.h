/*
 * adopt_token: the tokens' part of adopt.h.
 */
#ifndef LIFE_ADOPT_TOKEN_H
#define LIFE_ADOPT_TOKEN_H

#include "ca/look.h"
#include "life/adopt.h"

/* Keys on these tokens that an adopted certificate has become credentials. What cannot be said of one token is said
 * with it. */
int adopt_tokens(struct life *l, struct signer *ca, const struct life_seen_all *seen, struct life_adopted *ret,
		 struct err *e);

#endif
