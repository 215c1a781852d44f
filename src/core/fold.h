/*
 * fold: text made equal for a search in which case does not count: the small
 * letter of each letter, also beyond ASCII. Any process may use it.
 */
#ifndef CORE_FOLD_H
#define CORE_FOLD_H

/* What the C library knows of letters. Not for several threads. */
struct fold;

struct fold *fold_new(void);

/* Accepts NULL and nulls the pointer. */
void fold_free(struct fold **f);

/* The folded text, good until the next call. Malformed UTF-8 stays as it is. */
const char *fold_text(struct fold *f, const char *text);

#endif
