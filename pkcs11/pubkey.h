/*
 * pubkey: a public key on a token as SubjectPublicKeyInfo. Worker process only.
 */
#ifndef PKCS11_PUBKEY_H
#define PKCS11_PUBKEY_H

#include "pkcs11/template.h"

/* Reads CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_PARAMS and CKA_EC_POINT (in its DER OCTET STRING or raw),
 * from a public or private key object. *ret_spki is DER, empty if the object does not show them or they are no
 * valid key; an error is only what the token itself reports. */
int p11_pubkey_read(const struct p11_token *t, CK_OBJECT_HANDLE key, struct blob *ret_spki, struct err *e);

#endif
