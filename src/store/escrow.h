/*
 * escrow: a token's SO PIN or PUK, sealed so that only a recovery key opens it.
 *
 * What is sealed is a CMS AuthEnvelopedData (RFC 5083) in DER: AES-256-GCM, its key by RSA-OAEP with SHA-256 for an RSA
 * recipient, by ECDH with the X9.63 KDF, SHA-256 and AES-256 key wrap for an EC one, all in one message. Without
 * tokenroll it is opened by
 *
 *     openssl cms -decrypt -inform DER -in FILE -inkey KEY
 *
 * and then reads
 *
 *     tokenroll-escrow 1
 *     manufacturer: …
 *     model: …
 *     serial: …
 *     kind: so-pin
 *     secret: …
 *
 * with no line end behind the secret. So a value tells whose it is: one that stands in another's row of the database is
 * noticed. It does not tell who sealed it: everybody can who has the certificate.
 *
 * The plain text is only ever in locked pages (see secret.h). What cannot be held there: the key of the message, and
 * the block in which OpenSSL's BIO deciphers, which are in ordinary memory until that is wiped and freed at the end of
 * a call; and a recovery key from a file.
 */
#ifndef STORE_ESCROW_H
#define STORE_ESCROW_H

#include "core/blob.h"
#include "core/err.h"
#include "core/secret.h"
#include "store/recovery.h"
#include "store/store.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Seals a secret of a token to all recovery certificates. ERR_ESCROW if that cannot be done: what the token says of
 * itself has a line end in it, the secret is too long, OpenSSL refuses. */
int escrow_seal(struct blob *ret, const struct recipients *r, const struct store_token *t, enum escrow_kind kind,
		const struct secret *value, struct err *e);

/*
 * Opens what is in escrow for a token with a recovery key from a file in PEM; passphrase may be NULL.
 *
 * ERR_RECOVERY_KEY: no private key in the file, or not a recipient's; the error names those who are.
 * ERR_RECOVERY_PASSPHRASE_NEEDED, ERR_RECOVERY_PASSPHRASE.
 * ERR_ESCROW: the value is damaged, or belongs to another token or kind.
 */
int escrow_open(struct secret *ret, const struct store_escrow *v, const struct store_token *t, const char *key_file,
		const struct secret *passphrase, struct err *e);

/* The same with a key at hand, which may be on a token of its own, and its certificate; without one (NULL) the key is
 * tried with each recipient that it may be. The key is borrowed. */
int escrow_open_with(struct secret *ret, const struct store_escrow *v, const struct store_token *t, EVP_PKEY *key,
		     X509 *cert, struct err *e);

#endif
