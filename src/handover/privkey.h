/*
 * privkey: whether a file that is about to leave this machine holds a private
 * key, encrypted or not.
 */
#ifndef HANDOVER_PRIVKEY_H
#define HANDOVER_PRIVKEY_H

#include "core/blob.h"

#include <stdbool.h>

/* In PEM anywhere in it, or as a whole in DER: PKCS#8 (RFC 5208), PKCS#1, SEC 1, or PKCS#12, which is made to hold one.
 */
bool privkey_is_in(const struct blob *b);

#endif
