/*
 * rosterreport: the report of a roster, for people, programs, spreadsheets and
 * browsers.
 */
#ifndef ROSTERREPORT_H
#define ROSTERREPORT_H

#include "station/tally.h"

#include <stdio.h>

/* How rosterreport tells of the people in each state, who is left first, in the order of what is to be done. */
struct rosterreport_group {
	enum roster_state state;
	const char *title;       /* "Failed" */
	const char *interrupted; /* the title where no station has the roster open; NULL: the same */
};
extern const struct rosterreport_group rosterreport_groups[];
extern const size_t rosterreport_group_count;

const char *rosterreport_title(const struct tally *t, const struct rosterreport_group *g);

/* ---- people, however many, with a few of them in memory. fn returns 0 to go on, 1 if it has enough, or -1. */

typedef int rosterreport_fn(void *arg, const struct roster_person *p, struct err *e);

/* Everybody but those who were done before t->since, by user name. */
int rosterreport_everybody(struct store *s, const struct tally *t, rosterreport_fn *fn, void *arg, struct err *e);
/* Those who were enrolled since then, as they were done. */
int rosterreport_enrolled(struct store *s, const struct tally *t, rosterreport_fn *fn, void *arg, struct err *e);
/* Those in one state who are on the roster, by their place in it. */
int rosterreport_in_state(struct store *s, const struct tally *t, enum roster_state st, rosterreport_fn *fn, void *arg,
			  struct err *e);

/* ---- words */

/* "2026-11-26 16:20" in local time; "" for 0. */
#define ROSTERREPORT_TIME_SIZE 24
void rosterreport_time(char ret[ROSTERREPORT_TIME_SIZE], time_t t);

/* "0.3 s", "41 s", "3 min 20 s", "1 h 40 min". */
#define ROSTERREPORT_SPAN_SIZE 48
void rosterreport_span(char ret[ROSTERREPORT_SPAN_SIZE], int64_t ms);

/* "a failed, b held, c waiting; about 1 h 40 min at this pace"; "nobody". */
#define ROSTERREPORT_LEFT_SIZE 240
void rosterreport_left(char ret[ROSTERREPORT_LEFT_SIZE], const struct tally *t);

/* "31 tokens an hour, without breaks of more than half an hour"; "" if there is nothing to be said. */
#define ROSTERREPORT_PACE_SIZE 120
void rosterreport_pace(char ret[ROSTERREPORT_PACE_SIZE], const struct tally *t);

/* The roster's name for people. */
const char *rosterreport_source(const struct tally *t);

/* ---- the forms; all return 0, or -1 with an error */

int rosterreport_print(struct store *s, const struct tally *t, struct err *e);
/* The same for the roster with this source, of what was done since then: for a station that ends. letters_why: why the
 * letter that failed last waits; NULL: none does. */
int rosterreport_end(struct store *s, const char *source, time_t since, const struct err *letters_why, struct err *e);
int rosterreport_csv(struct store *s, const struct tally *t, struct err *e);
int rosterreport_json(struct store *s, const struct tally *t, struct err *e);

/* The page, as page_write writes it. */
int rosterreport_page(const char *path, struct store *s, const struct tally *t, struct err *e);

/* Its bars: for each day with a token how many were finished in which hour, for people and screen readers. */
void rosterreport_chart(FILE *out, const struct pace *p);

/* The exit status: 0 if nobody is left, else 1. */
int rosterreport_status(const struct tally *t);

#endif
