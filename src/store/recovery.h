/*
 * recovery: the recovery certificates, to which secrets of tokens are sealed.
 * Their private keys are kept elsewhere, best on no computer at all; this one
 * needs them only to open what is in escrow (see escrow.h).
 */
#ifndef STORE_RECOVERY_H
#define STORE_RECOVERY_H

#include "core/blob.h"
#include "core/err.h"

#include <openssl/x509.h>
#include <stddef.h>

struct recovery;

/*
 * Reads all certificates of n files in PEM ([escrow] recovery of the configuration). ERR_RECOVERY_MISSING if n is 0.
 * ERR_CONFIG names the file and the certificate: a file that cannot be read, has none, a damaged one, or a
 * private key in it; a certificate that is a CA's, is not for encryption by its keyUsage (RFC 5280,
 * 4.2.1.3: keyEncipherment for RSA, keyAgreement for EC), or whose key is too short, or neither RSA nor EC.
 * One that is not valid now is left out, with a note; if no other is left, that is ERR_CONFIG, too.
 */
int recovery_load(struct recovery **ret, char *const *files, size_t n, struct err *e);

/* All certificates of these files, DER one after the other, as far as they can be read: also those that nothing is
 * sealed to any more, since their keys open what was. */
void recovery_read(struct blob *ret_der, char *const *files, size_t n);

/* Frees; accepts NULL and nulls the pointer. */
void recovery_free(struct recovery **r);

/* Each certificate is in it once. */
size_t recovery_count(const struct recovery *r);
X509 *recovery_certificate(const struct recovery *r, size_t i);

/* What the person in charge has to know of them, each one line: that one is left out, or expires within 90 days. */
size_t recovery_note_count(const struct recovery *r);
const char *recovery_note(const struct recovery *r, size_t i);

/* Who they are, for people and for the inventory: "CN=Recovery 1 (serial 0A1B); CN=…". */
const char *recovery_names(const struct recovery *r);

#endif
