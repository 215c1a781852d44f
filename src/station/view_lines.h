/*
 * view_lines: what happens at a station as lines: for a log or a screen
 * reader, or, one JSON object a line, for a program. Whoever does not read them
 * holds up nothing: they are kept, and when that becomes too much, or nobody is
 * there any more to read, the station finishes what is under way and ends.
 */
#ifndef STATION_VIEW_LINES_H
#define STATION_VIEW_LINES_H

#include "station/station.h"
#include "station/view_queue.h"

struct view_lines {
	struct view_queue out; /* to be opened and ended by the caller */
	bool json;
	bool ends_alone; /* the station is stopped when nobody is left and nothing is at work */
};

/* A view that writes to l->out. */
struct station_view view_lines(struct view_lines *l);

#endif
