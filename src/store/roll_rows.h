/*
 * roll_rows: rows of the list, kept and sorted by name. SQLite would sort them,
 * too, but packs and unpacks each for that, which takes as long as finding them.
 */
#ifndef STORE_ROLL_ROWS_H
#define STORE_ROLL_ROWS_H

#include "store/roll.h"

#include <stdint.h>

struct roll_key {
	uint64_t head[2]; /* the name's first bytes as numbers: most comparisons need no more */
	const struct roll_row *row;
};

struct roll_rows {
	struct roll_row *v;
	size_t n, room;
	struct roll_key *sorted; /* n of them, when they are */
	struct roll_text *texts;
};

/* A copy, with its texts. */
void roll_rows_add(struct roll_rows *r, const struct roll_row *row);

/* By the name's bytes; rows of one name stay as they came. Nothing can be added after that. */
void roll_rows_sort(struct roll_rows *r);

void roll_rows_free(struct roll_rows *r);

#endif
