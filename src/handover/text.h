/*
 * text: making text that others chose fit to stand in a profile, a page or a
 * mail. Token labels come from the token and count as hostile.
 */
#ifndef HANDOVER_TEXT_H
#define HANDOVER_TEXT_H

#include "core/blob.h"

#include <stdbool.h>
#include <stddef.h>

/* Adds len bytes to b. */
void text_append(struct blob *b, const void *data, size_t len);

/* The same with & < > " ' as HTML character references. */
void text_append_html(struct blob *b, const char *s);

/* The same for a script in whatever language, within quotes or without: only ASCII letters, digits, blanks and what no
 * shell knows stay, any other character becomes '_' (to PowerShell typographic quotes are quotes). */
void text_append_script(struct blob *b, const char *s);

/* A copy of UTF-8 text with '?' for each control character, line or paragraph separator, text-direction mark and
 * malformed byte, so that it stays on its line and reads as it is written. */
char *text_one_line(const char *s);

/* The same, and '_' for quotes and backslashes, so that it can't end a quoted word in an OpenVPN profile. */
char *text_for_profile(const char *s);

/* True if s has no control character. */
bool text_is_one_line(const char *s);

/* True if s ends with the suffix, in either case of the ASCII letters. */
bool text_has_suffix(const char *s, const char *suffix);

#endif
