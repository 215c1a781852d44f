/*
 * keyfile: a private key in a file: PEM, PKCS#8 or the traditional form, plain
 * or encrypted. The file is mapped, so that no copy of a key that stands there
 * in the clear is made beside OpenSSL's own. Any process may use it that may
 * have the key.
 */
#ifndef CORE_KEYFILE_H
#define CORE_KEYFILE_H

#include "core/secret.h"

#include <openssl/evp.h>

struct keyfile {
	void *data;
	size_t len;
	BIO *bio; /* reads the file */
};

#define KEYFILE_INIT          \
	{                     \
		NULL, 0, NULL \
	}

enum keyfile_result {
	KEYFILE_OK,
	KEYFILE_UNREADABLE, /* errno tells why, or if it is 0 keyfile_fault */
	KEYFILE_NO_KEY,     /* no private key in it, or a damaged one; as below OpenSSL's error queue tells more */
	KEYFILE_PASSPHRASE_NEEDED, /* it is encrypted and there is no passphrase */
	KEYFILE_PASSPHRASE_WRONG,
	KEYFILE_CIPHER_UNSUPPORTED /* encrypted in a way that OpenSSL does not read any more */
};

/* Maps a regular file of at most 256 KiB. Returns -1 with errno, which is 0 for a file that is no such one. */
int keyfile_map(struct keyfile *ret, const char *path);

/* What is wrong with a file that keyfile_map does not take, as the end of a sentence ("is empty"). Never NULL. */
const char *keyfile_fault(const char *path);

void keyfile_unmap(struct keyfile *m);

/* Reads the first private key of a file. passphrase may be NULL. */
enum keyfile_result keyfile_load(EVP_PKEY **ret, const char *path, const struct secret *passphrase);

#endif
