/*
 * clean: text that somebody else chose, a token or a server, made fit to be
 * shown on a terminal, in a mail or in a list. Any process may use it.
 */
#ifndef CORE_CLEAN_H
#define CORE_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes of the first character of s, which must not be empty. *ret_fit says whether it can be shown as it is: it
 * is well-formed UTF-8 (RFC 3629) and neither a control character nor one that ends a line, hides itself or turns the
 * text around it. A malformed byte counts as a character.
 */
size_t clean_next(const char *s, bool *ret_fit);

/* How many bytes at the beginning are printable ASCII: for most texts all of them, and then nothing has to be done. */
size_t clean_span(const char *text);

/* Copies the whole characters that fit into size with a NUL; each that is not fit to be shown becomes '?'. */
void clean_text(char *ret, size_t size, const char *text);

/* The same on the heap, as a whole; NULL is "". */
char *clean_dup(const char *text);

#endif
