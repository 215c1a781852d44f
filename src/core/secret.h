/*
 * secret: a PIN, passphrase or other short secret in a fixed buffer of its own
 * page: locked in memory, left out of core files, zero after a fork, wiped when freed.
 *
 * A secret is never copied into ordinary memory, formatted, or logged. The
 * bytes are text without a terminating NUL counted in len; bytes[len] is
 * always NUL, so that C interfaces can read it in place.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 1024 /* bytes; PINs and passphrases are UTF-8 */

struct secret {
	size_t len;
	char bytes[SECRET_MAX + 1];
};

/* A new, empty secret; ends the process if no page can be had. */
struct secret *secret_new(void);

/* Wipes and frees; accepts NULL and nulls the pointer. */
void secret_free(struct secret **s);

/* Wipes the bytes and keeps the buffer. */
void secret_clear(struct secret *s);

/* Copies len bytes; ERR_USAGE if they do not fit. */
int secret_set(struct secret *s, const void *bytes, size_t len, struct err *e);

bool secret_equal(const struct secret *a, const struct secret *b);

/* Whether nobody but its owner can read a file, or it is a pipe: ERR_SECRET_FILE otherwise. */
int secret_file_check(const char *path, struct err *e);

/* The first line of a file, without its line end, and without the mark that some editors begin UTF-8 with. The file
 * must be a regular file or a pipe that nobody but its owner can read (ERR_SECRET_FILE otherwise), not empty, and its
 * first line shorter than SECRET_MAX. ERR_INTERRUPTED if a signal asked us to stop while it was waited for. */
int secret_read_file(struct secret *s, const char *path, struct err *e);

/* The first line of an open descriptor; reads byte by byte, so that several secrets can follow on one pipe. */
int secret_read_fd(struct secret *s, int fd, struct err *e);

/* n characters drawn evenly from the alphabet by OpenSSL's private generator. */
int secret_random(struct secret *s, const char *alphabet, size_t n, struct err *e);

#endif
