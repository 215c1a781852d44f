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
	char *map;      /* the file as it was read, NULL when it is empty */
	size_t len;
	struct stat st; /* of that file, to notice a change */
};

/* The same inode, size and time of change. */
bool index_same_file(const struct stat *a, const struct stat *b);

#endif
