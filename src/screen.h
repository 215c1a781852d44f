/*
 * screen: what a verb shows while it works: a line a step on stderr, colours
 * only on a terminal and not with NO_COLOR, control characters that came from
 * a token made harmless.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include "core/err.h"
#include "options.h"

#include <stdbool.h>
#include <time.h>

struct screen {
	bool quiet, terminal, colour;
	const char *step; /* under way, or NULL */
	struct timespec began;
};

void screen_init(struct screen *s, const struct options *o);

/* What the lines below it are about. */
void screen_title(const struct screen *s, const char *text);

/* A step begins; its line is completed by screen_step_end. */
void screen_step_begin(struct screen *s, const char *step);
void screen_step_end(struct screen *s, bool ok, const char *detail);

/* A remark on a line of its own, also in the middle of a step and with --quiet: it is something to act on. */
void screen_note(struct screen *s, const char *text);

/* Prints an error as what happened, why, and what to do next. */
void screen_error(const struct screen *s, const struct err *e);

/* Copies text with every control character, also UTF-8's C1, replaced by '?'. */
void screen_clean(char *ret, size_t size, const char *text);

#endif
