/*
 * key: the CA's private key file: PEM, PKCS#8 or the traditional form, plain
 * or encrypted, RSA or EC. The file is mapped, not copied.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include "core/err.h"
#include "core/secret.h"

#include <openssl/evp.h>
#include <stdbool.h>

/* Looks at the file without a passphrase. *ret_has is false if there is no such file. ERR_CA_PKI if it cannot be
 * read or holds no private key. */
int ca_key_probe(const char *path, bool *ret_has, bool *ret_encrypted, struct err *e);

/* Whether this user may read the file, without reading it. ERR_CA_PKI. */
int ca_key_check_access(const char *path, struct err *e);

/* Reads the key. passphrase may be NULL for a key that needs none. ERR_CA_PASSPHRASE_NEEDED, ERR_CA_PASSPHRASE. */
int ca_key_load(EVP_PKEY **ret, const char *path, const struct secret *passphrase, struct err *e);

#endif
