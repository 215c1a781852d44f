/*
 * words: a command line as people write it, split into words without a shell:
 * nothing is expanded.
 */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include "core/err.h"

#include <stddef.h>

struct words {
	char **list; /* ends with NULL; NULL if there are no words */
	size_t n;
};

#define WORDS_INIT      \
	{               \
		NULL, 0 \
	}

/*
 * Blanks stand between words. Between ' and ' all is taken as it is, between " and " all but a \ before a " or \;
 * outside of both, \ takes the character behind it. ERR_USAGE for a quote that is not closed and a \ at the end.
 */
int words_split(struct words *ret, const char *text, struct err *e);
void words_free(struct words *w);

/* Whether it can be split. ERR_USAGE. */
int words_check(const char *text, struct err *e);

#endif
