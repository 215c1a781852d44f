/*
 * reason: why a certificate is revoked, in the words of `easyrsa revoke NAME
 * REASON`: RFC 5280, 5.3.1, without removeFromCRL and privilegeWithdrawn.
 * Any process may ask.
 */
#ifndef CA_REASON_H
#define CA_REASON_H

#include "core/err.h"

/* Capitals count, as for easyrsa. ERR_USAGE lists those that there are. reason may be NULL. */
int reason_check(const char *reason, struct err *e);

#endif
