#include "rosterreport.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const struct rosterreport_group rosterreport_groups[] = {
    {ROSTER_FAILED, "Failed", NULL},   {ROSTER_RUNNING, "Under way", "Was under way when the station ended"},
    {ROSTER_HELD, "Held", NULL},       {ROSTER_SKIPPED, "Skipped", NULL},
    {ROSTER_WAITING, "Waiting", NULL},
};
const size_t rosterreport_group_count = sizeof rosterreport_groups / sizeof *rosterreport_groups;

const char *rosterreport_title(const struct tally *t, const struct rosterreport_group *g)
{
	return g->interrupted != NULL && t->holder[0] == '\0' ? g->interrupted : g->title;
}

const char *rosterreport_source(const struct tally *t)
{
	return strcmp(t->source, "-") == 0 ? "standard input" : t->source;
}

int rosterreport_status(const struct tally *t)
{
	return t->counts.left == 0 ? 0 : 1;
}

void rosterreport_time(char ret[ROSTERREPORT_TIME_SIZE], time_t t)
{
	struct tm tm = {.tm_year = 0};
	ret[0] = '\0';
	if (t != 0 &&
	    (localtime_r(&t, &tm) == NULL || strftime(ret, ROSTERREPORT_TIME_SIZE, "%Y-%m-%d %H:%M", &tm) == 0))
		snprintf(ret, ROSTERREPORT_TIME_SIZE, "unknown");
}

void rosterreport_span(char ret[ROSTERREPORT_SPAN_SIZE], int64_t ms)
{
	int64_t s = ms / 1000 + (ms % 1000 >= 500), min = s / 60;
	if (ms < 9950)
		snprintf(ret, ROSTERREPORT_SPAN_SIZE, "%.1f s", (double)ms / 1000);
	else if (s < 60)
		snprintf(ret, ROSTERREPORT_SPAN_SIZE, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(ret, ROSTERREPORT_SPAN_SIZE, "%" PRId64 " min %" PRId64 " s", min, s % 60);
	else
		snprintf(ret, ROSTERREPORT_SPAN_SIZE, "%" PRId64 " h %" PRId64 " min", min / 60, min % 60);
}

static void add(char *ret, size_t size, const char *fmt, ...) ERR_PRINTF(3, 4);

static void add(char *ret, size_t size, const char *fmt, ...)
{
	size_t n = strlen(ret);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(ret + n, size - n, fmt, ap);
	va_end(ap);
}

static const char *word_of(const struct tally *t, enum roster_state st)
{
	if (st == ROSTER_RUNNING)
		return t->holder[0] != '\0' ? "under way" : "interrupted";
	return roster_state_name(st);
}

void rosterreport_left(char ret[ROSTERREPORT_LEFT_SIZE], const struct tally *t)
{
	char span[ROSTERREPORT_SPAN_SIZE];
	int64_t ms = tally_time_left(t);
	ret[0] = '\0';
	for (size_t i = 0; i < rosterreport_group_count; i++) {
		enum roster_state st = rosterreport_groups[i].state;
		if (t->counts.states[st] != 0)
			add(ret, ROSTERREPORT_LEFT_SIZE, "%s%" PRId64 " %s", ret[0] != '\0' ? ", " : "",
			    t->counts.states[st], word_of(t, st));
	}
	if (ret[0] == '\0') {
		add(ret, ROSTERREPORT_LEFT_SIZE, "nobody");
	} else if (ms >= 0) {
		rosterreport_span(span, ms);
		add(ret, ROSTERREPORT_LEFT_SIZE, "; about %s of work at this pace", span);
	}
}

void rosterreport_pace(char ret[ROSTERREPORT_PACE_SIZE], const struct tally *t)
{
	double rate = pace_per_hour(&t->pace);
	ret[0] = '\0';
	if (rate > 0)
		snprintf(ret, ROSTERREPORT_PACE_SIZE, "%.*f tokens an hour, breaks of more than %d minutes left out",
			 rate < 10 ? 1 : 0, rate, PACE_BREAK_S / 60);
}
