/*
 * spinner: the line on the terminal that shows that a step is still at work:
 * its name, something that moves, and the seconds so far.
 *
 * A thread of its own draws it, so that it also moves while the program waits
 * for a card, a mail server or another process. It draws only between
 * spinner_show and spinner_hide; then nobody else may write to stderr. It
 * begins a moment after spinner_show: a step that is done at once costs
 * nothing and does not flicker. Signals go to the other threads.
 */
#ifndef SPINNER_H
#define SPINNER_H

#include <stdint.h>

struct spinner;

/* Returns NULL if there can be no thread; all functions take that for a spinner that never draws. */
struct spinner *spinner_new(void);

/* From now on line, then the spinner and the time since began (of clock_ms) are on the terminal. line is one line
 * of text and must stay valid until spinner_hide. */
void spinner_show(struct spinner *s, const char *line, int64_t began);

/* Takes the line away; the cursor is then at the beginning of an empty line. */
void spinner_hide(struct spinner *s);

/* Ends the thread. Accepts NULL and nulls the pointer. */
void spinner_free(struct spinner **s);

#endif
