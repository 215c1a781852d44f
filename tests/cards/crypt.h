/*
 * crypt: what the cards compute, on OpenSSL. A key is an EVP_PKEY; all functions but the makers leave it alone.
 * They return 0, or -1 if OpenSSL refused (a hash of the wrong length, another kind of key).
 */
#ifndef CARDS_CRYPT_H
#define CARDS_CRYPT_H

#include "bytes.h"

#include <openssl/evp.h>

/* A new key pair: "rsa:2048" and other sizes, "ec:P-256", "ec:P-384". NULL for any other name. */
EVP_PKEY *crypt_generate(const char *type);

/* A key pair out of what an import brings: both primes and the three numbers of the Chinese remainder theorem, for the
 * public exponent 65537; or the scalar, as long as the curve's field. NULL if they make no key. */
struct crypt_rsa_parts {
	struct bytes p, q, dp, dq, qinv;
};
EVP_PKEY *crypt_rsa_from(const struct crypt_rsa_parts *parts);
EVP_PKEY *crypt_ec_from(const char *type, struct bytes scalar);

/* Its private key as PKCS#8 DER, and back. */
int crypt_save_key(EVP_PKEY *key, struct buf *out);
EVP_PKEY *crypt_load_key(struct bytes der);

bool crypt_is_rsa(EVP_PKEY *key);

/* RSA: the private operation on a block as long as the modulus. */
int crypt_rsa_raw(EVP_PKEY *key, struct bytes block, struct buf *out);

/* RSASSA-PSS over a digest; the hash is the one of that length, for MGF1 too, and the salt is as long. */
int crypt_rsa_pss(EVP_PKEY *key, struct bytes digest, struct buf *out);

/* ECDSA over a digest; out gets a DER SEQUENCE of two INTEGERs. */
int crypt_ecdsa(EVP_PKEY *key, struct bytes digest, struct buf *out);

/* ECDH with an uncompressed point: its x coordinate. */
int crypt_ecdh(EVP_PKEY *key, struct bytes point, struct buf *out);

/* RSASSA-PKCS1-v1_5 or ECDSA (r and s side by side, as in card verifiable certificates), whichever the key is for, over
 * SHA-256 of data. */
int crypt_sign(EVP_PKEY *key, struct bytes data, struct buf *out);

int crypt_hash(const char *name, struct bytes data, struct buf *out);

/* Encrypts whole blocks with a cipher of OpenSSL's that needs no IV: "AES-128-ECB". */
int crypt_block(const char *cipher, struct bytes key, struct bytes data, struct buf *out);

/* The public key: modulus and exponent without leading zeros, or the uncompressed point. */
int crypt_rsa_public(EVP_PKEY *key, struct buf *modulus, struct buf *exponent);
int crypt_ec_point(EVP_PKEY *key, struct buf *point);

/* The prime of the field over which a curve of crypt_generate is defined. */
int crypt_ec_prime(const char *type, struct buf *prime);

/* A self-signed X.509 certificate with that common name, valid for ten years, in DER. */
int crypt_certificate(EVP_PKEY *key, const char *cn, struct buf *out);

#endif
