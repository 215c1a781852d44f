/*
 * sweep: the temporary files that a killed run left in the directory.
 */
#ifndef CA_SWEEP_H
#define CA_SWEEP_H

#include <stdbool.h>

/* Called under the lock, so no temporary file of tokenroll is in use. after_crash: the folders that a run writes
 * to are swept, too; they can hold a million files. Failures do not matter. */
void sweep_pki(const char *pki, bool after_crash);

/* The same for the temporary files of one file. */
void sweep_beside(const char *path);

#endif
