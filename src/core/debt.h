/*
 * debt: that the VPN server is still to be told of a CRL by [ca] after-crl
 * (core/aftercrl.h), in a file beside the database, because whoever makes CRLs
 * can write there. Each run that may publish has a byte in it, set from before
 * anything is published, and locked as long as the run lives: one that is set
 * and not locked is what a run has left, by a failure or because it was killed.
 * No run clears what another one may still owe. The last one deletes the file.
 * Used by the parent.
 */
#ifndef CORE_DEBT_H
#define CORE_DEBT_H

#include <stdbool.h>

struct debt;

/* Never NULL; where no file can be made nothing is remembered. */
struct debt *debt_open(const char *store_path);

/* All below accept NULL, for none. Whether a run that has ended has left the server untold. */
bool debt_is_owed(struct debt *d);

/* Around the command: what is owed when it begins is paid when it has succeeded, and what comes meanwhile is not. */
void debt_telling(struct debt *d);
void debt_told(struct debt *d);

/* The end of this run, which leaves the server untold if it is due. Frees it. */
void debt_close(struct debt **d, bool due);

#endif
