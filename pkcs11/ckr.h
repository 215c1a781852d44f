/*
 * ckr: PKCS#11 return values in words. Worker process only.
 */
#ifndef PKCS11_CKR_H
#define PKCS11_CKR_H

#include "core/err.h"

#include <p11-kit/pkcs11.h>

/* "CKR_PIN_INCORRECT"; NULL for values the standard does not name. */
const char *ckr_name(CK_RV rv);

/* Fills *e from a return value: the code by its meaning (PKCS#11 v2.40, 5.1), `otherwise` where it has none of
 * its own, and the CKR_ name as the native reason. Returns -1. */
int ckr_error(struct err *e, CK_RV rv, enum err_code otherwise, const char *fmt, ...) ERR_PRINTF(4, 5);

/* Whether a key or object template was refused for something in it, so that a smaller one may do. */
int ckr_is_template(CK_RV rv);

#endif
