/*
 * certlist: a CertificateList (RFC 5280, 5.1) whose entries stay as they are
 * encoded. OpenSSL's X509_CRL makes an object of half a kilobyte of each entry,
 * and a CA may have revoked a hundred thousand; here all else is OpenSSL's:
 * the other fields, encoding, signing and verifying.
 */
#ifndef CA_CERTLIST_H
#define CA_CERTLIST_H

#include "core/blob.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct certlist;

/* All but the entries. */
struct certlist_head {
	const X509_NAME *issuer;
	const ASN1_TIME *this_update, *next_update; /* the last is NULL where a list has none */
	const STACK_OF(X509_EXTENSION) * extensions;
};

/* Makes and signs one, version 2. entries is what stands inside revokedCertificates, one DER after the other; it is
 * taken over. NULL if OpenSSL cannot; its queue says why. */
struct certlist *certlist_make(const struct certlist_head *head, struct blob *entries, EVP_PKEY *key, const EVP_MD *md);

/* The first one in a text in PEM form; NULL if there is none, or it is damaged. Of the entries only that they are a
 * SEQUENCE is looked at. */
struct certlist *certlist_read(const void *text, size_t len);

/* In PEM form, appended to a BIO. Returns 1, or 0 as OpenSSL does. */
int certlist_write(BIO *out, const struct certlist *l);

/* Accepts NULL and nulls the pointer. */
void certlist_free(struct certlist **l);

bool certlist_verify(const struct certlist *l, EVP_PKEY *key);
bool certlist_equal(const struct certlist *a, const struct certlist *b);

/* Points into l. */
struct certlist_head certlist_head(const struct certlist *l);

/* The CRL number (RFC 5280, 5.2.3); NULL if it has none. To be freed. */
BIGNUM *certlist_number(const struct certlist *l);

/* How many entries there are. */
size_t certlist_count(const struct certlist *l);

/* Goes through their serial numbers, without leading zeros, which point into l; *at is NULL before the first. */
bool certlist_next(const struct certlist *l, const unsigned char **at, const unsigned char **ret, size_t *ret_len);

/* Whether one of them has this serial number (hex). */
bool certlist_has(const struct certlist *l, const char *serial);

#endif
