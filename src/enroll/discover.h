/*
 * discover: all tokens that are plugged in, as the modules show them, each
 * with the profile of its kind and with the module to enroll it with. Runs in
 * the parent; each module has a worker of its own.
 *
 * A token is seen by several modules at times, and one that it cannot be
 * enrolled with may be the only one that was asked: then its profile names the
 * right one, and that is started, too.
 */
#ifndef ENROLL_DISCOVER_H
#define ENROLL_DISCOVER_H

#include "core/config.h"
#include "enroll/ports.h"
#include "pkcs11/profile.h"
#include "pkcs11/reader.h"

#include <stdbool.h>

/* A token that could be meant, and the module that shows it. */
struct enroll_candidate {
	struct worker_token token;
	struct worker_module module;
	struct worker *worker;         /* has the module loaded */
	const struct profile *profile; /* never NULL */
	bool alone;                    /* the module shows no other token */
	char owner[65];                /* whose it is by the journal; "" if nobody's, or not asked yet */
	time_t not_after;              /* of their certificate, 0 if there is none */
};

struct discover_request {
	const struct enroll_token_port *port;
	struct worker_settings settings; /* of each worker; what it points to outlives the discovery */
	const char *module;              /* path or p11-kit name; NULL: all that p11-kit knows */
	bool module_given;               /* by the person in charge, who is not to be overruled by a profile */
	const char *reader;              /* only what is in it; NULL: all */
	const struct config_ca *ca;      /* whose HSM is kept apart; NULL: none is */
	const char *profiles;            /* folder with profiles of this company; NULL: the usual one */
	rpc_note_fn *note;
	void *note_arg;
};

struct discovery;

/* Has the modules look for tokens, while the caller goes on. ERR_CONFIG for a profile that cannot be read. */
int discover_begin(struct discovery **ret, const struct discover_request *req, struct err *e);

/*
 * Waits for the modules, puts together what they show. ret_list stays d's, and may be shortened by the caller. A module
 * that fails is left out, with a note; if all fail that is the error.
 */
int discover_end(struct discovery *d, struct enroll_candidate **ret_list, size_t *ret_n, struct err *e);

/* The profile of the card in this reader by PC/SC alone, whatever a module says; NULL if it is no such reader. */
const struct profile *discover_card_profile(const struct discovery *d, const char *reader);

/* How a module failed that was asked for the card in this reader, and is one for its kind; NULL if none did. */
const struct err *discover_trouble(const struct discovery *d, const char *reader);

/* Whether there was such a reader, and there is no card in it any more; waits for that as reader_is_empty does. */
bool discover_is_pulled(struct discovery *d, const char *reader, unsigned ms);

/* The readers as PC/SC shows them; n is 0 where it cannot be used, and *ret_why says why then. */
const struct reader *discover_readers(struct discovery *d, size_t *ret_n, const struct err **ret_why);

/* The profiles; d's. */
const struct profiles *discover_profiles(const struct discovery *d);

/* What the first module that failed is called, and why; NULL if none failed. */
const char *discover_failed(const struct discovery *d, const struct err **ret_why);

/* One module that was asked, after discover_end. */
struct discover_module {
	const struct worker_module *module;
	const char *reader;    /* the only one that it was to talk to; "" for all */
	const struct err *why; /* how it failed; NULL if it did not */
	size_t shown;          /* tokens */
};

/* They are numbered from 0 on; false behind the last. What *ret points to is d's. */
bool discover_module_at(const struct discovery *d, size_t i, struct discover_module *ret);

/* Whether PC/SC was asked: it is not where all tokens are in software. */
bool discover_asked_readers(const struct discovery *d);

/* Whether a module is among those that a profile has for enrolling; true if it has none of its own. */
bool discover_enrolls(const struct profile *p, const struct worker_module *m);

/* Has a worker of the candidate's module that talks to no other token, and knows this one's profile: another one, if
 * the module has seen more. The worker is the caller's from then on, and knows c->token, which d owns. */
int discover_take(struct discovery *d, struct enroll_candidate *c, struct worker **ret, struct err *e);

/* The CA's HSM, if that is what was found and left out; NULL if not. */
const struct worker_token *discover_hsm(const struct discovery *d);

/* Ends all workers but those that were taken. The profiles and readers that candidates point to go, too. Accepts NULL.
 */
void discover_free(struct discovery **d);

#endif
