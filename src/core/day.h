/*
 * day: dates as people read them.
 */
#ifndef CORE_DAY_H
#define CORE_DAY_H

#include <time.h>

#define DAY_SIZE 16
#define DAY_TIME_SIZE 24

/* "2029-02-26", in UTC; "unknown" for a time without one. */
void day_format(char ret[DAY_SIZE], time_t t);

/* "2029-02-26T18:30:05Z". */
void day_time_format(char ret[DAY_TIME_SIZE], time_t t);

#endif
