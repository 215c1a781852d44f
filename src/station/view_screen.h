/*
 * view_screen: what happens at a station on a screen, and the operator's keys.
 * A line or two for each reader, who is next, what is done and what is left,
 * and at the bottom the keys that can be pressed now. Employees type their
 * PINs there, too: what the operator sees is covered meanwhile.
 */
#ifndef STATION_VIEW_SCREEN_H
#define STATION_VIEW_SCREEN_H

#include "station/station.h"

struct view_screen;

/* Takes the terminal (view_terminal.h). title says which roster it is. ERR_UNSUPPORTED where there can be no screen. */
int view_screen_open(struct view_screen **ret, const char *title, struct err *e);

/* The terminal is as it was before. Accepts NULL and nulls the pointer. */
void view_screen_close(struct view_screen **v);

/* A view on it, which ends before it is closed. */
struct station_view view_screen(struct view_screen *v);

#endif
