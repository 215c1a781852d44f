/*
 * store: the journal, the inventory and the audit trail, in one SQLite
 * database (WAL, synchronous=FULL but for what db_begin_soon is for). Only the parent process opens it. No
 * secret is ever put into it in the clear: what is in escrow is sealed before
 * (see escrow.h).
 *
 * Every change and its audit record are one transaction.
 *
 * One process opens one store at a time: POSIX record locks, which both SQLite
 * and the claims rest on, belong to the process as a whole.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "core/blob.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct store;

/* The states of a credential; their order is the order of the work. */
enum cred_state {
	CRED_PLANNED,
	CRED_KEYED,
	CRED_REQUESTED,
	CRED_ISSUED,
	CRED_WRITTEN,
	CRED_PROVEN,
	CRED_DELIVERED,
	/* ended */
	CRED_REVOKED,
	CRED_SUPERSEDED,
	CRED_ABANDONED,
	CRED_STATE_COUNT
};

/* How a credential came about. */
enum cred_way {
	CRED_WAY_ENROLL,
	CRED_WAY_RENEW, /* another certificate for the key of the one that it replaces */
	CRED_WAY_REKEY, /* another key on the same token */
	CRED_WAY_ADOPT, /* somebody else made it, and we took it over */
	CRED_WAY_COUNT
};

struct store_token {
	int64_t id;
	char manufacturer[33], model[17], label[33]; /* CK_TOKEN_INFO, UTF-8, blanks stripped */
	char serial[50]; /* likewise; of a kind whose serial numbers are shared SERIAL/LABEL */
};

struct store_credential {
	int64_t id;
	char user[65];
	struct store_token token;
	enum cred_state state;
	unsigned key_type; /* enum keytype */
	struct blob cka_id;
	struct blob spki;         /* DER, from keyed on */
	struct blob csr;          /* DER, from requested on */
	unsigned char serial[16]; /* the serial proposed to the CA, random, fixed when planned */
	struct blob cert;         /* DER, from issued on */
	char cert_serial[41];     /* uppercase hex */
	time_t not_after;
	char module[512];         /* path of the module that enrolled */
	char pkcs11_id[512];      /* legacy form, by the client's module, from proven on */
	char client_module[512];  /* the module that pkcs11_id was computed with */
	char key_attributes[128]; /* what the token said of the key: "sensitive always-sensitive never-extractable
				     local" */
	char enroll_id[512];      /* the same id by the module that enrolled; "" if not known */
	struct blob attestation; /* DER certificates one after the other: attestation, then its issuers; may be empty */
	char attested[256];      /* what that proves, one line for people; "" if the token cannot say */
	struct blob earlier;     /* which keys were on the token when this was planned, in words of pkcs11/orphan.h */
	bool handed_over;        /* proven, and delivered but for the CRL that tells of the certificate it replaces */
	time_t created, changed;
	enum cred_way way;
	int64_t replaces; /* the id of the one that a renewal or rekeying takes over from; 0 */
	time_t revoke_at; /* of one that was replaced: when its certificate is to be revoked; 0: it is not waiting for
			     that */
	time_t revoked;   /* when the CA was told to revoke it; 0: it was not */
	char reason[32];  /* and why, in easy-rsa's words */
};

/* Secrets of a token that are kept for the day when they are needed. A management key is an SO PIN. */
enum escrow_kind { ESCROW_SO_PIN, ESCROW_PUK, ESCROW_KIND_COUNT };

/* pending: may be on the token; confirmed: is on the token; replaced: a later one is */
enum escrow_state { ESCROW_PENDING, ESCROW_CONFIRMED, ESCROW_REPLACED, ESCROW_STATE_COUNT };

struct store_escrow {
	int64_t id;
	enum escrow_kind kind;
	enum escrow_state state;
	time_t created;
	struct blob cms;  /* DER, see escrow.h */
	char *recipients; /* who can open it, for people */
};

/* A token of the inventory, and whose it is: of its newest credential that has not ended, else of the newest at all. */
struct store_holding {
	struct store_token token;
	char profile[256]; /* the id of its profile, "" if not known */
	char user[65];     /* "" if it never had a credential; state and not_after then mean nothing */
	enum cred_state state;
	time_t not_after; /* 0 without a certificate */
	time_t lost;      /* since when the token is reported lost; 0: it is not */
};

/* One credential of a user, as far as it matters when a token is lost. */
struct store_issued {
	struct store_token token;
	time_t lost; /* the token, as above */
	enum cred_state state;
	char cert_serial[41]; /* "" without a certificate */
	time_t not_after;
	time_t created;
	time_t revoke_at; /* of one that was replaced; 0 */
};

/*
 * Opens or makes the database (0600, its folder 0700 if it is missing). A database that is small, or whose last
 * user did not end cleanly, is checked as a whole first; of any other only what is read is checked, because a full
 * check of a big one would take longer than the enrollment. ERR_STORE: not a database, not ours, damaged, of a
 * newer version, disk full, folder not writable; always with the path and what to do.
 * A database of an older version is brought up to date, with a copy of it kept as PATH.vN; if that fails, it stays as
 * it was.
 */
int store_open(struct store **ret, const char *path, struct err *e);
/* While another process keeps the database locked, which is waited for for ten seconds: called again and again, so that
 * this can be said, from inside a call, so nothing of the store may be called; false: it is not waited for any more. */
typedef bool store_wait_fn(void *arg, int64_t waited_ms);
void store_on_wait(struct store *s, store_wait_fn *fn, void *arg);

void store_close(struct store **s);

/* A database as it stands on the disk, without its log: nothing is locked, made or brought up to date. */
struct store_peek {
	bool there;             /* else the first command that needs one makes it */
	bool in_use;            /* it has a log: another process has it open, or did not end cleanly */
	int64_t version, known; /* its own, and the one that store_open brings it to */
};

/* Whether store_open could use it. ERR_STORE as there; also if this user may not write it. One without a log is checked
 * as a whole. */
int store_peek(const char *path, struct store_peek *ret, struct err *e);

/* From here on each audit record goes to the system's log as well (authpriv), those first that opening the database has
 * made. A log that takes nothing is no failure, and is not waited for. */
void store_use_syslog(struct store *s);

/*
 * Takes the right to work on a user, and on a token, until store_close or the end of the process, so that two
 * tokenrolls never work on the same. A user or token that the database does not know yet is put into it, and a
 * token's new label is noted. ERR_BUSY names the other process's id.
 */
int store_claim_user(struct store *s, const char *user, struct err *e);
int store_claim_token(struct store *s, const struct store_token *t, struct err *e);

/* The newest credential of this user on this token that has not ended; *ret_found false if there is none, and
 * *ret is then all zero. *ret is overwritten, not freed; it stays untouched on failure. */
int store_find(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
	       struct store_credential *ret, struct err *e);

/* The same for whoever has this token. */
int store_find_by_token(struct store *s, const struct store_token *t, bool *ret_found, struct store_credential *ret,
			struct err *e);

/* The newest one of this user that has not ended and is on any token but this one. */
int store_find_elsewhere(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
			 struct store_credential *ret, struct err *e);

/* The newest credential, before the one with this id if that is not 0, that has ended and whose key or certificate may
 * still be on this token, whoever had it; none whose CKA_ID is in use by one that has not ended. */
int store_find_leftover(struct store *s, const struct store_token *t, int64_t before, bool *ret_found,
			struct store_credential *ret, struct err *e);

/* The certificates (DER, one after the other) of all credentials on this token, also of those that have ended. */
int store_certificates(struct store *s, const struct store_token *t, struct blob *ret, struct err *e);

/* Whether this public key (SPKI, DER) on this token is one of ours, and all credentials it had have ended. */
int store_key_ended(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret, struct err *e);
/* The newest one of this user that is proven or delivered, on whichever token. */
int store_find_user(struct store *s, const char *user, bool *ret_found, struct store_credential *ret, struct err *e);

/* Notes that the objects of an ended credential are no longer on its token: removed just now or, unless was_there, gone
 * already. */
int store_removed(struct store *s, const struct store_credential *c, bool was_there, struct err *e);

/* Puts a new credential in state planned; user, token, key_type, cka_id, serial, module, way and replaces are read; id,
 * token.id, state and the times are set. */
int store_plan(struct store *s, struct store_credential *c, struct err *e);

/* Writes a credential as it is now with its new state, and an audit record that names the step; state and changed
 * are set once it is on disk; keyed, written and proven get there with the state that follows. Going back to an earlier
 * state is allowed, leaving an ended one is not (ERR_STORE), nor is a state without what it stands for (no spki from
 * keyed on, no csr from requested on, no cert and cert_serial from issued on, no pkcs11_id from proven on). ERR_STORE
 * too if the credential is no longer in c->state: somebody else has changed it. */
int store_advance(struct store *s, struct store_credential *c, enum cred_state to, struct err *e);

/* Notes that profiles and mail of a proven credential are out although it cannot be called delivered yet, so that they
 * are not sent again. It holds until the state changes. ERR_STORE if that is another one by now. */
int store_handed_over(struct store *s, struct store_credential *c, struct err *e);

/* Ends as superseded every other credential of keep's user that has a certificate: a user has one that counts. */
int store_supersede(struct store *s, const struct store_credential *keep, struct err *e);

/* Ends as superseded every other credential of keep's user on keep's token that has a certificate, which is to be
 * revoked at revoke_at. */
int store_take_over(struct store *s, const struct store_credential *keep, time_t revoke_at, struct err *e);

/* The newest one of this user that has not ended, on whichever token, else the newest at all. */
int store_find_last(struct store *s, const char *user, bool *ret_found, struct store_credential *ret, struct err *e);
int store_find_id(struct store *s, int64_t id, bool *ret_found, struct store_credential *ret, struct err *e);

/*
 * The serials of all certificates of c's user but c's own that may be valid and are meant to be: those of credentials
 * that have not ended, and those that were superseded and wait for their revocation. Blanks between; "" if there is
 * none. *ret is from malloc.
 */
int store_serials_beside(struct store *s, const struct store_credential *c, char **ret, struct err *e);

/* The first credential with a greater id than after whose certificate was replaced, was to be revoked by now, has not
 * expired, and is not revoked yet. store_revoked notes that it is. */
int store_find_due(struct store *s, time_t now, int64_t after, bool *ret_found, struct store_credential *ret,
		   struct err *e);

/* Notes which profile (its id, e.g. "yubikey-piv") a token has. The token is added if the inventory does not know it.
 */
int store_token_profile(struct store *s, const struct store_token *t, const char *profile, struct err *e);

/* All tokens of the inventory, oldest first; *ret is one block, to be freed, NULL where there is none. */
int store_tokens(struct store *s, struct store_holding **ret, size_t *ret_n, struct err *e);

/* Whether an object on this token is of a credential of ours, also of one that has ended: by its public key (SPKI,
 * DER), and if it shows none (empty) by its CKA_ID. */
int store_is_ours(struct store *s, const struct store_token *t, const struct blob *cka_id, const struct blob *spki,
		  bool *ret, struct err *e);

/* Since when this token is reported lost; 0 if it is not, or the inventory does not know it. */
int store_token_lost(struct store *s, const struct store_token *t, time_t *ret_since, struct err *e);

/* All credentials of a user, oldest first; *ret is one block, to be freed, NULL where there is none. */
int store_issued(struct store *s, const char *user, struct store_issued **ret, size_t *ret_n, struct err *e);

/* Notes that these tokens (their ids) of a user are lost from now on, all or none. One that is lost already stays so
 * since then. */
int store_lost(struct store *s, const char *user, const struct store_token *list, size_t n, const char *reason,
	       struct err *e);

/* Notes that a token (its id) is here again. */
int store_found(struct store *s, const char *user, const struct store_token *t, struct err *e);

/*
 * Notes that the CA has revoked this certificate, when and why: its credential ends as revoked, if it has not ended
 * before, and waits for no revocation any more. name is whose it is, for the trail. Nothing is changed if that is noted
 * already.
 */
int store_revoked(struct store *s, const char *cert_serial, const char *name, time_t when, const char *reason,
		  struct err *e);

/* The tokens with this serial number, as --serial names them; makers may use the same one. */
int store_find_by_serial(struct store *s, const char *serial, struct store_holding **ret, size_t *ret_n, struct err *e);

/*
 * Puts a sealed secret of a token into escrow, as pending. To be called before the secret is sent to the token, so that
 * whatever happens then, what the token has can be found here. The token is added if the inventory does not know it.
 * No value is ever deleted.
 */
int store_escrow_put(struct store *s, const struct store_token *t, enum escrow_kind kind, const struct blob *cms,
		     const char *recipients, int64_t *ret_id, struct err *e);

/* Notes that the token has this value now: older ones of that token and kind become replaced. Nothing is changed if it
 * is confirmed already. ERR_STORE if there is no such value, or if it was replaced or a later one confirmed. */
int store_escrow_confirm(struct store *s, int64_t id, struct err *e);

/* Puts a value that is in escrow as number id for another token, which is this one under another name, into escrow for
 * this one, as pending; that other one is replaced. Both, or nothing. */
int store_escrow_move(struct store *s, int64_t id, const struct store_token *t, enum escrow_kind kind,
		      const struct blob *cms, const char *recipients, int64_t *ret_id, struct err *e);

/* Notes that a token has not taken this value. */
int store_escrow_withdraw(struct store *s, int64_t id, struct err *e);

/* Notes that a token has none of its values of this kind any more: it was reset. */
int store_escrow_drop(struct store *s, const struct store_token *t, enum escrow_kind kind, struct err *e);

/* What is in escrow for a token, newest first. Those before the first confirmed one may be on the token, too: a run
 * that broke off left them pending. *ret_n is 0 if there is nothing. */
int store_escrow_list(struct store *s, const struct store_token *t, enum escrow_kind kind, struct store_escrow **ret,
		      size_t *ret_n, struct err *e);

/* Frees a list; accepts NULL and nulls the pointer. */
void store_escrow_free(struct store_escrow **list, size_t n);

/* "so-pin", "puk"; "pending", "confirmed", "replaced". */
const char *escrow_kind_name(enum escrow_kind kind);
const char *escrow_state_name(enum escrow_state st);

/* Adds an audit record that changes no credential (e.g. "token-init"). detail is one line for people. */
int store_audit(struct store *s, const char *action, const char *user, const char *token_serial, const char *detail,
		struct err *e);

/* Whether the trail has a record of this action on this token with this detail. */
int store_audited(struct store *s, const char *token_serial, const char *action, const char *detail, bool *ret,
		  struct err *e);

/*
 * Whether the last that the trail tells of this user is a token's initialization: STORE_TOKEN_INIT was recorded, and
 * no credential was planned since, so there may be a token that is initialized but not in the journal. ret_serial is
 * that record's token_serial, "" where *ret_begun is false.
 */
#define STORE_TOKEN_INIT "token-init"
#define STORE_PIN_INIT "user-pin-init"
#define STORE_PIN_SET "user-pin-set"
int store_init_begun(struct store *s, const char *user, bool *ret_begun, char ret_serial[17], struct err *e);

/* Whether a token (by its serial number) was initialized, or its first user PIN was about to be set, and nothing says
 * that it was: the last of STORE_TOKEN_INIT, STORE_PIN_INIT and STORE_PIN_SET in the trail is not that one. */
int store_pin_begun(struct store *s, const char *token_serial, bool *ret, struct err *e);

/* Whether a token's factory PIN was about to be changed by an enrollment that is not proven yet, and nothing says that
 * it was not, nor that the token has got another one with a command since: the last of "planned", "proven",
 * STORE_PIN_REPLACE, STORE_PIN_UNREPLACED, "pin-change", "pin-unblock" and "token-wipe" in the trail is
 * STORE_PIN_REPLACE. */
#define STORE_PIN_REPLACE "factory-pin-change"
#define STORE_PIN_OWN "not the factory's" /* in its detail: it was another one that was replaced */
#define STORE_PIN_KEPT "pin-unchanged"    /* right behind a change that was refused */
#define STORE_PIN_UNREPLACED "factory-pin-unchanged"
/* The detail of a "pin-change" that gives a token the PIN back that it had before an enrollment; and what follows when
 * it has it. */
#define STORE_PIN_UNDO "undo"
#define STORE_PIN_RESTORED "pin-restored"
int store_replace_begun(struct store *s, const char *token_serial, bool *ret, struct err *e);

void store_credential_free(struct store_credential *c);

/* "enroll", "renew", "rekey", "adopt". */
const char *cred_way_name(enum cred_way way);

/* "planned" … "abandoned". */
const char *cred_state_name(enum cred_state st);

/* The state of that name; -1 for any other name. */
int cred_state_parse(enum cred_state *ret, const char *name);

#endif
