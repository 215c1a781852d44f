/*
 * slotwait: the worker that waits for slot events of a module, and for which modules there is none. Watcher process
 * only, see slots.c.
 */
#ifndef STATION_SLOTWAIT_H
#define STATION_SLOTWAIT_H

#include "enroll/worker.h"

struct slotwait {
	struct worker *worker; /* NULL: none waits now */
	bool never;            /* the module has no slot events, or none that can be waited for */
	bool asks;             /* the module does not wait, and is asked each second */
	bool came;             /* an event, ever */
	bool lost;             /* one that waited has died, and none has told of an event since */
	int64_t pause_ms;      /* before the next one is started */
	int64_t not_before;    /* clock_ms */
};

/*
 * Has one wait, unless one does or it is not time for that: from here on no event is lost. Fails as listing the
 * module's tokens does.
 */
int slotwait_begin(struct slotwait *w, const struct worker_settings *settings, const char *module, struct err *e);

/* For poll; -1 where none waits. */
int slotwait_fd(const struct slotwait *w);

/* Whether no event means that there is nothing to be seen. Of a module that is asked only its first event shows that it
 * has any: SoftHSM2 says each time that there was none. */
bool slotwait_is_believed(const struct slotwait *w);

/*
 * To be called when that can be read: whether there was an event. The worker waits for the next one then. -1 when it
 * has died, and that is to be told.
 */
int slotwait_take(struct slotwait *w, bool *ret_came, struct err *e);

/* Ends the one that waits, if any; another one is begun after a pause. */
void slotwait_put_aside(struct slotwait *w);

/* The same, for good. */
void slotwait_give_up(struct slotwait *w);

#endif
