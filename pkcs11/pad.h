/*
 * pad: PINs that are entered on the reader (CKF_PROTECTED_AUTHENTICATION_PATH;
 * PKCS#11 v2.40, 5.5 and 5.6): the calls get NULL, and the module waits for
 * whoever stands there. Worker process only.
 */
#ifndef PKCS11_PAD_H
#define PKCS11_PAD_H

#include "pkcs11/token.h"

/* By the token's flags: ERR_PIN_NEEDED if a secret, NULL, is to be entered on a reader that has no PIN pad. */
int p11_pad_check(CK_FLAGS token, const char *serial, const struct secret *s, const char *name, struct err *e);

/* Says why a call that was given NULL has failed, where that is about the pad. True if it is. serial is "" of a blank
 * token. */
bool p11_pad_failed(CK_RV rv, const char *serial, struct err *e);

#endif
