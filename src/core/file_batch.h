/*
 * file_batch: files that get into place together. Each is written to a
 * temporary file beside its path; then all are put on the disk, get their
 * names in the order in which they were added, and their folders are synced.
 * So the file system's journal takes them in one go. After a power cut each is
 * either the old one or the new one, and none is new before the one added
 * before it, as far as the file system keeps the order of renames.
 */
#ifndef CORE_FILE_BATCH_H
#define CORE_FILE_BATCH_H

#include "core/err.h"
#include "core/file.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILE_BATCH_MAX 4

struct file_batch {
	struct file_batch_entry {
		int fd;
		char *path, *temp;
	} v[FILE_BATCH_MAX];
	size_t n;
};

#define FILE_BATCH_INIT \
	{               \
		.n = 0  \
	}

/* Adds what file_replace would have done at once. On failure the batch is as before. ERR_SYSTEM. */
int file_batch_replace(struct file_batch *b, const char *path, const void *data, size_t len, mode_t mode_if_new,
		       struct err *e);

/* Puts all in place; the batch is empty then, also on failure: what has no name by then is removed. ERR_SYSTEM. */
int file_batch_commit(struct file_batch *b, struct err *e);

/* Instead of that: nothing was done. */
void file_batch_drop(struct file_batch *b);

#endif
