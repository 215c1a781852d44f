/*
 * blob: a run of bytes on the heap with its length, for DER and CKA_ID.
 * Not for secrets (see secret.h). The holder of the struct owns the bytes.
 */
#ifndef CORE_BLOB_H
#define CORE_BLOB_H

#include <stdbool.h>
#include <stddef.h>

struct blob {
	unsigned char *data;
	size_t len;
};

#define BLOB_INIT       \
	{               \
		NULL, 0 \
	}

/* Copies len bytes into *ret, freeing what was there. An allocation failure ends the process (see xalloc.h). */
void blob_set(struct blob *ret, const void *data, size_t len);

/* Takes over data, which must come from malloc, freeing what was there. */
void blob_take(struct blob *ret, unsigned char *data, size_t len);

/* Puts a copy of what is in b behind what is in *ret. */
void blob_append(struct blob *ret, const struct blob *b);

void blob_free(struct blob *b);
bool blob_equal(const struct blob *a, const struct blob *b);

/* Writes 2*len uppercase hex digits and a NUL; size must be at least 2*len+1, else the text is cut at whole bytes. */
void hex_encode(char *ret, size_t size, const void *data, size_t len);

/* Reads an even number of hex digits of either case. Returns 0, or -1 for anything else. */
int hex_decode(struct blob *ret, const char *hex);

#endif
