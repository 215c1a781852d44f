/*
 * view_queue: text for a program, or a file, that may not take it now. It is
 * kept until it does, so that nothing waits for it. Used by the parent.
 */
#ifndef STATION_VIEW_QUEUE_H
#define STATION_VIEW_QUEUE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct view_queue {
	int fd;
	char *text;
	size_t len, cap; /* waiting, allocated */
	int error;       /* errno: nothing can be written any more; 0 */
	int full;        /* errno: the disk had no room the last time; 0 */
	bool opened;     /* fd is one of our own */
};

/* Where it goes; fd stays the caller's. A terminal that takes only part of a text would keep whoever writes it, until
 * somebody reads it. */
void view_queue_open(struct view_queue *q, int fd);

void view_queue_put(struct view_queue *q, const char *text);

/* Writes what is taken without waiting. */
void view_queue_turn(struct view_queue *q);

/* More waits than should, or nothing can be written: whoever is to read it does not. */
bool view_queue_is_stuck(const struct view_queue *q);

/* Writes the rest, as long as some of it is taken within half a minute and no signal asks to stop; frees it. ERR_SYSTEM
 * when that is not all. */
int view_queue_end(struct view_queue *q, struct err *e);

#endif
