/*
 * day: dates as people read them.
 */
#ifndef CORE_DAY_H
#define CORE_DAY_H

#include <time.h>

#define DAY_SIZE 16

/* "2029-02-26", in UTC; "unknown" for a time without one. */
void day_format(char ret[DAY_SIZE], time_t t);

#endif
