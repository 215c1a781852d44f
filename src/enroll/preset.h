/*
 * preset: what a token was delivered with, and when that may be sent without
 * anybody having given it. Parent only.
 *
 * CKF_USER_PIN_TO_BE_CHANGED and its like are set, by the standard, for a
 * value from the factory, for one that an administrator has set, and for one
 * that has expired (PKCS#11 v2.40, 3.2). So they are a hint: they allow one
 * guess, once in a token's life.
 */
#ifndef ENROLL_PRESET_H
#define ENROLL_PRESET_H

#include "enroll/ports.h"

#define PRESET_REFUSED "factory-refused" /* in the audit trail; its detail is the name of the secret */

/* Whether a token that is blank wants an SO PIN in C_InitToken that it has already. What nothing tells of that in
 * states then becomes a hint that it is the factory's. */
bool preset_is_current(const struct profile *p, bool blank, struct p11_pin_state states[PROFILE_PIN_COUNT]);

struct preset {
	const struct enroll_store_port *port;
	struct store *store;
	const char *serial; /* of the token */
	const struct profile *profile;
};

/* Whether preset_value may be sent unasked: there is one value only, and the card says that it has that; or its flag
 * says so, no wrong one was sent lately, and this one was never refused. */
int preset_may_send(const struct preset *p, enum profile_secret which, const struct p11_pin_state *now, bool *ret,
		    struct err *e);
int preset_value(const struct profile *p, enum profile_secret which, struct secret *ret, struct err *e);

/* After it was sent unasked, and that failed with e: a refusal is noted, so that it is not sent again, and said.
 * Returns -1. */
int preset_refused(const struct preset *p, enum profile_secret which, struct err *e);

#endif
