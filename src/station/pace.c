#include "station/pace.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void zone_text(char ret[PACE_ZONE_SIZE], const struct tm *tm)
{
	char name[16] = "", offset[8] = "";
	(void)strftime(name, sizeof name, "%Z", tm);
	(void)strftime(offset, sizeof offset, "%z", tm);
	if (strlen(offset) != sizeof "+hhmm" - 1)
		snprintf(offset, sizeof offset, "+0000");
	/* some zones have no other name than this distance */
	bool named = name[0] != '\0' && name[0] != '+' && name[0] != '-' && strcmp(name, "UTC") != 0;
	snprintf(ret, PACE_ZONE_SIZE, "%s%sUTC%.3s:%s", named ? name : "", named ? ", " : "", offset, offset + 3);
}

void pace_zone(char ret[PACE_ZONE_SIZE], time_t t)
{
	struct tm tm = {.tm_year = 0};
	if (localtime_r(&t, &tm) == NULL)
		snprintf(ret, PACE_ZONE_SIZE, "unknown");
	else
		zone_text(ret, &tm);
}

static void forget_first_day(struct pace *p)
{
	p->earlier_days++;
	p->earlier += p->days[0].sum;
	p->n_days--;
	memmove(&p->days[0], &p->days[1], (size_t)p->n_days * sizeof p->days[0]);
}

static struct pace_day *day_of(struct pace *p, const struct tm *tm)
{
	struct pace_day *last = p->n_days > 0 ? &p->days[p->n_days - 1] : NULL;
	if (last != NULL && last->year == tm->tm_year + 1900 && last->month == tm->tm_mon + 1 &&
	    last->day == tm->tm_mday)
		return last;
	if (p->n_days == PACE_DAYS)
		forget_first_day(p);
	struct pace_day *new = &p->days[p->n_days++];
	*new = (struct pace_day){.year = tm->tm_year + 1900, .month = tm->tm_mon + 1, .day = tm->tm_mday};
	zone_text(new->zone, tm);
	return new;
}

/* A time without a place in a calendar is counted, but in no hour. */
static void count_hour(struct pace *p, time_t ended)
{
	struct tm tm = {.tm_year = 0};
	if (localtime_r(&ended, &tm) == NULL)
		return;
	struct pace_day *d = day_of(p, &tm);
	d->tokens[tm.tm_hour]++;
	d->sum++;
}

/* Two readers work at once, so what counts is the time from one token to the next, and not how long each took. */
void pace_add(struct pace *p, time_t ended, int64_t took_ms)
{
	if (p->n == 0)
		p->first = ended;
	/* without a sign, because times from a file may be any: the difference of two has no room in one that has */
	uint64_t since = (uint64_t)ended - (uint64_t)p->last;
	p->worked_ms += p->n == 0 || since > PACE_BREAK_S ? took_ms : (int64_t)since * 1000;
	p->last = ended;
	p->n++;
	count_hour(p, ended);
}

double pace_per_hour(const struct pace *p)
{
	return p->n < 2 || p->worked_ms < PACE_LEAST_MS ? -1 : (double)p->n * 3600000.0 / (double)p->worked_ms;
}
