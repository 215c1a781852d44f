/*
 * worker_state: what the calls of the worker process share. Worker process
 * only.
 */
#ifndef ENROLL_WORKER_STATE_H
#define ENROLL_WORKER_STATE_H

#include "core/pathset.h"
#include "enroll/turn.h"
#include "enroll/worker_wire.h"
#include "pkcs11/bridge.h"
#include "pkcs11/opensc.h"
#include "pkcs11/profile.h"
#include "pkcs11/reader.h"
#include "pkcs11/token.h"

struct worker_state {
	struct p11_module *module;
	struct profile *profile; /* of the token; NULL until a call has brought it */
	struct p11_token *token;
	struct p11_token_info *listed; /* what the last listing said, until something else was done */
	size_t n_listed;
	bool deselected; /* no file of the card's is selected: see struct profile_key */
	struct p11_bridge *bridge;
	struct blob known; /* the inventory's certificates of the token, see ours.h */
	struct turn *turn;
	char reader[READER_NAME_MAX]; /* of the token that the last call was about; "" if nobody knows */
	bool smart_card;              /* it is one of PC/SC's */
	bool started;
	bool made_key;         /* since the token was opened */
	struct pathset hidden; /* what the module is shut off from; empty where the kernel cannot do that */
};

/* The state of a server; never NULL. */
struct worker_state *worker_state(struct rpc_server *s);

/* ERR_FAILED: the call is not as worker.c sends it. */
int worker_malformed(struct err *e);

/* True when the call's fields are whole and, where a token is needed, one is open. */
bool worker_ready(const struct worker_state *st, const struct rpc_msg *in, struct err *e);

/* What was listed counts no longer, nor what was sent to the card since. */
void worker_forget_listing(struct worker_state *st);

/* What was listed of the token in this slot; NULL if it does not count, or is not there. */
const struct p11_token_info *worker_listed(const struct worker_state *st, CK_SLOT_ID slot);

/* What the parent has found out about the token: in which reader it is, "" if nobody knows, and its profile; and about
 * the cards in all readers. */
struct worker_view {
	char reader[READER_NAME_MAX];
	char cards[OPENSC_CARDS_MAX];
	char path[512];
	struct blob text;
};

void worker_get_view(struct rpc_msg *in, struct worker_view *ret);

/* Takes its profile; the view's text is done with then. */
int worker_take_profile(struct worker_state *st, struct worker_view *v, struct err *e);

/* worker_pad.c: says what to enter on the reader, where a call comes without the secrets that it is about. */
void worker_tell_login(struct rpc_server *s, enum profile_who who);
void worker_tell_change(struct rpc_server *s, const struct p11_token_info *t, enum profile_operation what);
void worker_tell_init(struct rpc_server *s);
void worker_tell_reset(struct rpc_server *s, const struct p11_token_info *t);
void worker_tell_init_pin(struct rpc_server *s, const struct p11_token_info *t);

/* worker_pulled.c: in which reader the token is that a call is about. */
void worker_take_reader(struct worker_state *st, const char *reader);
/* worker_pulled.c: of a failure that comes from the token's having been pulled says that: modules tell it in many
 * ways. */
void worker_explain(struct rpc_server *s, struct err *e);

/* worker_keys.c: logs in whom the profile wants for something ("make keys on"); ERR_UNSUPPORTED if that is nobody. */
int worker_allow(struct worker_state *st, enum profile_who who, const char *what, struct err *e);

/* worker_life.c */
rpc_handler_fn worker_do_pins, worker_do_change, worker_do_reset, worker_do_objects, worker_do_delete_all,
    worker_do_attestation;

/* worker_keys.c */
rpc_handler_fn worker_do_id_taken, worker_do_key_find, worker_do_key_generate, worker_do_key_delete, worker_do_request,
    worker_do_certificate_write, worker_do_certificate_find, worker_do_prove, worker_do_orphans_mark,
    worker_do_orphans_delete, worker_do_ours;

/* worker_unseal.c */
rpc_handler_fn worker_do_unseal;

/* worker_event.c */
rpc_handler_fn worker_do_event;

#endif
