/*
 * worker_impl: one call to the worker process, for worker.c and
 * worker_calls.c. Parent only.
 */
#ifndef ENROLL_WORKER_IMPL_H
#define ENROLL_WORKER_IMPL_H

#include "enroll/worker_wire.h"

struct worker {
	struct rpc_peer *peer;
	int timeout_ms;
	bool starting; /* the answer to worker_start is still to come */
	bool loading;  /* the answer to worker_load_begin is still to come */
	bool verbose;
	bool reads_only;
	rpc_note_fn *note;
	void *note_arg;
	const char *reader;            /* "": not known */
	const struct profile *profile; /* NULL: not known */
	char name[17];                 /* "": as the module says; see worker_name */
	char *cards;                   /* see worker_settings; never NULL */
};

/* One call with its two messages; freed together. */
struct worker_message {
	struct rpc_msg in, out;
};

struct worker_message worker_call_begin(enum worker_call type);

/* Sends the call and waits for its answer, as long as such a call may take. */
int worker_call_run(struct worker *w, struct worker_message *c, struct err *e);
int worker_call_wait(struct worker *w, struct worker_message *c, struct err *e);

/* Frees the call; an answer that does not parse is the same as no answer. */
int worker_call_end(struct worker_message *c, int got, struct err *e);

/* What is known of the token: see worker_know. */
void worker_put_view(const struct worker *w, struct rpc_msg *m);

#endif
