/*
 * ended: what the inventory says is on a token, when nothing of it is there
 * any more.
 */
#ifndef LIFE_ENDED_H
#define LIFE_ENDED_H

#include "life/life.h"

/* How a credential ends that has a certificate: *ret is its last state, CRED_STATE_COUNT if it has ended by now. */
typedef int life_end_fn(void *arg, const struct store_credential *c, enum cred_state *ret, struct err *e);

/* Whether the newest credential on the token has a certificate; older ones may have one, too. */
int life_has_certificate(struct life *l, bool *ret, struct err *e);

/* Ends all credentials of an emptied token, those without a certificate as abandoned, and notes that nothing of ours is
 * on it. */
int life_end_credentials(struct life *l, life_end_fn *end, void *arg, struct err *e);

#endif
