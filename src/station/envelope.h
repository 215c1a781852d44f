/*
 * envelope: PINs that a station keeps until their letters are printed, sealed
 * with AES-256-GCM (NIST SP 800-38D) under a key that only the unlocked signer
 * can derive. So a station that was killed goes on with them once somebody has
 * typed the CA's passphrase again, and whoever has a copy of the database has
 * nothing.
 */
#ifndef STATION_ENVELOPE_H
#define STATION_ENVELOPE_H

#include "core/blob.h"
#include "core/err.h"
#include "core/secret.h"

/* whose: what the PIN belongs to, a text that is not secret; another one does not open it. */
int envelope_seal(const struct secret *key, const char *whose, const struct secret *pin, struct blob *ret,
		  struct err *e);

/* ERR_ESCROW if it was sealed with another key or for something else, or was changed. */
int envelope_open(const struct secret *key, const char *whose, const struct blob *sealed, struct secret *ret,
		  struct err *e);

#endif
