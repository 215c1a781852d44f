/*
 * conffile: the first configuration: the example with its comments, and with
 * the values of this company in it.
 */
#ifndef SETUP_CONFFILE_H
#define SETUP_CONFFILE_H

#include "core/err.h"

#include <stddef.h>

struct conffile_value {
	const char *section, *key;
	const char *value; /* NULL: the example's line stays as it is */
};

/*
 * *ret is the text of the example in which "key = value" stands instead of that key's line, or of the comment that
 * shows it; to be freed. The example is that of this installation. ERR_SYSTEM if it is not there; ERR_USAGE for a
 * value that cannot stand in the file.
 */
int conffile_fill(char **ret, const struct conffile_value *values, size_t n, struct err *e);

#endif
