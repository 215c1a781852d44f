/*
 * worker_wire: what the two ends of worker.h agree on.
 */
#ifndef ENROLL_WORKER_WIRE_H
#define ENROLL_WORKER_WIRE_H

#include "core/rpc.h"
#include "enroll/worker.h"
#include "pkcs11/listing.h"
#include "pkcs11/pins.h"

enum worker_call {
	WORKER_START = RPC_TYPE_FIRST_CALL,
	WORKER_MODULES,
	WORKER_LOAD,
	WORKER_TOKENS,
	WORKER_TURN,
	WORKER_INIT,
	WORKER_INIT_PIN,
	WORKER_OPEN,
	WORKER_LOGIN,
	WORKER_ID_TAKEN,
	WORKER_KEY_FIND,
	WORKER_KEY_GENERATE,
	WORKER_KEY_DELETE,
	WORKER_REQUEST,
	WORKER_CERTIFICATE_WRITE,
	WORKER_CERTIFICATE_FIND,
	WORKER_PROVE,
	WORKER_PINS,
	WORKER_CHANGE,
	WORKER_RESET,
	WORKER_OBJECTS,
	WORKER_DELETE_ALL,
	WORKER_ATTESTATION,
	WORKER_ORPHANS_MARK,
	WORKER_ORPHANS_DELETE,
	WORKER_UNSEAL,
	WORKER_OURS,
	WORKER_EVENT,
};

/* How long worker_turn and worker_open wait for a turn, in milliseconds: longer than a worker whose parent was killed
 * may still be in its last call. */
#define WORKER_TURN_MS 45000

/* How long a call may take more, in milliseconds, when a person enters up to three PINs on the reader. */
#define WORKER_PAD_MS 120000

void worker_put_token(struct rpc_msg *m, const struct worker_token *t);
void worker_get_token(struct rpc_msg *m, struct worker_token *t);
void worker_put_key(struct rpc_msg *m, const struct worker_key *k);
void worker_get_key(struct rpc_msg *m, struct worker_key *k);
void worker_put_pin(struct rpc_msg *m, const struct p11_pin_state *p);
void worker_get_pin(struct rpc_msg *m, struct p11_pin_state *p);
void worker_put_object(struct rpc_msg *m, const struct p11_listed *o);
void worker_get_object(struct rpc_msg *m, struct p11_listed *o);

#endif
