/*
 * copy: the database as it was before a newer tokenroll changed its tables. It
 * stays beside it as PATH.vN, N being its version, for the day when somebody
 * has to go back to the older tokenroll. Nobody here ever removes it.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "core/err.h"
#include "store/db.h"

/*
 * Makes sure of PATH.vN (0600), with what the database holds now; must be called inside the transaction that then
 * changes the tables, and with the setup claimed. It is whole and on disk when this returns; a crash leaves no half
 * one. A copy that is there already is never overwritten: it is good if nothing was written to the database since it
 * was made, else ERR_STORE. ERR_STORE too if the database is damaged or the disk full.
 */
int copy_keep(struct store *s, int64_t version, struct err *e);

/* fsync of a file by its name. ERR_STORE. */
int copy_sync(const char *path, struct err *e);

/* Removes a database file that is not in use, and what SQLite keeps beside it. */
void copy_remove(const char *path);

#endif
