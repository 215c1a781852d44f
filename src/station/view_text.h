/*
 * view_text: text on the screen, as wide as it looks there: cleaned of what a
 * terminal would obey (core/clean.h), cut where its place ends, and in ASCII
 * where the terminal can show no more.
 */
#ifndef STATION_VIEW_TEXT_H
#define STATION_VIEW_TEXT_H

#include "station/view_terminal.h"

/* Columns that text takes. */
int view_width(const char *text);

/* Puts text at this place, cut to width columns, the cut marked. Returns the columns that it took. */
int view_put(int y, int x, int width, enum view_colour c, const char *text);
int view_putf(int y, int x, int width, enum view_colour c, const char *fmt, ...) ERR_PRINTF(5, 6);

/* The same, cut in its middle: names of readers differ at their ends. */
int view_put_name(int y, int x, int width, enum view_colour c, const char *text);

/* Its last width columns: what is being typed. */
int view_put_end(int y, int x, int width, const char *text);

/* Puts text into at most that many rows, broken between words. Returns how many it took; with rows 0, would take. */
int view_wrap(int y, int x, int width, int rows, enum view_colour c, const char *text);

/* A row in reverse video. */
void view_bar(int y);

#endif
