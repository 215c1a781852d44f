/*
 * recipients: certificates to which something is encrypted, so that only the
 * holders of their private keys can read it. Those keys are kept elsewhere,
 * best on no computer at all. Any process may use this; what is sealed goes
 * through ordinary memory of the process that seals (see recipients_seal).
 */
#ifndef CORE_RECIPIENTS_H
#define CORE_RECIPIENTS_H

#include "core/blob.h"
#include "core/err.h"

#include <openssl/x509.h>
#include <stddef.h>

struct recipients;

/* How messages speak of one kind of them. */
struct recipients_kind {
	const char *what; /* "recovery certificate" */
	const char *key;  /* where it is configured: "recovery in section [escrow]" */
	const char *how;  /* what tells how to make one: "tokenroll(8), \"Recovery certificates\"" */
	const char *old;  /* what is true of one that is not valid any more; ends with "; ", or is "" */
};

/*
 * Reads all certificates of n files in PEM. kind has to live as long as *ret.
 *
 * ERR_CONFIG names the file and the certificate: a file that cannot be read, has none, a damaged one, or a
 * private key in it; a certificate that is a CA's, is not for encryption by its keyUsage (RFC 5280,
 * 4.2.1.3: keyEncipherment for RSA, keyAgreement for EC), or whose key is too short, or neither RSA nor EC.
 * One that is not valid now is left out, with a note; if no other is left, that is ERR_CONFIG, too.
 */
int recipients_load(struct recipients **ret, const struct recipients_kind *kind, char *const *files, size_t n,
		    struct err *e);

/* All certificates of these files, DER one after the other, as far as they can be read: also those that nothing is
 * sealed to any more, since their keys open what was. */
void recipients_read(struct blob *ret_der, char *const *files, size_t n);

/* Frees; accepts NULL and nulls the pointer. */
void recipients_free(struct recipients **r);

/* Each certificate is in it once. */
size_t recipients_count(const struct recipients *r);
X509 *recipients_certificate(const struct recipients *r, size_t i);

/* What the person in charge has to know of them, each one line: that one is left out, or expires within 90 days. */
size_t recipients_note_count(const struct recipients *r);
const char *recipients_note(const struct recipients *r, size_t i);

/* Who they are, for people and for the inventory: "CN=Recovery 1 (serial 0A1B); CN=…". */
const char *recipients_names(const struct recipients *r);

/*
 * Seals len bytes to all of them: a CMS AuthEnvelopedData (RFC 5083) in DER, AES-256-GCM, its key by RSA-OAEP with
 * SHA-256 for an RSA recipient, by ECDH with the X9.63 KDF, SHA-256 and AES-256 key wrap for an EC one, all in one
 * message. `openssl cms -decrypt -inform DER -in FILE -inkey KEY` opens it. No copy of the bytes is left behind; the
 * key of the message is in ordinary memory until that is wiped and freed at the end of the call. code is what it is
 * when OpenSSL refuses.
 */
int recipients_seal(struct blob *ret, const struct recipients *r, const void *data, size_t len, enum err_code code,
		    struct err *e);

#endif
