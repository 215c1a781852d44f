/*
 * seal: a random SO PIN or PUK for a token, which is in escrow before the
 * token has it. Parent only.
 */
#ifndef ENROLL_SEAL_H
#define ENROLL_SEAL_H

#include "core/config.h"
#include "enroll/ports.h"
#include "enroll/recover.h"
#include "store/recovery.h"

struct seal {
	const struct enroll_store_port *port;
	struct store *store;
	const struct recipients *recovery;
	const struct worker_token *token;
	const struct store_token *id; /* as the module that enrolls tells it */
	const struct profile *profile;
};

/* PROFILE_SO_PIN or PROFILE_PUK as escrow names it. */
enum escrow_kind seal_kind(enum profile_secret which);

/* Makes a value by the rules of the profile and puts it into escrow as pending: *ret_id is for store_escrow_confirm,
 * when the token has it. */
int seal_random(const struct seal *s, enum profile_secret which, struct secret *ret, int64_t *ret_id, struct err *e);

/* Puts a value that was made or typed into escrow, as pending. */
int seal_value(const struct seal *s, enum profile_secret which, const struct secret *value, int64_t *ret_id,
	       struct err *e);

/*
 * Once the token has a value that was put into escrow as number id for a token named before, confirms it; if it has
 * another name now, as a blank one gets when it is initialized, seals it for that first. Without recovery of s that is
 * left out.
 */
int seal_taken(const struct seal *s, enum profile_secret which, const struct secret *value,
	       const struct store_token *before, int64_t id, struct err *e);

/* After it was sent, and that failed with e: one that the token has refused is not waited for. Returns -1. */
int seal_refused(const struct seal *s, int64_t id, const struct err *e);

/* Whether there is a value that the token may have. */
int seal_exists(const struct seal *s, enum profile_secret which, bool *ret, struct err *e);

/* Under which name a value is there that a token was initialized with which waits for its first PIN: its own, or, where
 * that broke off before it had a serial number, the one that it had until then. */
int seal_find_first(const struct seal *s, bool *ret, struct store_token *ret_as, struct err *e);

/*
 * Confirms a value that a run which broke off has left pending, if the token tells, without a try, that it has taken
 * it: one that takes the place of the factory's was sent only while the token had that, so that the only pending one is
 * the token's once it has the factory's no more. recovery of s is not needed. Where that cannot be told nothing
 * happens: of several pending ones, or where nobody sees whether the token has the factory's.
 */
int seal_settle(const struct seal *s, const struct p11_pin_state pins[PROFILE_PIN_COUNT], struct err *e);

/* When the newest value was put there, if it was never confirmed; else 0. */
int seal_pending(const struct seal *s, enum profile_secret which, time_t *ret_since, struct err *e);

/*
 * A token's newest value in escrow, opened by a recovery key; recovery of s is not needed for it. One that was sent but
 * never confirmed may be what the token has: *ret_pending is its number then, for store_escrow_confirm once the token
 * has taken it, else 0. ERR_ESCROW if there is none, or if the token was reset since.
 */
int seal_open(const struct seal *s, enum profile_secret which, struct recover *key, struct secret *ret,
	      int64_t *ret_pending, struct err *e);

#endif
