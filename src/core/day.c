#include "core/day.h"

#include <stdio.h>

static void put_two(char *to, int n)
{
	to[0] = (char)('0' + n / 10);
	to[1] = (char)('0' + n % 10);
}

/* A list of 100,000 has two in each line, and strftime is most of what they cost. */
void day_format(char ret[DAY_SIZE], time_t t)
{
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
		snprintf(ret, DAY_SIZE, "unknown");
		return;
	}
	put_two(ret, (tm.tm_year + 1900) / 100);
	put_two(ret + 2, (tm.tm_year + 1900) % 100);
	put_two(ret + 5, tm.tm_mon + 1);
	put_two(ret + 8, tm.tm_mday);
	ret[4] = ret[7] = '-';
	ret[10] = '\0';
}

void day_time_format(char ret[DAY_TIME_SIZE], time_t t)
{
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || strftime(ret, DAY_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(ret, DAY_TIME_SIZE, "unknown");
}
