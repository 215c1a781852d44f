/*
 * decrypt: a private key on a token as an EVP_PKEY that OpenSSL's CMS can open
 * a message with: RSA by CKM_RSA_PKCS_OAEP or, where the token does not have
 * that, CKM_RSA_X_509; EC by CKM_ECDH1_DERIVE. Worker process only; the user
 * must be logged in.
 */
#ifndef PKCS11_DECRYPT_H
#define PKCS11_DECRYPT_H

#include "pkcs11/token.h"

#include <openssl/evp.h>

struct p11_decrypt;

/*
 * The key with this handle and public key (SPKI, DER). t is borrowed until p11_decrypt_free. Only OAEP with SHA-256 and
 * MGF1-SHA-256, and ECDH without a KDF of the token's, are asked of it. A key that wants the PIN for each operation
 * gets the one that has logged in. ERR_UNSUPPORTED if it is neither RSA nor EC.
 */
int p11_decrypt_new(struct p11_decrypt **ret, struct p11_token *t, CK_OBJECT_HANDLE key, const struct blob *spki,
		    struct err *e);
void p11_decrypt_free(struct p11_decrypt **d);

/* d's; not to be used after p11_decrypt_free. */
EVP_PKEY *p11_decrypt_key(const struct p11_decrypt *d);

/* What the token said when it was asked last; ERR_NONE if it did what it was asked, or was not asked. */
const struct err *p11_decrypt_failure(const struct p11_decrypt *d);

#endif
