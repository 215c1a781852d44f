/*
 * contents: what is on a card, as text that a test can compare: a line for each key and file with the SHA-256 of all
 * that is in it, sorted, because what is written anew changes its place in a card's memory.
 */
#ifndef CARDS_CONTENTS_H
#define CARDS_CONTENTS_H

#include "bytes.h"

#define CONTENTS_LINES_MAX 512
#define CONTENTS_LINE_SIZE 160

struct contents {
	char lines[CONTENTS_LINES_MAX][CONTENTS_LINE_SIZE];
	size_t n;
	bool failed;
};

/* A line that begins with head (printf), which says what it is. */
void contents_add(struct contents *c, struct bytes data, const char *head, ...) __attribute__((format(printf, 3, 4)));

/* Sorts the lines and puts them out. Returns 0, or -1 if one of them could not be made. */
int contents_put(struct contents *c, struct buf *out);

#endif
