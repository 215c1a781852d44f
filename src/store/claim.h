/*
 * claim: which process works on what, by POSIX record locks on single bytes of
 * PATH-lock. The kernel gives them back when the process ends in whatever way,
 * and tells who holds one. The file is never written; its bytes need not exist.
 *
 *   byte 0         setting up the tables
 *   byte 1         shared by everybody who has the database open
 *   byte 2*id      the person with that id
 *   byte 2*id + 1  the token with that id
 *   CLAIM_ROSTER + id  the roster with that id: a station has it open
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "core/err.h"
#include "store/db.h"

#include <sys/types.h>

#define CLAIM_ROSTER ((off_t)1 << 61) /* above all of people and tokens */

/* Opens PATH-lock (0600) and marks the database as open. *ret_alone says that no other process had it open. */
int claim_open(struct store *s, bool *ret_alone, struct err *e);

/* One process at a time sets up the tables; waits up to ten seconds for another. */
int claim_setup(struct store *s, struct err *e);
void claim_setup_done(struct store *s);

/* Takes a byte until the end of the process or store_close. *ret_holder is 0 if it is ours now, else the process that
 * has it, -1 if that is out of our sight. ERR_STORE if the file system has no such locks. */
int claim_try(struct store *s, off_t byte, pid_t *ret_holder, struct err *e);

/* Which other process has a byte, as above. */
pid_t claim_holder(const struct store *s, off_t byte);

#endif
