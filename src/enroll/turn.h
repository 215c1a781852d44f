/*
 * turn: one writer at a token at a time, also when the parent of an earlier
 * one was killed and it is still inside its module. Worker process only.
 */
#ifndef ENROLL_TURN_H
#define ENROLL_TURN_H

#include "core/rpc.h"
#include "enroll/worker.h"

/* Locks the token's byte of the file, which is made if it is missing, until this process ends; waits for another
 * worker, and says so in a note. ERR_BUSY if that takes longer than a minute. */
int turn_take(struct rpc_server *s, const char *path, const struct worker_token *t, struct err *e);

#endif
