/*
 * utf8: characters in and out of UTF-8 (RFC 3629). Any process may use it.
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of one character */

/* Reads the first character of text, which must end with a NUL. Returns its length in bytes, or 0 if they are
 * malformed: cut off, overlong, a surrogate, or above U+10FFFF. */
size_t utf8_decode(const char *text, uint32_t *ret);

/* Writes a character that utf8_decode can give; returns its length in bytes. */
size_t utf8_encode(char ret[UTF8_MAX], uint32_t c);

/* The length of the well-formed text at the beginning of s: all of it, or up to the first malformed byte. */
size_t utf8_span(const char *s);

#endif
