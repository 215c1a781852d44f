/*
 * history: all that the inventory knows of one person: every certificate and
 * every token that they ever had. Dates that are not known are 0, texts "".
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/store.h"

struct history_certificate {
	bool adopted;  /* of index.txt: no credential has it */
	char *state;   /* cred_state_name; of an adopted one "valid", "revoked", "expired" */
	char *way;     /* "enroll", "renew", "rekey", "adopt"; "" of one that has no credential */
	char *purpose; /* of one that has no credential: "client", "server", "both", "" */
	char *subject; /* of one that has no credential */
	char *serial;  /* uppercase hex; "" if there is none yet */
	char *key_type, *cka_id, *key_attributes, *attested, *pkcs11_id;
	char *token_serial, *token_model;
	char *replaces; /* the serial of the one it took over from */
	char *reason;   /* why it was revoked */
	time_t not_after, created, changed, revoked, revoke_at;
	struct blob cert; /* DER; empty if it is not known */
};

struct history_token {
	struct store_token token;
	char *profile;
	bool escrow[ESCROW_KIND_COUNT];  /* there is one that the token has */
	bool pending[ESCROW_KIND_COUNT]; /* there is one that it may have */
	bool current;                    /* a credential of this person on it has not ended */
	time_t lost;
};

struct history {
	char *user;
	time_t created;
	struct history_certificate *certificates; /* newest first */
	size_t n_certificates;
	struct history_token *tokens; /* newest first */
	size_t n_tokens;
};

/* *ret_found is false if the inventory does not know that name. */
int store_history(struct store *s, const char *user, bool *ret_found, struct history *ret, struct err *e);
void history_free(struct history *h);

/* Until when somebody has a certificate to log in with, of whichever token; 0 without one that is valid now. */
int store_certified(struct store *s, const char *user, time_t now, time_t *ret_until, struct err *e);

/* The statements, for those who ask whether they use an index. */
extern const char *const history_sql[];
extern const size_t history_sql_count;

#endif
