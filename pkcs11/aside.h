/*
 * aside: another CKA_ID for a key of ours while its certificate is written,
 * on tokens where that may be in the way; see p11_certificate_write. It
 * follows from the key's own one, so that after a run that was cut off the
 * key is found under it, and gets its own one back. Worker process only.
 */
#ifndef PKCS11_ASIDE_H
#define PKCS11_ASIDE_H

#include "pkcs11/template.h"

/* The CKA_ID that a key with this one has meanwhile. */
int p11_aside_id(const struct blob *cka_id, struct blob *ret, struct err *e);

/* Gives a private key of ours this CKA_ID. */
int p11_aside_set(const struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *cka_id, struct err *e);

#endif
