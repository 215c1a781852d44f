/*
 * claim: which process works on what, by POSIX record locks on single bytes of
 * PATH-lock. The kernel gives them back when the process ends in whatever way,
 * and tells who holds one. The file is never written; its bytes need not exist.
 *
 *   byte 0         setting up the tables
 *   byte 1         shared by everybody who has the database open
 *   byte 2*id      the person with that id
 *   byte 2*id + 1  the token with that id
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "core/err.h"
#include "store/db.h"

/* Opens PATH-lock (0600) and marks the database as open. *ret_alone says that no other process had it open. */
int claim_open(struct store *s, bool *ret_alone, struct err *e);

/* One process at a time sets up the tables; waits up to ten seconds for another. */
int claim_setup(struct store *s, struct err *e);
void claim_setup_done(struct store *s);

#endif
