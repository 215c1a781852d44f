/*
 * turn: one writer at a token at a time, also when the parent of an earlier
 * one was killed and it is still inside its module. A turn is a lock on bytes
 * of one file that belong to the token; it ends with turn_give, or with the
 * process. Worker process only.
 */
#ifndef ENROLL_TURN_H
#define ENROLL_TURN_H

#include "core/rpc.h"
#include "enroll/worker.h"

struct turn;

/* The turn at a token. The file is made if it is missing. Waits for another worker, and says so in a note; ERR_BUSY if
 * that takes longer than WORKER_TURN_MS. */
int turn_take(struct turn **ret, struct rpc_server *s, const char *path, const struct worker_token *t, struct err *e);

/*
 * The turn at setting up a token that is blank or has no user PIN. A blank token without a serial number shares its
 * turn with all of its make and model, as nothing tells them apart. So does one without a user PIN: whoever initialized
 * it may have known it by no serial number, either, and be about to set its PIN.
 */
int turn_take_setup(struct turn **ret, struct rpc_server *s, const char *path, const struct worker_token *t,
		    struct err *e);

/* Accepts NULL. */
void turn_give(struct turn **turn);

#endif
