/*
 * view_lines: what happens at a station as lines: for a log or a screen
 * reader, or, one JSON object a line, for a program.
 */
#ifndef STATION_VIEW_LINES_H
#define STATION_VIEW_LINES_H

#include "station/station.h"

#include <stdio.h>

struct view_lines {
	FILE *out;
	bool json;
	bool ends_alone; /* the station is stopped when nobody is left and nothing is at work */
};

/* A view that writes to l->out. */
struct station_view view_lines(struct view_lines *l);

#endif
