#include "core/day.h"

#include <stdio.h>

void day_format(char ret[DAY_SIZE], time_t t)
{
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || strftime(ret, DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		snprintf(ret, DAY_SIZE, "unknown");
}

void day_time_format(char ret[DAY_TIME_SIZE], time_t t)
{
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || strftime(ret, DAY_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(ret, DAY_TIME_SIZE, "unknown");
}
