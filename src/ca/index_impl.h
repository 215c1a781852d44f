/*
 * index_impl: what the files index*.c share: index.c (reading), index_row.c
 * and index_scan.c (a row), index_check.c and index_keys.c (what openssl would
 * not read), index_write.c (changing).
 */
#ifndef CA_INDEX_IMPL_H
#define CA_INDEX_IMPL_H

#include "ca/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A set of numbers that may say yes by mistake, but never no. */
struct index_set {
	uint64_t *bits;
	uint64_t mask;
};

#define INDEX_SET_INIT  \
	{               \
		NULL, 0 \
	}

struct index {
	char *path;
	char *map; /* the file as it was read, NULL when it is empty */
	size_t len;
	struct stat st;    /* of that file, to notice a change */
	char *last_cn;     /* the name that was looked for last, NULL for none */
	size_t last_first; /* and where its first row is, or would be */
	struct index_set serials;
	bool was_read; /* once: from then on only parts of it are looked at */
};

/* The same inode, size and time of change. */
bool index_same_file(const struct stat *a, const struct stat *b);

/* The end of the line that p is in: its LF, or end. */
const char *index_line_end(const char *p, const char *end);

/* What is wrong with the row from p to its end, as the end of a sentence; NULL if nothing is, and then *row is filled.
 */
const char *index_parse_row(const char *p, const char *end, struct index_row *row);

/*
 * The length, with its LF, of the row at p if it is a V row as easy-rsa writes it by the million: 12 digits of
 * date, 32 of serial, "unknown", no control characters; then *row is filled. 0 for all others, good or bad: those go
 * the slow way.
 */
size_t index_plain_row(const char *p, const char *end, struct index_row *row);

/* Whether each row from this offset on is good; if that is all of them, also whether they are together. ERR_CA_PKI. */
int index_check(struct index *ix, size_t from, struct err *e);

/* A serial as openssl compares it, as a number: without its leading zeros. */
struct span index_number_of(struct span serial);

uint64_t index_key_of(const char *p, size_t len);

/* Room for n numbers; what was in it before is gone. */
void index_set_begin(struct index_set *s, size_t n);
/* Never no for a number that is in it; sometimes yes for one that is not. */
bool index_set_has(const struct index_set *s, uint64_t key);
/* Returns what index_set_has said before. */
bool index_set_add(struct index_set *s, uint64_t key);
void index_set_free(struct index_set *s);

/* Texts as numbers, to find those that are there twice. */
struct index_keys {
	uint64_t *keys;
	size_t n, room;
};

#define INDEX_KEYS_INIT    \
	{                  \
		NULL, 0, 0 \
	}

/* How many there will be, about. */
void index_keys_begin(struct index_keys *k, size_t room);
void index_keys_add(struct index_keys *k, uint64_t key);

/* After this nothing may be added any more. *ret_all is a set of all of them. */
void index_keys_end(struct index_keys *k, struct index_set *ret_all);

/* Goes through the numbers that are there more than once, each one time; *pos begins at 0. */
bool index_keys_double(const struct index_keys *k, size_t *pos, uint64_t *ret);
void index_keys_free(struct index_keys *k);

#endif
