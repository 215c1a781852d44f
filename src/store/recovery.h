/*
 * recovery: the recovery certificates, to which secrets of tokens are sealed.
 * Their private keys are kept elsewhere, best on no computer at all; this one
 * needs them only to open what is in escrow (see escrow.h).
 */
#ifndef STORE_RECOVERY_H
#define STORE_RECOVERY_H

#include "core/recipients.h"

#define RECOVERY_HOW "tokenroll(8), \"Recovery certificates\""

/* recipients_load of those that [escrow] recovery of the configuration names. ERR_RECOVERY_MISSING if n is 0. */
int recovery_load(struct recipients **ret, char *const *files, size_t n, struct err *e);

#endif
