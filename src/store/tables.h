/*
 * tables: the current tables, which a new database is made with. An older one
 * gets the same by schema.c's migrations, and a test compares the two.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

/* SQL for an empty database; not run in a transaction by itself. */
extern const char *const tables[];
extern const unsigned n_tables;

#endif
