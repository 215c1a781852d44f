/*
 * desk: what the station and the process that enrolls one token for it say to
 * each other. The enroller calls, the station answers: what there is to do,
 * who gets the token that was found, PINs. So all decisions and all that is
 * shown are in the station, and what enrolls is the same state machine as for
 * `tokenroll USER`.
 *
 *   enroller                     station
 *   HELLO                    ->
 *                            <-  struct desk_task
 *   SEEN   struct desk_token ->
 *                            <-  struct desk_order, or an error: leave it alone
 *   BEGIN, END, NOTE, ASK …  <->
 *   DONE   struct desk_done  ->
 *                            <-  (nothing), and the enroller ends
 */
#ifndef STATION_DESK_H
#define STATION_DESK_H

#include "ca/signer.h"
#include "core/config.h"
#include "core/rpc.h"
#include "enroll/worker.h"
#include "pkcs11/profile.h"

#include <stdbool.h>
#include <time.h>

enum desk_call {
	DESK_HELLO = RPC_TYPE_FIRST_CALL,
	DESK_SEEN,
	DESK_BEGIN, /* a step's name */
	DESK_END,   /* whether it ended well, a detail, and whether the key was proven in this run */
	DESK_NOTE,  /* a text, and whether it is about no token, so that each may bring it again */
	DESK_ASK,   /* struct desk_ask; answered with a secret */
	DESK_TAKEN, /* the token has taken the PIN that it was sent as the one it has */
	DESK_READY, /* the PIN that the token gets next, which must not get lost from here on */
	DESK_DONE,
};

/* What is at a place, and how it is to be looked at. Texts are "" where there is nothing to say. */
struct desk_task {
	char *config_path;
	struct blob config_text;
	char *reader, *serial, *module;
	struct hidden_list hidden; /* what the station's configuration has, with its options */
	bool verbose;
};

/* The token that was found there. */
struct desk_token {
	struct worker_token token;
	char id[50];            /* its serial number as the inventory has it */
	char owner[65];         /* whose it is by the inventory; "" */
	bool unfinished;        /* the owner's enrollment is */
	bool renewing;          /* ... and it takes over from a certificate that is in use */
	time_t not_after, lost; /* 0 */
	uint32_t foreign;       /* objects on it that tokenroll did not make */
	char foreign_label[96]; /* the first one's */
	int pin_tries;          /* left; -1: unknown */
};

struct desk_order {
	char user[65];
	enum keytype key_type; /* KEYTYPE_NONE: the configuration's */
	enum config_pins pin;
	bool undo;    /* takes back what was made for the user, instead of making it */
	bool replace; /* what the user has half done on another token is given up */
	bool init;    /* a blank token may be set up */
	bool keep_factory_pins;
	bool replace_pin; /* see struct enroll_options */
	bool new_pin_kept;
	bool pin_given; /* the answer to the first question is not typed */
	bool so_pin_given;
	bool pin_replaced;         /* undo: the token has another PIN than before */
	bool keeps_pin;            /* ... and is not to lose the one it has */
	struct config_name *names; /* for templates; literal */
	size_t n_names;
};

enum desk_secret {
	DESK_PIN_NOW,
	DESK_PIN_NEW,
	DESK_PIN_KEPT,   /* that an earlier attempt has made; an empty one if there is none */
	DESK_PIN_BEFORE, /* that a token had whose enrollment is taken back; an empty one if it is not known here */
	DESK_SO_PIN,
	DESK_SECRET_COUNT
};

#define DESK_FACTORY_MAX 8

struct desk_ask {
	enum desk_secret what;
	char rule[128];    /* "6 to 8 digits"; "" if that is not known */
	unsigned min, max; /* bytes; max 0: not known */
	unsigned multiple; /* so many bytes go into the length without a rest; at least 1 */
	enum profile_alphabet alphabet;
	char factory[DESK_FACTORY_MAX][65]; /* a new one is none of these, which everybody can look up */
	size_t n_factory;
};

struct desk_done {
	struct err err;     /* ERR_NONE: it is delivered */
	bool crl_published; /* the VPN server is to be told */
	bool again;         /* what was in the way has gone */
	bool left;          /* the token was left as it is, because the station said so */
	struct store_token token;
	char cert_serial[CA_SERIAL_HEX_MAX];
};

/* Put in and take out; a message that cannot be read shows in rpc_msg_done. What is taken is to be freed. */
void desk_put_task(struct rpc_msg *m, const struct desk_task *t);
void desk_get_task(struct rpc_msg *m, struct desk_task *ret);
void desk_task_free(struct desk_task *t);
void desk_put_token(struct rpc_msg *m, const struct desk_token *t);
void desk_get_token(struct rpc_msg *m, struct desk_token *ret);
void desk_put_order(struct rpc_msg *m, const struct desk_order *o);
void desk_get_order(struct rpc_msg *m, struct desk_order *ret);
void desk_order_free(struct desk_order *o);
void desk_put_ask(struct rpc_msg *m, const struct desk_ask *a);
void desk_get_ask(struct rpc_msg *m, struct desk_ask *ret);
void desk_put_done(struct rpc_msg *m, const struct desk_done *d);
void desk_get_done(struct rpc_msg *m, struct desk_done *ret);

#endif
