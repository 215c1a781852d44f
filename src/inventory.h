/*
 * inventory: what the verbs that ask the inventory have in common: the
 * configuration, the database, and the end of a result that was written row
 * by row.
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include "cmd.h"
#include "screen.h"
#include "store/store.h"

struct inventory {
	const struct options *o;
	struct config *cfg;
	struct store *store;
	struct screen screen;
};

/* Reads the configuration and opens the database. --json and --csv together: ERR_USAGE. */
int inventory_open(struct inventory *v, const struct options *o, int least, int most, struct err *e);
void inventory_close(struct inventory *v);

/* For rows on stdout: a reader that goes away, as in `tokenroll list | head`, ends the program without a word. */
void inventory_stream(void);

/* The end of a JSON document that was written row by row: the elements of rest, which may be NULL, then "ok" and with
 * it the error. */
struct json_t;
void inventory_json_end(struct json_t *rest, const struct err *error);

/* A time as YYYY-MM-DD, in JSON; null for 0. */
struct json_t *inventory_json_day(time_t t);

/* ERR_SYSTEM if something of it could not be written. */
int inventory_written(struct err *e);

#endif
