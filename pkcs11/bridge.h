/*
 * bridge: a private key on a token as an EVP_PKEY, through libp11, so that
 * OpenSSL can sign a request with it, or a CA what it issues.
 *
 * libp11 opens the same module a second time in this process and shares its
 * state: who is logged in through token.h is logged in here, and no PIN goes
 * to libp11. When it is freed it calls C_Finalize, which ends every session:
 * free it after the last session and before the module.
 */
#ifndef PKCS11_BRIDGE_H
#define PKCS11_BRIDGE_H

#include "core/blob.h"
#include "pkcs11/token.h"

#include <openssl/types.h>

struct p11_bridge;

int p11_bridge_open(struct p11_bridge **ret, const struct p11_module *m, struct err *e);
void p11_bridge_free(struct p11_bridge **b);

/* Closes all sessions of this process, those of libp11, which are read-only, and others: close yours before. NULL is
 * nothing. */
void p11_bridge_let_go(struct p11_bridge *b);

/*
 * A PKCS#10 request (RFC 2986), DER, for the key with this CKA_ID in this slot: subject is X509_NAME DER, spki the
 * public key, signed by the token with the digest that fits the key, its signature checked here. A key that wants the
 * PIN for each signature gets the one that has logged in to t.
 */
int p11_bridge_request(struct p11_bridge *b, struct p11_token *t, const struct blob *cka_id, const struct blob *spki,
		       const struct blob *subject, struct blob *ret_csr, struct err *e);

/* The private key with this CKA_ID and CKA_LABEL, to be freed before the bridge is. It signs as above for as long as t
 * is open. */
int p11_bridge_key(struct p11_bridge *b, struct p11_token *t, const struct blob *cka_id, const char *label,
		   EVP_PKEY **ret, struct err *e);

#endif
