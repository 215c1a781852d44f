/*
 * screen: what a verb shows while it works: a line a step on stderr, colours
 * only on a terminal and not with NO_COLOR, control characters that came from
 * a token made harmless. On a terminal that can go back on a line a step under
 * way is shown by a spinner, unless somebody else writes there as well
 * (--verbose) or a program reads along (--json).
 */
#ifndef SCREEN_H
#define SCREEN_H

#include "core/err.h"
#include "options.h"
#include "spinner.h"

#include <stdbool.h>
#include <stdint.h>

struct screen {
	bool quiet, colour;
	bool live;               /* a step under way is shown */
	const char *step;        /* under way, or NULL */
	char line[64];           /* its beginning */
	int64_t began, paused;   /* by clock_ms */
	struct spinner *spinner; /* from the first step on, if live */
};

void screen_init(struct screen *s, const struct options *o);
void screen_free(struct screen *s);

/* What the lines below it are about. */
void screen_title(const struct screen *s, const char *text);

/* A step begins; its line is completed by screen_step_end. A step that did not end well has failed, unless detail says
 * what else it has. */
void screen_step_begin(struct screen *s, const char *step);
void screen_step_end(struct screen *s, bool ok, const char *detail);

/* Around a question, and whatever else is written to the terminal: the line of the step under way makes room, and the
 * time until the answer is not the step's. */
void screen_pause(struct screen *s);
void screen_resume(struct screen *s);

/* A remark on a line of its own, also in the middle of a step and with --quiet: it is something to act on. */
void screen_note(struct screen *s, const char *text);

/* Prints an error as what happened, why, and what to do next. */
void screen_error(const struct screen *s, const struct err *e);

#endif
