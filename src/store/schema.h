/*
 * schema: the tables, and how an older database becomes a current one. The
 * version is SQLite's user_version; application_id tells our databases from
 * those of other programs.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "core/err.h"
#include "store/db.h"

/* Makes the tables in a database that nobody else knows yet, and turns on WAL. */
int schema_create(struct store *s, struct err *e);

/* Makes the tables in an empty database, or brings older ones up to date in one transaction, with a copy of the old
 * one kept beside it (see copy.h); if that fails, the old one stands. Also turns on WAL. ERR_STORE for another
 * program's database, and for one that a newer tokenroll has written. */
int schema_ensure(struct store *s, struct err *e);

/* The version of a database, 0 for an empty one, without changing it; *ret_known is the one that schema_ensure brings
 * it to. Fails as that does. */
int schema_version(struct store *s, int64_t *ret, int64_t *ret_known, struct err *e);

#endif
