/*
 * rosterreport_print: the report in a few lines, for a terminal.
 */
#include "core/clean.h"
#include "inventory.h"
#include "rosterreport.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN 10 /* of each kind */

/* ---- in all */

static void print_when(const struct tally *t)
{
	char line[ROSTER_HOLDER_MAX + 120], time[ROSTERREPORT_TIME_SIZE], zone[PACE_ZONE_SIZE];
	rosterreport_time(time, t->now);
	pace_zone(zone, t->now);
	snprintf(line, sizeof line, "%s (%s)", time, zone);
	table_field(stdout, "as of", line);
	rosterreport_time(time, t->opened);
	snprintf(line, sizeof line, "last opened %s%s%s", time, t->holder[0] != '\0' ? "; open now at " : "",
		 t->holder);
	table_field(stdout, "station", line);
	rosterreport_time(line, t->since);
	table_field(stdout, "since", line);
}

static void print_done(const struct tally *t)
{
	char line[200], first[ROSTERREPORT_TIME_SIZE], last[ROSTERREPORT_TIME_SIZE];
	const struct pace *p = &t->pace;
	rosterreport_time(first, p->first);
	rosterreport_time(last, p->last);
	if (p->n == 0)
		snprintf(line, sizeof line, "nobody");
	else if (p->n == 1)
		snprintf(line, sizeof line, "1, at %s", first);
	else
		snprintf(line, sizeof line, "%" PRId64 ", the first at %s, the last at %s", p->n, first, last);
	table_field(stdout, "done", line);
	rosterreport_pace(line, t);
	table_field(stdout, "pace", line);
}

static void print_token_time(const struct tally *t)
{
	char line[1000], span[ROSTERREPORT_SPAN_SIZE];
	if (t->pace.n == 0)
		return;
	rosterreport_span(span, t->median_ms);
	snprintf(line, sizeof line, "median %s", span);
	for (size_t i = 0; i < t->n_slowest && t->pace.n > 1; i++) {
		size_t n = strlen(line);
		rosterreport_span(span, t->slowest[i].took);
		snprintf(line + n, sizeof line - n, "%s%s (%s)", i == 0 ? "; slowest " : ", ", span,
			 t->slowest[i].user);
	}
	table_field(stdout, "a token", line);
}

static void print_letters(const struct tally *t)
{
	char line[1000];
	if (t->letters_all == 0)
		return;
	snprintf(line, sizeof line, "%" PRId64 " %s to be printed:", t->letters_all,
		 t->letters_all == 1 ? "waits" : "wait");
	for (size_t i = 0; i < t->n_letters; i++) {
		size_t n = strlen(line);
		snprintf(line + n, sizeof line - n, "%s %s", i == 0 ? "" : ",", t->letters[i].user);
	}
	size_t n = strlen(line);
	if (t->letters_all > (int64_t)t->n_letters)
		snprintf(line + n, sizeof line - n, " and %" PRId64 " more", t->letters_all - (int64_t)t->n_letters);
	table_field(stdout, "PIN letters", line);
}

#define FIELD_INDENT 15 /* table_field's */

/* As the station knows it that has just ended. */
static void print_letters_why(const struct tally *t)
{
	const struct err *why = t->letters_why;
	char line[sizeof why->what + sizeof why->native + 8];
	if (why == NULL)
		return;
	snprintf(line, sizeof line, "%s%s%s%s", why->what, why->native[0] != '\0' ? " (" : "", why->native,
		 why->native[0] != '\0' ? ")" : "");
	if (t->letters_all == 0)
		table_field(stdout, "PIN letters", line);
	else
		table_text(stdout, FIELD_INDENT, line);
	if (err_advice(why)[0] == '\0')
		return;
	snprintf(line, sizeof line, "What to do: %s", err_advice(why));
	table_text(stdout, FIELD_INDENT, line);
}

static void print_sums(const struct tally *t)
{
	char line[ROSTERREPORT_LEFT_SIZE];
	print_when(t);
	print_done(t);
	print_token_time(t);
	rosterreport_left(line, t);
	table_field(stdout, "left", line);
	if (t->counts.withdrawn != 0) {
		snprintf(line, sizeof line, "%" PRId64 " whom the roster does not name any more", t->counts.withdrawn);
		table_field(stdout, "withdrawn", line);
	}
	print_letters(t);
	print_letters_why(t);
}

static void print_reasons(const struct tally *t)
{
	char line[1000] = "by error:";
	for (size_t i = 0; i < t->n_reasons; i++) {
		size_t n = strlen(line);
		snprintf(line + n, sizeof line - n, "%s %" PRId64 " %s", i == 0 ? "" : ",", t->reasons[i].people,
			 t->reasons[i].code);
	}
	table_text(stdout, 4, line);
}

/* ---- who is left */

struct listing {
	size_t n;
};

static const char *separator(const char *before, const char *after, const char *text)
{
	return before[0] != '\0' && after[0] != '\0' ? text : "";
}

/* What has gone wrong, also an earlier time, and which token is waited for. */
static void why_left(char *ret, size_t size, const struct roster_person *p)
{
	bool before = p->state == ROSTER_WAITING && p->why[0] != '\0';
	if (p->state == ROSTER_RUNNING)
		snprintf(ret, size, "token %s", p->token.serial);
	else
		snprintf(ret, size, "%s%s%s%s%s%s%s", before ? "before: " : "", p->code,
			 separator(p->code, p->why, ": "), p->why, separator(p->why, p->reserved, "; "),
			 p->reserved[0] != '\0' ? "waits for token " : "", p->reserved);
}

static int print_person(void *arg, const struct roster_person *p, struct err *e)
{
	struct listing *l = arg;
	char line[1600], why[1000];
	(void)e;
	why_left(why, sizeof why, p);
	snprintf(line, sizeof line, "%s%s%s%s%s%s", p->user, p->name[0] != '\0' ? " (" : "", p->name,
		 p->name[0] != '\0' ? ")" : "", p->department[0] != '\0' ? ", " : "", p->department);
	table_text(stdout, 4, line);
	table_text(stdout, 6, why);
	return ++l->n == SHOWN;
}

static int print_group(struct store *s, const struct tally *t, const struct rosterreport_group *g, struct err *e)
{
	struct listing l = {.n = 0};
	int64_t all = t->counts.states[g->state];
	if (all == 0)
		return 0;
	printf("\n  %s: %" PRId64 "\n", rosterreport_title(t, g), all);
	if (g->state == ROSTER_FAILED && t->n_reasons > 1)
		print_reasons(t);
	if (rosterreport_in_state(s, t, g->state, print_person, &l, e) != 0)
		return -1;
	if (all > (int64_t)l.n)
		printf("    and %" PRId64 " more; --csv and --html have them\n", all - (int64_t)l.n);
	return 0;
}

int rosterreport_print(struct store *s, const struct tally *t, struct err *e)
{
	const struct roster_counts *c = &t->counts;
	int64_t people = c->left + c->states[ROSTER_DONE];
	char source[512];
	clean_text(source, sizeof source, rosterreport_source(t));
	if (people == 0)
		printf("%s: there is nobody on it\n", source);
	else
		printf("%s: %" PRId64 " of %" PRId64 " %s done, %" PRId64 " left\n", source, c->states[ROSTER_DONE],
		       people, c->states[ROSTER_DONE] == 1 ? "is" : "are", c->left);
	print_sums(t);
	for (size_t i = 0; i < rosterreport_group_count; i++) {
		if (print_group(s, t, &rosterreport_groups[i], e) != 0)
			return -1;
	}
	return inventory_written(e);
}

int rosterreport_end(struct store *s, const char *source, time_t since, const struct err *letters_why, struct err *e)
{
	struct tally *t = NULL;
	if (store_look_begin(s, e) != 0)
		return -1;
	int ret = store_look_end(s, tally_take(&t, s, source, since, e), e);
	if (ret == 0) {
		t->letters_why = letters_why;
		ret = rosterreport_print(s, t, e);
	}
	tally_free(&t);
	return ret;
}
