/*
 * enroller: the process that enrolls one token for the station: the state
 * machine of `tokenroll USER`, with the station in the place of the person in
 * charge (desk.h). It has the journal open and starts the worker and the
 * courier, as the command does; of the CA it has a socket to the station's
 * signer, so it never sees the passphrase.
 */
#ifndef STATION_ENROLLER_H
#define STATION_ENROLLER_H

#include "station/desk.h"

#include "core/config.h"
#include "enroll/enroll.h"

/* One enrollment under way, in this process. */
struct enroller {
	struct rpc_peer *station;
	struct desk_task task;
	struct config *cfg;
	struct desk_token seen;
	struct desk_order order;
	const struct enroll_result *result; /* what it has come to so far; NULL before it is begun */
	struct secret *made;                /* a PIN that was made at random and is not safe yet; NULL */
};

/* enroller_ui.c */
extern const struct enroll_ui enroller_ui; /* its arg is a struct enroller */
int enroller_call(struct enroller *n, struct rpc_msg *in, struct rpc_msg *out, struct err *e);
/* A secret that the token has. */
int enroller_ask(struct enroller *n, enum desk_secret what, const struct worker_token *t, const struct profile *p,
		 struct secret *ret, struct err *e);

/* A text of the task, NULL where it says nothing. */
static inline const char *enroller_given(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* enroller_look.c: finds the token that is at the place of the task and what is known of it. */
int enroller_look(struct enroller *n, struct err *e);

/* enroller_wait.c: whether it was only for somebody else's work that the order could not be carried out, which has
 * ended by now: it is to be tried again. */
bool enroller_wait(struct enroller *n, const struct err *why);

/* enroller_undo.c: with the token that was found, and of n->order the user. */
int enroller_undo(struct enroller *n, bool *ret_published, struct err *e);

/* In the place of signer_start: the station's signer has the key; this is a socket to it. */
int enroller_join_signer(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note,
			 void *note_arg, struct err *e);

/* The role's entry point. Returns the exit status. */
int enroller_main(void);

#endif
