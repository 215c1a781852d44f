/*
 * pathset: places in the file system, and what lies in them or leads to them.
 * Paths are absolute and without links; the root folder is "".
 */
#ifndef CORE_PATHSET_H
#define CORE_PATHSET_H

#include <stdbool.h>
#include <stddef.h>

/* Owns its paths. Begins as PATHSET_INIT; may be copied to be looked at, not to be freed. */
struct pathset {
	char **path;
	size_t n;
};

#define PATHSET_INIT    \
	{               \
		NULL, 0 \
	}

/* The path in this form, to be freed; the last parts of it need not exist. NULL, with errno, if no such place can be
 * reached. */
char *pathset_resolve(const char *path);

/* Adds a resolved path and takes it over. NULL, the root folder, and what lies in a place that is there already are
 * left out. */
void pathset_add(struct pathset *s, char *path);
void pathset_free(struct pathset *s);

/* Whether path is folder or lies in it. */
bool pathset_within(const char *folder, const char *path);

/* The place that path is or lies in; NULL if it lies in none. */
const char *pathset_holder(const struct pathset *s, const char *path);

/* Whether path is one of the places or a folder that leads to one. */
bool pathset_leads(const struct pathset *s, const char *path);

#endif
