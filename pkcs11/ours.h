/*
 * ours: whether a certificate that is on a token is one of ours, by the
 * certificates that the inventory has of that token. The CKA_ID does not tell:
 * other programs put theirs under the same one. In any process.
 */
#ifndef PKCS11_OURS_H
#define PKCS11_OURS_H

#include "core/blob.h"

#include <stdbool.h>

/*
 * Whether this certificate (DER) is one of known (DER, one after the other), or by the same CA for the same key as one
 * of them: easy-rsa may have renewed it. Two CAs may have one name, so their keys have to be the same, too.
 */
bool ours_certificate(const struct blob *der, const struct blob *known);

/* Whether it is a certificate at all. */
bool ours_is_whole(const struct blob *der);

#endif
