/*
 * store: the journal, the inventory and the audit trail, in one SQLite
 * database (WAL, synchronous=FULL). Only the parent process opens it. No
 * secret is ever put into it.
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

struct store_token {
	int64_t id;
	char manufacturer[33], model[17], serial[17], label[33]; /* CK_TOKEN_INFO, UTF-8, blanks stripped */
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
	bool handed_over;         /* proven, and delivered but for the CRL that tells of the certificate it replaces */
	time_t created, changed;
};

/*
 * Opens or makes the database (0600, its folder 0700 if it is missing). A database that is small, or whose last
 * user did not end cleanly, is checked as a whole first; of any other only what is read is checked, because a full
 * check of a big one would take longer than the enrollment. ERR_STORE: not a database, not ours, damaged, of a
 * newer version, disk full, folder not writable; always with the path and what to do.
 */
int store_open(struct store **ret, const char *path, struct err *e);
void store_close(struct store **s);

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

/* A credential that has ended and whose key or certificate may still be on this token, whoever had it; none
 * whose CKA_ID is in use by one that has not ended. */
int store_find_leftover(struct store *s, const struct store_token *t, bool *ret_found, struct store_credential *ret,
			struct err *e);

/* Whether this public key (SPKI, DER) on this token is one of ours, and all credentials it had have ended. */
int store_key_ended(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret, struct err *e);

/* Notes that the objects of an ended credential are no longer on its token. */
int store_removed(struct store *s, const struct store_credential *c, struct err *e);

/* Puts a new credential in state planned; user, token, key_type, cka_id, serial and module are read; id, token.id,
 * state and the times are set. */
int store_plan(struct store *s, struct store_credential *c, struct err *e);

/* Writes a credential as it is now with its new state, and an audit record that names the step; state and changed
 * are set once it is on disk. Going back to an earlier state is allowed, leaving an ended one is not (ERR_STORE),
 * nor is a state without what it stands for (no spki from keyed on, no csr from requested on, no cert and
 * cert_serial from issued on, no pkcs11_id from proven on). ERR_STORE too if the credential is no longer in
 * c->state: somebody else has changed it. */
int store_advance(struct store *s, struct store_credential *c, enum cred_state to, struct err *e);

/* Notes that profiles and mail of a proven credential are out although it cannot be called delivered yet, so that they
 * are not sent again. It holds until the state changes. ERR_STORE if that is another one by now. */
int store_handed_over(struct store *s, struct store_credential *c, struct err *e);

/* Ends as superseded every other credential of keep's user that has a certificate: a user has one that counts. */
int store_supersede(struct store *s, const struct store_credential *keep, struct err *e);

/* Adds an audit record that changes no credential (e.g. "token-init"). detail is one line for people. */
int store_audit(struct store *s, const char *action, const char *user, const char *token_serial, const char *detail,
		struct err *e);

/*
 * Whether the last that the trail tells of this user is a token's initialization: STORE_TOKEN_INIT was recorded, and
 * no credential was planned since, so there may be a token that is initialized but not in the journal. ret_serial is
 * that record's token_serial, "" where *ret_begun is false.
 */
#define STORE_TOKEN_INIT "token-init"
int store_init_begun(struct store *s, const char *user, bool *ret_begun, char ret_serial[17], struct err *e);

/* Computes the audit trail's hash chain again, from the first record to the last. *ret_records is how many there
 * are. ERR_STORE names the first record that is not as it was written. */
int store_audit_verify(struct store *s, uint64_t *ret_records, struct err *e);

void store_credential_free(struct store_credential *c);

/* "planned" … "abandoned". */
const char *cred_state_name(enum cred_state st);

#endif
