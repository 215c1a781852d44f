/*
 * since: "from when on" as people type it.
 */
#ifndef CORE_SINCE_H
#define CORE_SINCE_H

#include "core/err.h"

#include <time.h>

/* "2026-11-01" (that day's beginning in UTC), or so long before now: "7d", "12h". ERR_USAGE for anything else, and for
 * what is after now. */
int since_parse(time_t *ret, const char *text, time_t now, struct err *e);

#endif
