#include "core/since.h"
#include "core/day.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGO_MAX 1000000 /* of days or hours: more than there ever was */

static int ago(time_t *ret, const char *text, time_t now)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno != 0 || n > AGO_MAX)
		return -1;
	if (strcmp(end, "d") == 0)
		*ret = now - (time_t)n * 86400;
	else if (strcmp(end, "h") == 0)
		*ret = now - (time_t)n * 3600;
	else
		return -1;
	return 0;
}

/* strptime takes a 31st of February, and the year 26. */
static int date(time_t *ret, const char *text)
{
	struct tm tm = {.tm_isdst = 0};
	char again[DAY_SIZE];
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	if (strlen(text) != sizeof "2026-11-01" - 1 || end == NULL || *end != '\0')
		return -1;
	*ret = timegm(&tm);
	day_format(again, *ret);
	return strcmp(again, text) == 0 ? 0 : -1;
}

int since_parse(time_t *ret, const char *text, time_t now, struct err *e)
{
	time_t t = 0;
	if (date(&t, text) != 0 && ago(&t, text, now) != 0) {
		err_set(e, ERR_USAGE, "'%.64s' is no time to count from", text);
		return err_next(e, "give a day as in 2026-11-01, or so many days or hours back as in 7d or 12h");
	}
	if (t > now) {
		char day[DAY_SIZE];
		day_format(day, now);
		err_set(e, ERR_USAGE, "%s is in the future: by this computer's clock it is %s", text, day);
		return err_next(e, "give a day that has begun, in UTC, or so many days or hours back as in 7d or 12h");
	}
	*ret = t;
	return 0;
}
