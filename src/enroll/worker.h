/*
 * worker: the parent's handle on a process that runs one PKCS#11 module for
 * one token. A crash or hang of the module ends that process and nothing
 * else. All functions are called in the parent and are one call over the
 * socket each; they fail with ERR_MODULE when the process is gone.
 */
#ifndef ENROLL_WORKER_H
#define ENROLL_WORKER_H

#include "core/blob.h"
#include "core/err.h"
#include "core/keytype.h"
#include "core/rpc.h"
#include "core/secret.h"
#include "pkcs11/listing.h"
#include "pkcs11/pins.h"
#include "pkcs11/profile.h"
#include "pkcs11/reader.h"
#include "pkcs11/uri.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Bits of CK_TOKEN_INFO that matter above the module. */
enum {
	WORKER_TOKEN_INITIALIZED = 1,
	WORKER_TOKEN_READ_ONLY = 2,
	WORKER_TOKEN_PIN_PAD = 4,
	WORKER_TOKEN_PIN_LOW = 8,
	WORKER_TOKEN_PIN_LAST_TRY = 16,
	WORKER_TOKEN_PIN_LOCKED = 32,
	/* initialized, but nobody can log in before its SO PIN has set a user PIN */
	WORKER_TOKEN_NO_PIN = 64,
	WORKER_TOKEN_UNREADABLE = 128, /* it is there but does not say what it is; no other bit but the last then */
	WORKER_TOKEN_UNKNOWN = 256,    /* it is of a kind that the module does not know; as above */
	WORKER_TOKEN_IN_HARDWARE = 512,
};

#define WORKER_LABEL_MAX 32 /* bytes of a token's label */

struct worker_token {
	uint64_t slot;
	char reader[READER_NAME_MAX]; /* its PC/SC name where it is one, else the slot's description */
	char label[33], manufacturer[33], model[17], serial[17];
	unsigned flags;
	unsigned pin_min, pin_max; /* bytes */
	uint64_t free_bytes;       /* for public objects; WORKER_FREE_UNKNOWN */
};

#define WORKER_FREE_UNKNOWN UINT64_MAX

/* Whether both descriptions, of one module, are of one token. */
bool worker_same_token(const struct worker_token *a, const struct worker_token *b);

struct worker_module {
	char name[64], path[512];
};

/* What the token says of a private key. */
struct worker_key {
	bool found; /* there is a private key */
	bool sensitive, always_sensitive, extractable, never_extractable, local;
	bool pin_each_time; /* it wants the PIN for each signature; only the proof knows */
	bool shared;        /* another private key has its CKA_ID: OpenVPN may take that one */
	struct blob spki;   /* DER; empty if the public key cannot be read */
	struct blob cka_id; /* the one that it has */
};

#define WORKER_KEY_INIT                                                                      \
	{                                                                                    \
		false, false, false, false, false, false, false, false, BLOB_INIT, BLOB_INIT \
	}

#define WORKER_NOT_KEPT                                                                                                \
	"the token's module is not kept from the CA's files: for that the kernel has to have Landlock, as Linux from " \
	"5.19 on"

/* The file for worker_turn and worker_open is the database's with this behind it; it stays within reach. */
#define WORKER_TURN_SUFFIX "-turn"

struct worker_settings {
	int timeout_s; /* for one call; key generation gets ten times that */
	bool verbose;  /* let the module write to stderr, and say if it is not kept from the places: WORKER_NOT_KEPT */
	/* where the module has no business, see hide.h; one without a path ends them */
	struct hidden_place places[HIDDEN_PLACES_MAX];
	const char
	    *cards;      /* what OpenSC is told of cards (see opensc.h), NULL: nothing; needed for worker_start only */
	bool reads_only; /* it is for a token that was set up, and changes nothing on it */
	rpc_note_fn *note;
	void *note_arg;
};

/* Starts a worker that has not loaded a module yet, and first shuts it off from settings->places. The paths are
 * needed for this call only. */
int worker_start(struct worker **ret, const struct worker_settings *settings, struct err *e);

/* Has it begin to end; worker_stop waits for that. Accepts NULL. */
void worker_dismiss(struct worker *w);
void worker_stop(struct worker **w);

/*
 * What is known of the token that the worker is for, by the PC/SC name of its reader ("" or NULL: nothing) and by its
 * profile (NULL: nothing); borrowed until the worker is stopped. It counts from the next call on that names a token or
 * a module: OpenSC talks to no other reader then, if it was not initialized before.
 */
void worker_know(struct worker *w, const char *reader, const struct profile *profile);

/* The serial number by which errors name the token, where this worker's module tells another one. Counts from
 * worker_open on. */
void worker_name(struct worker *w, const char *serial);

/* p11-kit's modules, in two halves so that it works while the caller does. Use the worker for nothing else afterwards:
 * their libraries were loaded into it. */
int worker_modules_begin(struct worker *w, struct err *e);
int worker_modules_end(struct worker *w, struct worker_module **ret, size_t *ret_n, struct err *e);

/* Loads the module's library, without initializing it, while the caller goes on; worker_tokens_begin for the same
 * module tells how that ended. */
int worker_load_begin(struct worker *w, const char *module, struct err *e);

/* Loads and initializes the module and lists its tokens, in two halves so that several modules can work at once. */
int worker_tokens_begin(struct worker *w, const char *module, struct err *e);
int worker_tokens_end(struct worker *w, struct worker_token **ret, size_t *ret_n, struct err *e);

enum worker_event {
	WORKER_EVENT_CAME,    /* a token came or went, since its tokens were listed or the last event */
	WORKER_EVENT_NOT_YET, /* its module does not wait, but can be asked */
	WORKER_EVENT_NEVER,   /* it has no slot events */
	WORKER_EVENT_FAILED,  /* it has them, perhaps, but not now */
};

/*
 * Has a worker, whose module's tokens were listed, wait for a slot event; see p11_slot_event_wait and, with asks,
 * p11_slot_event_ask. That may take for ever: call the second half when worker_fd can be read (by poll), which it can
 * also when the worker is gone. It is used for nothing else from the first half on, and worker_break_off, which accepts
 * NULL, is how it is stopped.
 */
int worker_event_begin(struct worker *w, bool asks, struct err *e);
int worker_event_end(struct worker *w, enum worker_event *ret, struct err *e);
int worker_fd(const struct worker *w);
void worker_break_off(struct worker **w);

/*
 * Waits until no other worker sets up a token like this one, and locks its bytes of the file turn. What was seen of the
 * token before may be out of date then: call it on a worker that has not loaded the module yet, and list its tokens
 * again. The turn lasts until worker_open or the worker's end. ERR_BUSY if that takes too long.
 */
int worker_turn(struct worker *w, const struct worker_token *t, const char *turn, struct err *e);

/* Gives a blank token, which must still be blank, its label (UTF-8) and SO PIN; fills *ret with what it is then. NULL
 * instead of a secret, here and below, says that it is entered on the reader's PIN pad: a note tells what to enter. */
int worker_init(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		struct worker_token *ret, struct err *e);

/* Sets the user PIN of a token that has none, with its SO PIN; see p11_token_init_pin. */
int worker_init_pin(struct worker *w, const struct worker_token *t, bool ours, bool last_try, struct secret *so_pin,
		    struct secret *pin, struct worker_token *ret, struct err *e);

/*
 * Opens the token in this slot, which must still be the one described (ERR_REMOVED otherwise). A writer also locks a
 * byte of the file turn that belongs to the token, and waits for its turn: a worker whose parent was killed may still
 * be making a key. turn is NULL for a reader.
 */
int worker_open(struct worker *w, const struct worker_token *t, const char *turn, struct err *e);

/* As user or, with so, as security officer; once, never again by itself. secret NULL: on the reader's PIN pad. The
 * worker keeps it until it is stopped, for steps that want the one and then the other. */
int worker_login(struct worker *w, bool so, struct secret *secret, bool last_try, struct err *e);

/* Which certificates the inventory has of this token: DER, one after the other. By them those on the token are told
 * from somebody else's, see pkcs11/ours.h; until this is said none is ours. */
int worker_ours(struct worker *w, const struct blob *certificates, struct err *e);

int worker_id_taken(struct worker *w, const struct blob *cka_id, bool *ret, struct err *e);

/* The key with this CKA_ID, or, unless spki is NULL, the one that has this public key, with that CKA_ID or another one:
 * see its cka_id. */
int worker_key_find(struct worker *w, const struct blob *cka_id, const struct blob *spki, struct worker_key *ret,
		    struct err *e);

/* In two halves, because it takes its time. A token may give the pair another CKA_ID than this one: see
 * ret->cka_id. */
int worker_key_generate_begin(struct worker *w, enum keytype type, const struct blob *cka_id, const char *label,
			      struct err *e);
int worker_key_generate_end(struct worker *w, struct worker_key *ret, struct err *e);

/* Keys that were left on the card unseen; see pkcs11/orphan.h. */
int worker_orphans_mark(struct worker *w, struct blob *ret, struct err *e);
int worker_orphans_delete(struct worker *w, const struct blob *mark, struct err *e);

/*
 * Deletes our pair with this CKA_ID and public key, and its certificates. What else has that CKA_ID stays, and a note
 * says so. With spki NULL all keys with that CKA_ID are deleted, which have to be ours. *ret_gone: something was there
 * to be deleted.
 */
int worker_key_delete(struct worker *w, const struct blob *cka_id, const struct blob *spki, bool *ret_gone,
		      struct err *e);
int worker_request(struct worker *w, const struct blob *cka_id, const struct blob *spki, const struct blob *subject,
		   struct blob *ret_csr, struct err *e);
/* keep_older: an older certificate of ours for the key stays; else it goes, once this one is there. ERR_FOREIGN where
 * somebody else's is in the only place that there is for it. In two halves, too. */
int worker_certificate_write_begin(struct worker *w, const struct blob *cka_id, const char *label,
				   const struct blob *der, bool keep_older, struct err *e);
int worker_certificate_write_end(struct worker *w, struct err *e);
int worker_certificate_write(struct worker *w, const struct blob *cka_id, const char *label, const struct blob *der,
			     bool keep_older, struct err *e);

/* The CKA_ID under which this certificate is found, empty if it is not there. Needs no login. */
int worker_certificate_find(struct worker *w, const struct blob *der, struct blob *ret_cka_id, struct err *e);

struct worker_proof {
	struct worker_key key;
	struct blob signature; /* RSASSA-PSS, or ECDSA as DER */
	char pkcs11_id[512];   /* legacy form, by this module */
	char rival[256];       /* the certificate that OpenVPN may take instead, see p11_certificate_rival */
};

/* Signs a digest with the mechanism OpenVPN will use and computes the id; and looks whether OpenVPN would take this
 * certificate (DER). */
int worker_prove(struct worker *w, const struct blob *cka_id, const struct blob *der, bool rsa,
		 const struct blob *digest, struct worker_proof *ret, struct err *e);

/* ---- the life of a token */

/* What it tells of PIN, SO PIN and PUK (enum profile_secret); see p11_pins_read. A token that is open is closed. */
int worker_pins(struct worker *w, const struct worker_token *t, bool brief, struct p11_pin_state ret[PROFILE_PIN_COUNT],
		struct err *e);

/* A new value for one of them, through the open session if there is one; see p11_pins_change. key is the secret that
 * allows it, which says by its kind what it is; new is the value. */
int worker_change(struct worker *w, const struct worker_token *t, enum profile_operation what,
		  enum profile_secret key_kind, struct secret *key, struct secret *new, bool last_try, struct err *e);

/* C_InitToken, whatever is on it; see p11_token_reset. */
int worker_reset(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		 struct worker_token *ret, struct err *e);

/* All objects that can be seen; *ret comes from malloc, for p11_listed_free. */
int worker_objects(struct worker *w, struct p11_listed **ret, size_t *ret_n, struct err *e);

/* Deletes them, whoever made them; *ret_n is how many went, also on failure. */
int worker_delete_all(struct worker *w, size_t *ret_n, struct err *e);

/* The token's own proof that it made the key with this CKA_ID, empty if it gives none; see p11_attestation_read. */
int worker_attestation(struct worker *w, const struct blob *cka_id, struct blob *ret, struct err *e);

/*
 * Opens what is in escrow for a token with a recovery key on this one, to which the user has logged in: the key that
 * the URI names or, of several, the one that can. certs are recovery certificates, DER one after the other, to tell by
 * which key is whose; those on the token are known, too. ERR_RECOVERY_KEY: there is no such key, or it is no
 * recipient's. ERR_UNSUPPORTED, ERR_TOKEN_FAILED: the token does not do it. ERR_ESCROW as escrow_open_with.
 */
int worker_unseal(struct worker *w, const struct p11_uri *key, const struct blob *certs, const struct store_escrow *v,
		  const struct store_token *of, struct secret *ret, struct err *e);

/* "sensitive always-sensitive never-extractable local", as far as the token said so, and WORKER_PIN_EACH_TIME. */
#define WORKER_PIN_EACH_TIME "always-authenticate"
void worker_key_describe(const struct worker_key *k, char *ret, size_t size);

void worker_key_free(struct worker_key *k);
void worker_proof_free(struct worker_proof *p);

/* The role's entry point. Returns the exit status. */
int worker_main(void);

#endif
