/*
 * roster_report: what a report asks of a roster. It only reads, also while a
 * station has the roster open; between two calls people may have moved on.
 * Only the parent process calls this.
 *
 * since is a time from which on it matters who was enrolled; 0: all does.
 */
#ifndef STORE_ROSTER_REPORT_H
#define STORE_ROSTER_REPORT_H

#include "core/err.h"
#include "store/roster.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * All people, withdrawn ones too, but without those who were enrolled before since: by user name, so that each is told
 * once although their states change meanwhile. The first n behind the one with the user name after (NULL: from the
 * beginning). To be freed one by one.
 */
int store_roster_people(struct store *s, int64_t roster, time_t since, const char *after, struct roster_person *ret,
			size_t n, size_t *ret_n, struct err *e);

/* Who was enrolled since then, the first to be done first: the first n behind *after (NULL: from the beginning). */
int store_roster_enrolled(struct store *s, int64_t roster, time_t since, const struct roster_person *after,
			  struct roster_person *ret, size_t n, size_t *ret_n, struct err *e);

/* The n of them whose enrollment took the longest, the slowest first. */
int store_roster_slowest(struct store *s, int64_t roster, time_t since, struct roster_person *ret, size_t n,
			 size_t *ret_n, struct err *e);

/* How many of those who are on the roster have failed by the same error, the most frequent first; at most n. */
struct roster_reason {
	char code[32]; /* err_code_name */
	int64_t people;
};
int store_roster_reasons(struct store *s, int64_t roster, struct roster_reason *ret, size_t n, size_t *ret_n,
			 struct err *e);

/* Who is done and has a PIN letter that was never printed: how many people, and the first n of them by user name. */
struct roster_user {
	char user[65];
};
int store_roster_letters(struct store *s, int64_t roster, struct roster_user *ret, size_t n, size_t *ret_n,
			 int64_t *ret_all, struct err *e);

/* What is asked between these two is told as of one moment. Nobody is to be waited for in it: as long as it lasts, no
 * other process can empty the database's log. store_look_end passes on rc. */
int store_look_begin(struct store *s, struct err *e);
int store_look_end(struct store *s, int rc, struct err *e);

#endif
