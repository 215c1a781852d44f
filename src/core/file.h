/*
 * file: whole files in and out, such that after a power cut each is either
 * the old one or the new one.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "core/blob.h"
#include "core/err.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILE_MAX_DEFAULT ((size_t)16 << 20)

/* Reads a regular file of at most max bytes. One NUL beyond the length is there for callers that want text.
 * ERR_SYSTEM names the path; errno is left as open(2) or read(2) set it, EISDIR or EINVAL for what is no such file. */
int file_read(const char *path, size_t max, struct blob *ret, struct err *e);

/* Writes path by a temporary file in the same folder, fsync, rename, fsync of the folder. On failure nothing
 * is left behind and the old file stands. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/* The same with what fill writes, for a file that is too big to be in memory. If fill returns -1, that is a failure,
 * and *e is its. */
typedef int file_fill_fn(void *arg, FILE *out, struct err *e);
int file_write_by(const char *path, file_fill_fn *fill, void *arg, mode_t mode, struct err *e);

/* As file_write, but keeps mode and owner (file_take_owner) of the file that is replaced. A new one gets mode_if_new
 * and, if root makes it, the owner of its folder. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode_if_new, struct err *e);

/* Whether file_replace could keep the owner of what is at path, without changing it; true of nothing. ERR_SYSTEM. */
int file_check_replace(const char *path, struct err *e);

/* Gives the file behind fd the owner and the group of the one that it is to replace. A group that we are not in cannot
 * be given: that is no failure if it has no right that others have not. Returns 0, or -1 with errno. */
int file_take_owner(int fd, const struct stat *like);

/* Makes a folder and its missing parents with this mode; an existing folder is left as it is. */
int file_mkdir(const char *path, mode_t mode, struct err *e);

/* fsync of a folder, so that a rename in it is on disk. */
int file_sync_dir(const char *path, struct err *e);

/* Writes all of len bytes, going on after EINTR. Returns 0, or -1 with errno. */
int file_write_all(int fd, const void *data, size_t len);

#endif
