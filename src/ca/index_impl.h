/*
 * index_impl: what index.c (reading) and index_write.c (changing) share.
 */
#ifndef CA_INDEX_IMPL_H
#define CA_INDEX_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct index {
	char *path;
	char *map; /* the file as it was read, NULL when it is empty */
	size_t len;
	struct stat st;    /* of that file, to notice a change */
	char *last_cn;     /* the name that was looked for last, NULL for none */
	size_t last_first; /* and where its first row is, or would be */
	bool was_read;     /* once: from then on only parts of it are looked at */
};

/* The same inode, size and time of change. */
bool index_same_file(const struct stat *a, const struct stat *b);

/*
 * The length, with its LF, of the row at p if it is a V row as easy-rsa writes it by the million: 12 digits of
 * date, 32 of serial, "unknown". 0 for all others, good or bad: those go the slow way.
 */
size_t index_plain_row(const char *p, const char *end);

#endif
