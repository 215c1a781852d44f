/*
 * identity: the rows that stand for people and tokens. A person is a user name,
 * a token is its manufacturer, model and serial number together: serial numbers
 * alone repeat between makers. The label is only noted, as it can be changed.
 */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "core/err.h"
#include "store/db.h"
#include "store/store.h"

/* The id of a person or token, who is added if missing. Inside a transaction. */
int person_ensure(struct store *s, const char *name, int64_t *ret, struct err *e);
int token_ensure(struct store *s, const struct store_token *t, int64_t *ret, struct err *e);

/* The same outside of one; takes a transaction only if there is something to write. */
int person_known(struct store *s, const char *name, int64_t *ret, struct err *e);
int token_known(struct store *s, const struct store_token *t, int64_t *ret, struct err *e);

/* id, manufacturer, model, serial and label, from column *col on, which is moved behind them. */
void token_read(struct query *q, int *col, struct store_token *ret);

#endif
