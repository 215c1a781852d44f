/*
 * life: a token before and after enrollment: what is plugged in and whose it
 * is, setting it up, a new PIN, unblocking, emptying. Each operation is on one
 * token, which is looked at first and named to whoever is asked anything.
 * Runs in the parent; tokens are talked to by a worker, as in an enrollment.
 *
 * A secret is sent once. Where there is a counter, it is read before and
 * after. A new SO PIN or PUK that nobody types is in escrow before the token
 * has it.
 */
#ifndef LIFE_LIFE_H
#define LIFE_LIFE_H

#include "core/config.h"
#include "enroll/discover.h"
#include "enroll/ports.h"
#include "enroll/recover.h"
#include "store/recovery.h"

#include <stdbool.h>

/* What is asked of the person in charge. */
enum life_ask {
	LIFE_PIN,                 /* the token's PIN */
	LIFE_NEW_PIN,             /* another one, by the rules given */
	LIFE_SO_PIN,              /* the token's SO PIN */
	LIFE_NEW_SO_PIN,          /* one for a token that has none, typed; ERR_RECOVERY_MISSING where nobody can */
	LIFE_PUK,                 /* the token's PUK */
	LIFE_RECOVERY_PASSPHRASE, /* of the recovery key */
	LIFE_RECOVERY_PIN,        /* of the token that the recovery key is on */
};

struct life_options {
	const char *user;            /* whose token; NULL */
	const char *serial, *reader; /* which token; NULL: find out */
	const char *token_label;     /* and of a card with several PINs which of them; NULL */
	const char *module;          /* NULL: as configured */
	const char *label;           /* for one that is initialized; NULL: as before, or "VPN token" */
	/* a recovery key, in a file or on a token: what is in escrow is used; at most one of both */
	const char *recovery_file;
	const struct p11_uri *recovery_uri;
	bool so_pin_given, puk_given; /* not typed: a file has it */
	bool pin_given;
	bool new_pin_given;      /* not typed: a file has it, or it is made at random */
	bool wipe;               /* init: also where there are objects */
	bool keep_certificates;  /* wipe: what was on it is not revoked */
	bool last_try;           /* the last try may be spent */
	const char *cert_serial; /* revoke: this one, in uppercase hex; NULL */
	bool all;                /* revoke: each that is valid of the user */
	const char *reason;      /* revoke, lost: reason.h; NULL: the verb's own */
	bool temporary;          /* lost: the user gets another token at once */
	bool keep_passphrase;    /* in struct life, for what comes next */
	bool verbose;
};

struct life_ui {
	void *arg;
	/* limits is given for new secrets. ERR_SECRET_NEEDED when there is no way to get it. */
	int (*secret)(void *arg, enum life_ask what, const struct worker_token *t, const struct profile *p,
		      const struct profile_limits *limits, struct secret *ret, struct err *e);
	/* Shows a PIN that secret() has made at random; it is sent next. */
	int (*show)(void *arg, struct err *e);
	/* ERR_SEVERAL_TOKENS lists them when nobody can be asked. */
	int (*choose)(void *arg, const struct enroll_candidate *list, size_t n, size_t *ret_index, struct err *e);
	/* The serial number has to be typed in; ERR_FOREIGN if it was not. what says what will be lost. */
	int (*confirm)(void *arg, const struct worker_token *t, const char *what, struct err *e);
	int (*passphrase)(void *arg, const struct ca_info *ca, unsigned attempt, struct secret *ret, struct err *e);
	/* May this one be revoked, on which others hang? ERR_SERVER if nobody says so. */
	int (*confirm_kind)(void *arg, const struct ca_known *k, struct err *e);
	void (*note)(void *arg, const char *text);
};

/* One token, or one certificate, under way. */
struct life {
	const struct enroll_ports *ports;
	const struct config *cfg;
	const struct life_options *opt;
	const struct life_ui *ui;

	struct store *store;
	struct discovery *discovery;
	struct worker *worker;
	struct worker_token token;
	struct store_token id; /* the same, as the inventory names it */
	const struct profile *profile;
	struct recipients *recovery;
	char owner[65]; /* "" if it is nobody's */
	bool begun;     /* it was initialized, and waits for its first PIN */
	bool unasked;   /* the SO PIN or PUK that life_key has got is the factory's, and nobody gave it */
	struct store_token sealed_for; /* as whom what life_key has got is in escrow */

	struct signer *signer; /* where the CA is needed */
	struct ca_info ca;
	bool unlocked;
	struct secret *passphrase; /* the one that has unlocked it, with keep_passphrase */
};

/*
 * Finds the token that is meant and leaves its worker in l; blank ones only with blank_too. With a user it is the one
 * of that user's credential. ERR_NO_TOKEN, ERR_SEVERAL_TOKENS, ERR_NAME_TAKEN's like.
 */
int life_open(struct life *l, bool blank_too, struct err *e);
void life_close(struct life *l);

/* ERR_TOKEN_LOST if the token that was opened is reported lost. */
int life_check_lost(const struct life *l, struct err *e);

struct life_pins {
	struct p11_pin_state before[PROFILE_PIN_COUNT], after[PROFILE_PIN_COUNT];
};

/* Changes the PIN. */
int life_pin(struct life *l, struct life_pins *ret, struct err *e);

/* A new PIN with the SO PIN or PUK, whichever the token's profile wants: out of escrow with a recovery key, else asked.
 */
int life_unblock(struct life *l, struct life_pins *ret, struct err *e);

struct life_setup {
	bool so_pin_sealed;               /* it was made at random and is in escrow */
	bool factory_so_pin, factory_puk; /* that is the factory's now */
	size_t destroyed;                 /* objects that were on it */
	bool unseen;                      /* without the PIN nobody knows how many more there were */
};

/*
 * Initializes a token: one that is blank, or, with its SO PIN, one that was in use. ERR_FOREIGN for one with any object
 * on it, or on which private objects cannot be seen, unless opt->wipe and its serial number is typed in.
 */
int life_init(struct life *l, struct life_setup *ret, struct err *e);

struct life_wiped {
	size_t destroyed; /* objects */
	bool unseen;      /* without the PIN nobody knows how many more there were */
	bool reset;       /* by C_InitToken */
	char (*revoked)[CA_SERIAL_HEX_MAX];
	size_t n_revoked;
	bool factory;
};

/* Empties a token whose serial number was typed in, and revokes what was on it unless opt->keep_certificates. */
int life_wipe(struct life *l, struct life_wiped *ret, struct err *e);
void life_wiped_free(struct life_wiped *w);

/* ---- certificates; no token is needed for these */

struct life_revoked {
	struct ca_known cert;
	bool already; /* it had been revoked before */
};

struct life_revocation {
	struct life_revoked *certs; /* with opt->all there may be several */
	size_t n;
};

/*
 * Revokes the certificate of opt->user or opt->cert_serial, whoever's it is, or with opt->all each valid one of the
 * user, and has the CRL published; notes it in the inventory. Others of that name that stay valid are told in a note.
 * ERR_CA_REFUSED if the CA does not know it, ERR_USAGE if the user has several valid ones, without opt->all;
 * ERR_SERVER, before anything is revoked. ERR_CRL_UNPUBLISHED, ERR_STORE: the revocation stands, and the message says
 * so.
 */
int life_revoke(struct life *l, struct life_revocation *ret, struct err *e);
void life_revocation_free(struct life_revocation *r);

/* Revokes one that is known, unless it is, and sees to it that the server hears of that. The key is unlocked if need
 * be. The inventory is not told. */
int life_revoke_known(struct life *l, const char *reason, struct life_revoked *r, struct err *e);

struct life_loss {
	struct store_issued *tokens; /* one for each token that is lost; lost is since when */
	size_t n_tokens;
	struct life_revoked *certs;
	size_t n_certs;
	bool already; /* all of it was done before */
};

/*
 * Marks the token of opt->user as lost, of several all, or that with opt->serial, and revokes what is on it; where
 * nothing of the user's is valid any more, the last one, if nobody else has it. A run that broke off is gone on with.
 * What the user got after a loss of the last day is not taken for lost, too, unless it is named: ERR_TOKEN_LOST, or
 * with opt->temporary it is left alone. ERR_NO_TOKEN. After ERR_CRL_UNPUBLISHED and ERR_CA_REFUSED the loss stands.
 */
int life_lost(struct life *l, struct life_loss *ret, struct err *e);
void life_loss_free(struct life_loss *r);

struct life_found {
	struct store_token token;
	time_t lost;          /* since when it was; 0: it was not */
	char user[65];        /* who had it */
	struct ca_known cert; /* the user's last one on it; serial "" if the CA knows none */
};

/* The lost token of opt->user, or that with opt->serial, is here again. ERR_NO_TOKEN, ERR_SEVERAL_TOKENS. */
int life_found(struct life *l, struct life_found *ret, struct err *e);

struct life_crl {
	struct ca_crl crl;
	struct life_revoked *due; /* what was to be revoked by now */
	size_t n_due;
};

/* Revokes what is due, and makes and publishes a fresh CRL. ERR_CRL_UNPUBLISHED. */
int life_crl(struct life *l, struct life_crl *ret, struct err *e);
void life_crl_free(struct life_crl *r);

/* What is in escrow of a token, for another tool; its token need not be plugged in. serial may be of several tokens:
 * ERR_SEVERAL_TOKENS. */
struct life_escrowed {
	enum escrow_kind kind;
	enum escrow_state state;
	time_t created;
	struct secret *value;
};

int life_escrow_show(struct life *l, struct life_escrowed **ret, size_t *ret_n, struct err *e);
void life_escrowed_free(struct life_escrowed **list, size_t n);

/* ---- all tokens */

struct life_seen {
	struct worker_token token;
	struct worker_module module;
	const struct profile *profile;
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	time_t pending[PROFILE_PIN_COUNT]; /* since when a value in escrow waits to be confirmed; 0 */
	struct err trouble;                /* why more could not be found out; ERR_NONE */
	char owner[65];
	enum cred_state state; /* of the owner's credential; where a renewal of it is half done, of the one in use */
	time_t not_after;
	bool renewing;           /* it is half done */
	enum cred_state renewal; /* ... and has got so far */
	enum cred_way renewal_way;
	time_t lost; /* since when it is reported lost; 0: it is not */
	struct p11_listed *objects;
	bool *ours; /* by objects */
	size_t n_objects;
};

struct life_seen_all {
	struct life_seen *list;
	size_t n;
	const struct reader *readers;
	size_t n_readers;
	const struct err **troubles;  /* by reader, how the module failed that its card is for; NULL */
	const struct err *no_readers; /* why there are none; NULL */
	struct err no_modules;        /* why none could be used; ERR_NONE */
	const struct profiles *profiles;
};

/* Looks at every token, or those with opt->serial, without a PIN and without changing anything. What it points to is
 * l's. */
int life_look(struct life *l, struct life_seen_all *ret, struct err *e);
void life_seen_free(struct life_seen_all *s);

/* ---- for the files of this folder */

/* Starts the CA's process, once, and has it open the PKI. */
int life_ca_open(struct life *l, struct err *e);

/* Unlocks the CA's key, once. ERR_CA_PKI if it is not here. */
int life_ca_unlock(struct life *l, struct err *e);

/* That the VPN server reads the CRL that was made; done is what was done before, for the message if not. */
int life_publish(struct life *l, const char *done, struct err *e);

/* Opens the inventory and has the modules look for tokens. */
int life_start(struct life *l, struct err *e);

/* Of each worker. */
struct worker_settings life_settings(const struct life *l);

/* The serial number and what else is known of the token in words for the audit trail. */
int life_audit(struct life *l, const char *action, const char *detail, struct err *e);

/* Whether what is in escrow can be opened. */
bool life_has_recovery(const struct life *l);
/* The recovery key that was given, to be freed. */
struct recover *life_recover(struct life *l);

/* An SO PIN or PUK: as it was given, the factory's where the token is known to have that, out of escrow with a recovery
 * key, else asked. */
int life_key(struct life *l, enum profile_secret which, const struct p11_pin_state *now, struct secret *ret,
	     int64_t *ret_pending, struct err *e);
/* Whether life_key would take the factory's; see preset.h. */
int life_sends_factory(const struct life *l, enum profile_secret which, const struct p11_pin_state *now, bool *ret,
		       struct err *e);
/* After what life_key gave was sent, and that failed: the factory's is not sent again that nobody gave. Returns -1. */
int life_key_failed(struct life *l, enum profile_secret which, struct err *e);

/* ERR_PIN_LOCKED, ERR_PIN_LAST_TRY: before anybody is asked for the PIN. */
int life_pin_check(const struct life *l, const struct p11_pin_state *now, struct err *e);

/* The same for an SO PIN or PUK. */
int life_key_check(const struct life *l, enum profile_secret which, const struct p11_pin_state *now, struct err *e);

/*
 * pad.c: whether the token's secrets are entered on its reader: for an operation; to log in as user; to be initialized.
 * Then nobody asks for them here, and NULL goes to the token.
 */
bool life_on_pad(const struct life *l, enum profile_operation what);
bool life_pin_on_pad(const struct life *l);
bool life_setup_on_pad(const struct life *l);
/* Says how many tries there are before this one is entered, and that what was given in another way is not used. */
void life_pad_begin(const struct life *l, enum profile_secret which, const struct p11_pin_state *now);

/* The label for a token that is initialized again: as wished, else as before, without what its module has added. */
void life_label(const struct life *l, char ret[WORKER_LABEL_MAX + 1]);

/* ERR_PIN_RULES for one that the token cannot have: it is not worth a try of the few there are. */
int life_possible(const struct life *l, enum profile_secret which, const struct secret *s, struct err *e);

/* The rules for one of the token's secrets. */
struct profile_limits life_limits(const struct life *l, enum profile_secret which);

#endif
