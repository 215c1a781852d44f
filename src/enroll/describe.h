/*
 * describe: a token as the worker's module shows it, in the words of
 * worker.h. Worker process only.
 */
#ifndef ENROLL_DESCRIBE_H
#define ENROLL_DESCRIBE_H

#include "enroll/worker.h"
#include "pkcs11/token.h"

/* Bounds for a PIN that make no sense are taken for none. */
void describe(const struct p11_token_info *i, struct worker_token *ret);

/* The way back, as far as it tells one token from another: slot, manufacturer, model and serial number. */
void describe_wanted(const struct worker_token *t, struct p11_token_info *ret);

#endif
