/*
 * keytype: the key types that tokenroll makes, by the names of the command
 * line. Pure data, for every layer.
 */
#ifndef CORE_KEYTYPE_H
#define CORE_KEYTYPE_H

#include "core/err.h"

#include <openssl/evp.h>

enum keytype {
	KEYTYPE_NONE = 0,
	KEYTYPE_EC_P256,
	KEYTYPE_EC_P384,
	KEYTYPE_RSA_2048,
	KEYTYPE_RSA_3072,
	KEYTYPE_RSA_4096,
	KEYTYPE_COUNT
};

/* "ec:P-256"; never NULL. */
const char *keytype_name(enum keytype t);

/* The names in a KEYTYPE_BIT set, separated by commas; cut if there is no room. */
void keytype_names(unsigned set, char *ret, size_t size);

/* By exact name; ERR_USAGE lists the names there are. */
int keytype_parse(enum keytype *ret, const char *name, struct err *e);

/* The type of a public key, KEYTYPE_NONE if it is none of ours. */
enum keytype keytype_of(const EVP_PKEY *key);

/* RSA modulus length in bits, 0 for EC. */
unsigned keytype_rsa_bits(enum keytype t);

/* OpenSSL's curve name ("prime256v1"), NULL for RSA. */
const char *keytype_curve(enum keytype t);

/* The digest the request is signed with: SHA-256, with P-384 SHA-384. */
const EVP_MD *keytype_digest(enum keytype t);

/* A bit for sets of key types. */
#define KEYTYPE_BIT(t) (1u << (t))
#define KEYTYPE_ALL ((1u << KEYTYPE_COUNT) - 2u)

#endif
