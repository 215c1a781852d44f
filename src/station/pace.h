/*
 * pace: how many tokens were finished in which hour of which day, and how many
 * an hour in all. Local time, because that is what the people at the station
 * go by.
 */
#ifndef STATION_PACE_H
#define STATION_PACE_H

#include <stdint.h>
#include <time.h>

#define PACE_HOURS 24
#define PACE_DAYS 31                           /* that are kept, the latest */
#define PACE_BREAK_S 1800                      /* after so long without a token nobody was at work */
#define PACE_LEAST_MS 60000                    /* of work, below which nothing is said of tokens an hour */
#define PACE_TOOK_MAX ((int64_t)1000000000000) /* milliseconds, some thirty years */

#define PACE_ZONE_SIZE 32

struct pace_day {
	int year, month, day;      /* 1-12, 1-31 */
	char zone[PACE_ZONE_SIZE]; /* "CET, UTC+01:00"; of its first token */
	int64_t tokens[PACE_HOURS];
	int64_t sum;
};

struct pace {
	int64_t n;                       /* tokens */
	time_t first, last;              /* when the first and the last of them were finished */
	int64_t worked_ms;               /* without the breaks */
	struct pace_day days[PACE_DAYS]; /* with a token, the earliest first */
	int n_days;
	int64_t earlier_days, earlier; /* that are not kept, and the tokens of these */
};

/* One more token, finished at this time after took_ms, at most PACE_TOOK_MAX. Those that were finished before have to
 * come before. */
void pace_add(struct pace *p, time_t ended, int64_t took_ms);

/* Tokens in an hour of work; -1 for fewer than two, or in less than a minute. */
double pace_per_hour(const struct pace *p);

/* The zone that local time has then: its name, and how far it is from UTC. */
void pace_zone(char ret[PACE_ZONE_SIZE], time_t t);

#endif
