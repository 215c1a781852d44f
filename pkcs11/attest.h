/*
 * attest: a token's own proof that it has made a key inside. Worker process
 * only; whether the proof holds is for the CA to say.
 */
#ifndef PKCS11_ATTEST_H
#define PKCS11_ATTEST_H

#include "core/blob.h"
#include "pkcs11/token.h"

#define P11_ATTESTATION_MAX ((size_t)16384)

/*
 * The statement about the key with this CKA_ID, then the certificate of whoever signed it, as DER one after the other;
 * empty where the profile knows of none, or the token gives none.
 */
int p11_attestation_read(const struct p11_token *t, const struct blob *cka_id, struct blob *ret, struct err *e);

#endif
