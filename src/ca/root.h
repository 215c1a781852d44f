/*
 * root: the key and the certificate of a new CA. Only for the files of this
 * folder.
 */
#ifndef CA_ROOT_H
#define CA_ROOT_H

#include "ca/create.h"
#include "ca/vars.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* A key pair of one of the five types, in this process's memory. */
int root_key_generate(EVP_PKEY **ret, enum keytype type, struct err *e);

/* PEM of PKCS#8; encrypted unless passphrase is NULL. Written by temp, fsync and rename, 0600. */
int root_key_write(const char *path, EVP_PKEY *key, const struct secret *passphrase, struct err *e);

/* A self-signed certificate as `easyrsa build-ca` makes it, but for basicConstraints and keyUsage, which are critical
 * (RFC 5280, 4.2.1.9). */
int root_certificate(X509 **ret, EVP_PKEY *key, const struct ca_plan *plan, const struct vars *vars, struct err *e);

/* The digest for a key of this type. */
const char *root_digest(enum keytype type);

#endif
