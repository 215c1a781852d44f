/*
 * signals: SIGINT, SIGTERM and SIGHUP as something to wait for, for a process
 * that has to wait for more than that.
 */
#ifndef STATION_SIGNALS_H
#define STATION_SIGNALS_H

#include "core/err.h"

#include <stdbool.h>

int signals_catch(struct err *e);

/* Readable when one has come. */
int signals_fd(void);

/* Whether one has. */
bool signals_pending(void);

/* The next one, or 0. */
int signals_take(void);

#endif
