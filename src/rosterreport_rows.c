/*
 * rosterreport_rows: a line or an object for each person, as they come out of
 * the database.
 */
#include "core/day.h"
#include "csv.h"
#include "inventory.h"
#include "report.h"
#include "rosterreport.h"

#include <inttypes.h>
#include <jansson.h>

static const char *const titles[] = {"user",  "name",    "email",       "department", "state",
				     "token", "model",   "certificate", "reader",     "began",
				     "ended", "seconds", "attempts",    "error_code", "reason"};

#define N_TITLES (sizeof titles / sizeof *titles)

struct rows {
	const struct tally *t;
	size_t n;
};

static void time_or_nothing(char ret[DAY_TIME_SIZE], time_t t)
{
	ret[0] = '\0';
	if (t != 0)
		day_time_format(ret, t);
}

/* ---- CSV */

static int csv_row(void *arg, const struct roster_person *p, struct err *e)
{
	struct rows *r = arg;
	char began[DAY_TIME_SIZE], ended[DAY_TIME_SIZE], seconds[32] = "", attempts[24];
	(void)e;
	time_or_nothing(began, p->began);
	time_or_nothing(ended, p->ended);
	if (p->state == ROSTER_DONE)
		snprintf(seconds, sizeof seconds, "%.1f", (double)p->took / 1000);
	snprintf(attempts, sizeof attempts, "%" PRId64, p->attempts);
	const char *const values[N_TITLES] = {
	    p->user,         p->name,        p->email,       p->department, tally_state(r->t, p),
	    p->token.serial, p->token.model, p->cert_serial, p->reader,     began,
	    ended,           seconds,        attempts,       p->code,       p->why};
	csv_line(stdout, values, N_TITLES);
	r->n++;
	return ferror(stdout) ? 1 : 0;
}

int rosterreport_csv(struct store *s, const struct tally *t, struct err *e)
{
	struct rows r = {.t = t};
	inventory_stream();
	csv_line(stdout, titles, N_TITLES);
	int ret = rosterreport_everybody(s, t, csv_row, &r, e);
	return ret == 0 ? inventory_written(e) : ret;
}

/* ---- JSON */

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? report_json_text(text) : json_null();
}

static json_t *time_json(time_t t)
{
	char text[DAY_TIME_SIZE];
	time_or_nothing(text, t);
	return text_or_null(text);
}

static json_t *seconds_json(int64_t ms)
{
	return json_real((double)ms / 1000);
}

static int json_row(void *arg, const struct roster_person *p, struct err *e)
{
	struct rows *r = arg;
	(void)e;
	json_t *row = json_pack(
	    "{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "user",
	    text_or_null(p->user), "name", text_or_null(p->name), "email", text_or_null(p->email), "department",
	    text_or_null(p->department), "state", tally_state(r->t, p), "token", text_or_null(p->token.serial), "model",
	    text_or_null(p->token.model), "certificate", text_or_null(p->cert_serial), "reader",
	    text_or_null(p->reader), "began", time_json(p->began), "ended", time_json(p->ended), "seconds",
	    p->state == ROSTER_DONE ? seconds_json(p->took) : json_null(), "attempts", (json_int_t)p->attempts,
	    "error_code", text_or_null(p->code), "reason", text_or_null(p->why));
	fputs(r->n++ == 0 ? "\n" : ",\n", stdout);
	(void)json_dumpf(row, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12)); /* a failure stays with stdout */
	json_decref(row);
	return ferror(stdout) ? 1 : 0;
}

static json_t *counts_json(const struct tally *t)
{
	const struct roster_counts *c = &t->counts;
	int64_t cut = t->holder[0] == '\0' ? c->states[ROSTER_RUNNING] : 0;
	json_t *doc = json_object();
	for (int i = 0; i < ROSTER_STATE_COUNT; i++)
		json_object_set_new(doc, roster_state_name((enum roster_state)i),
				    json_integer((json_int_t)(c->states[i] - (i == ROSTER_RUNNING ? cut : 0))));
	json_object_set_new(doc, "interrupted", json_integer((json_int_t)cut));
	json_object_set_new(doc, "withdrawn", json_integer((json_int_t)c->withdrawn));
	json_object_set_new(doc, "left", json_integer((json_int_t)c->left));
	return doc;
}

static json_t *days_json(const struct pace *p)
{
	json_t *list = json_array();
	for (int i = 0; i < p->n_days; i++) {
		const struct pace_day *d = &p->days[i];
		char day[16];
		json_t *hours = json_array();
		snprintf(day, sizeof day, "%04d-%02d-%02d", d->year, d->month, d->day);
		for (int h = 0; h < PACE_HOURS; h++)
			json_array_append_new(hours, json_integer((json_int_t)d->tokens[h]));
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:I, s:o}", "day", day, "zone", report_json_text(d->zone),
						"tokens", (json_int_t)d->sum, "hours", hours));
	}
	return list;
}

static json_t *slowest_json(const struct tally *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_slowest; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "user", text_or_null(t->slowest[i].user),
						      "token", text_or_null(t->slowest[i].token.serial), "seconds",
						      seconds_json(t->slowest[i].took)));
	return list;
}

static json_t *reasons_json(const struct tally *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_reasons; i++)
		json_array_append_new(list, json_pack("{s:o, s:I}", "error_code", report_json_text(t->reasons[i].code),
						      "people", (json_int_t)t->reasons[i].people));
	return list;
}

/* What an hour has is JSON's number or, where there is too little to tell, null. */
static json_t *per_hour_json(const struct tally *t)
{
	double rate = pace_per_hour(&t->pace);
	return rate > 0 ? json_real((double)(int64_t)(rate * 10 + 0.5) / 10) : json_null();
}

static json_t *summary_json(const struct tally *t)
{
	const struct pace *p = &t->pace;
	int64_t left = tally_time_left(t);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:I}",
			 "roster", report_json_text(t->source), "as_of", time_json(t->now), "opened",
			 time_json(t->opened), "open_at", text_or_null(t->holder), "since", time_json(t->since),
			 "counts", counts_json(t), "done_since", (json_int_t)p->n, "first", time_json(p->first), "last",
			 time_json(p->last), "tokens_per_hour", per_hour_json(t), "median_seconds",
			 p->n != 0 ? seconds_json(t->median_ms) : json_null(), "days", days_json(p), "earlier_days",
			 (json_int_t)p->earlier_days, "earlier_tokens", (json_int_t)p->earlier, "slowest",
			 slowest_json(t), "errors", reasons_json(t), "seconds_left",
			 left >= 0 ? json_integer((json_int_t)(left / 1000)) : json_null(), "letters_to_print",
			 (json_int_t)t->letters_all);
}

int rosterreport_json(struct store *s, const struct tally *t, struct err *e)
{
	struct rows r = {.t = t};
	inventory_stream();
	fputs("{\"people\": [", stdout);
	int ret = rosterreport_everybody(s, t, json_row, &r, e);
	fputs("]", stdout);
	inventory_json_end(json_pack("{s:o, s:i}", "summary", summary_json(t), "exit_status", rosterreport_status(t)),
			   ret == 0 ? NULL : e);
	return ret == 0 ? inventory_written(e) : ret;
}
