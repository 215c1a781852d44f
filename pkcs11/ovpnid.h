/*
 * ovpnid: the name of a token's certificate in OpenVPN's `pkcs11-id`, in the
 * legacy form of pkcs11-helper, which every build of OpenVPN accepts.
 * Worker process; pure computation.
 */
#ifndef PKCS11_OVPNID_H
#define PKCS11_OVPNID_H

#include "core/blob.h"
#include "pkcs11/token.h"

/* MANUFACTURER/MODEL/SERIAL/LABEL/HEX(CKA_ID), each field escaped as pkcs11-helper does.
 * Returns 0, or -1 if it does not fit. */
int ovpnid_write(char *ret, size_t size, const struct p11_token_info *t, const struct blob *cka_id);

#endif
