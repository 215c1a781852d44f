/*
 * tally: how far a roster is, for a report: who is left, how fast it went and
 * when. Only reads, also while a station has the roster open, or after one
 * has crashed. In the parent process.
 *
 * Times are seconds since 1970, durations milliseconds.
 */
#ifndef STATION_TALLY_H
#define STATION_TALLY_H

#include "core/err.h"
#include "station/pace.h"
#include "store/roster.h"
#include "store/roster_report.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TALLY_SLOWEST 5
#define TALLY_REASONS 20
#define TALLY_LETTERS 10

struct tally {
	int64_t roster;
	char *source;                   /* the file's absolute path; "-" for standard input */
	time_t opened;                  /* last */
	char holder[ROSTER_HOLDER_MAX]; /* the station that has it open; "" if none has */
	time_t now, since;              /* since: what was done before is left out; 0: nothing is */
	struct roster_counts counts;    /* as it is now, whatever since says */

	/* of those who were enrolled since then */
	struct pace pace;
	int64_t median_ms; /* 0 if nobody was */
	struct roster_person slowest[TALLY_SLOWEST];
	size_t n_slowest;

	struct roster_reason reasons[TALLY_REASONS]; /* of all who failed */
	size_t n_reasons;
	struct roster_user letters[TALLY_LETTERS]; /* the first of those whose PIN letter waits to be printed */
	size_t n_letters;
	int64_t letters_all;
	const struct err *letters_why; /* by the station that has just ended; not owned; NULL: not known */
};

/*
 * The roster with this path, or "-"; NULL: the one that was opened last. Takes about 8 bytes for each person who is
 * done. It is several questions: see store_look_begin. ERR_ROSTER: no station has opened it; the message lists those
 * there are.
 */
int tally_take(struct tally **ret, struct store *s, const char *path, time_t since, struct err *e);

/* Frees; accepts NULL and nulls the pointer. */
void tally_free(struct tally **t);

/* Milliseconds that those who are left will take at this pace; -1 if it is not known. */
int64_t tally_time_left(const struct tally *t);

/* How a person is told: the name of the state, but "withdrawn" for who is not on the roster any more, and
 * "interrupted" for who was under way when the station ended, and that it is not any more. */
const char *tally_state(const struct tally *t, const struct roster_person *p);

#endif
