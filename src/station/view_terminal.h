/*
 * view_terminal: the terminal that the station's screen is on, from when it is
 * taken until it is as it was before: also when the process ends by exit, by a
 * failed assertion or by a crash. There is one screen at a time.
 *
 * While it is taken nothing else may be written there. What goes to stderr, if
 * that is the terminal, too, is kept and written when the screen has ended.
 */
#ifndef STATION_VIEW_TERMINAL_H
#define STATION_VIEW_TERMINAL_H

#include "core/err.h"

#include <stdbool.h>

/* What curses is to know of a piece of text, besides where it is; all of it is told in words as well. */
enum view_colour { VIEW_PLAIN, VIEW_BAD, VIEW_GOOD, VIEW_ASKS };

/*
 * Takes the terminal on stdin (the keyboard) and stdout. ERR_UNSUPPORTED if that is none, or one that cannot move its
 * cursor, or that terminfo does not know.
 */
int view_terminal_open(struct err *e);
void view_terminal_close(void);

/* The keyboard. */
int view_terminal_fd(void);

/* The terminal was closed: there is nobody to ask, and nothing can be shown any more. */
bool view_terminal_is_gone(void);

/* Brings curses up to date with the terminal's size. */
void view_terminal_resize(void);

/* Attributes for curses. */
unsigned long view_terminal_attr(enum view_colour c);

/* Whether it can show more than ASCII. */
bool view_terminal_is_utf8(void);

#endif
