/*
 * challenge: a digest for a private key to sign, and whether the signature fits the public key. Any process.
 */
#ifndef PKCS11_CHALLENGE_H
#define PKCS11_CHALLENGE_H

#include "core/blob.h"
#include "core/err.h"

#include <openssl/evp.h>

/* A digest of what nobody has seen before, of the length that goes with the key. */
int challenge_make(EVP_PKEY *key, struct blob *ret_digest, struct err *e);

/* RSASSA-PSS with SHA-256 and a salt of its length, or ECDSA as DER, over the digest (RFC 8446, 4.2.3). ERR_PROOF. */
int challenge_verify(EVP_PKEY *key, const struct blob *digest, const struct blob *signature, struct err *e);

#endif
