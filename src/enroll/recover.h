/*
 * recover: the recovery key that opens what is in escrow: in a file, or on a
 * token of its own, which may be in a reader beside the one that is worked on.
 * Parent only; the token's module runs in a worker as any other, and that is
 * where the key is used.
 *
 * The token's PIN is sent once, after its counter was looked at. Its last try
 * is never spent: nothing else may open what is in escrow.
 */
#ifndef ENROLL_RECOVER_H
#define ENROLL_RECOVER_H

#include "core/config.h"
#include "enroll/discover.h"
#include "enroll/ports.h"
#include "pkcs11/uri.h"

/* What is borrowed outlives the recover. */
struct recover_request {
	const struct enroll_token_port *port;
	const char *file;          /* of the key; NULL with a URI */
	const struct p11_uri *uri; /* where it is on a token; NULL with a file */
	const struct config *cfg;  /* its recovery certificates, modules and profiles */
	const char *module;        /* that is asked first where the URI names none; NULL: the configuration's */
	struct worker_settings settings;
	int (*passphrase)(void *arg, struct secret *ret, struct err *e); /* of the file */
	int (*pin)(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e);
	void (*note)(void *arg, const char *text);
	void *arg;
};

struct recover;

/* Starts nothing yet. */
struct recover *recover_new(const struct recover_request *req);

/* Forgets key and PIN, ends the worker. Accepts NULL and nulls the pointer. */
void recover_free(struct recover **r);

/*
 * Opens a value of this token. Whoever has the key is asked for its passphrase or PIN once, at the first.
 *
 * As escrow_open for a file and worker_unseal for a token; ERR_NO_TOKEN, ERR_SEVERAL_TOKENS, ERR_PIN_WRONG,
 * ERR_PIN_LOCKED and ERR_PIN_LAST_TRY about the token that the key is on.
 */
int recover_open(struct recover *r, const struct store_escrow *v, const struct store_token *of, struct secret *ret,
		 struct err *e);

/* The serial number of the token that the key was found on; "" before, and with a file. */
const char *recover_serial(const struct recover *r);

/* Tells whoever is asked. */
void recover_note(const struct recover *r, const char *text);

/* Takes those that a URI (NULL: none) names by their token out of a list, if there are others: what is to be worked on
 * is not what the recovery key is on. Returns how many are left. */
size_t recover_leave_out(const struct p11_uri *uri, struct enroll_candidate *list, size_t n);

#endif
