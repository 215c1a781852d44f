/*
 * names: what PKCS#11 calls its numbers. The prefix ("CKR_", "CKA_", "CKO_", "CKM_") says which.
 */
#ifndef FAULT_NAMES_H
#define FAULT_NAMES_H

#include <stddef.h>

struct name {
	const char *name;
	unsigned long value;
};

/* All names with that prefix. */
const struct name *names_of(const char *prefix, size_t *ret_n);

/* The value of a full name, or of "0x…" for one that has no name here. Returns 0, or -1. */
int names_value(const char *prefix, const char *text, unsigned long *ret);

/* The full name of a value; NULL if it has none here. */
const char *names_text(const char *prefix, unsigned long value);

#endif
