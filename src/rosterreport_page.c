/*
 * rosterreport_page: the report as a page for a browser, and for paper.
 */
#include "page.h"
#include "rosterreport.h"

#include <inttypes.h>

/* On A4 in black and white: lines of a table stay whole, and its head is on every sheet. */
static const char style[] =
    "h3 { font-size: 1em; margin-bottom: 0; } h3 + p { margin-top: 0; }\n"
    "table.wide { width: 100%; table-layout: fixed; } th, td { overflow-wrap: break-word; }\n"
    "table.wide td { border-bottom: 1px solid #ccc; } th[scope=row] { border: 0; min-width: 12em; }\n"
    "svg { max-height: 12em; }\n"
    "@page { size: A4; margin: 15mm; }\n"
    "@media print { body { font-size: 9pt; line-height: 1.35; padding: 0; } h2, h3 { break-after: avoid; } "
    "tr, svg { break-inside: avoid; } thead { display: table-header-group; } }\n";

struct content {
	struct store *s;
	const struct tally *t;
};

/* ---- in all */

static void put_row(FILE *out, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	page_text(out, text);
	fputs("</td></tr>\n", out);
}

static void put_slowest(FILE *out, const struct tally *t)
{
	char span[ROSTERREPORT_SPAN_SIZE];
	if (t->pace.n < 2)
		return;
	fputs("<tr><th scope=\"row\">The slowest</th><td>", out);
	for (size_t i = 0; i < t->n_slowest; i++) {
		rosterreport_span(span, t->slowest[i].took);
		fprintf(out, "%s%s (", i == 0 ? "" : ", ", span);
		page_text(out, t->slowest[i].user);
		fputs(", ", out);
		page_text(out, t->slowest[i].token.model);
		fputs(")", out);
	}
	fputs("</td></tr>\n", out);
}

static void put_letters(FILE *out, const struct tally *t)
{
	if (t->letters_all == 0)
		return;
	fprintf(out, "<tr><th scope=\"row\">PIN letters to print</th><td>%" PRId64 ": ", t->letters_all);
	for (size_t i = 0; i < t->n_letters; i++) {
		fputs(i == 0 ? "" : ", ", out);
		page_text(out, t->letters[i].user);
	}
	if (t->letters_all > (int64_t)t->n_letters)
		fprintf(out, " and %" PRId64 " more", t->letters_all - (int64_t)t->n_letters);
	fputs("</td></tr>\n", out);
}

static void put_done(FILE *out, const struct tally *t)
{
	char line[200], first[ROSTERREPORT_TIME_SIZE], last[ROSTERREPORT_TIME_SIZE];
	int64_t done = t->counts.states[ROSTER_DONE];
	snprintf(line, sizeof line, "%" PRId64 " of %" PRId64, done, done + t->counts.left);
	put_row(out, "Done", line);
	if (t->pace.n == 0)
		return;
	rosterreport_time(first, t->pace.first);
	rosterreport_time(last, t->pace.last);
	snprintf(line, sizeof line, "%" PRId64 ", the first at %s, the last at %s", t->pace.n, first, last);
	put_row(out, t->since != 0 ? "Of these since then" : "Tokens", line);
}

static void put_sums(FILE *out, const struct tally *t)
{
	char line[ROSTER_HOLDER_MAX];
	fputs("<table>\n", out);
	put_done(out, t);
	rosterreport_left(line, t);
	put_row(out, "Left for the next time", line);
	rosterreport_pace(line, t);
	put_row(out, "Pace", line);
	line[0] = '\0';
	if (t->pace.n != 0)
		rosterreport_span(line, t->median_ms);
	put_row(out, "A token took (median)", line);
	put_slowest(out, t);
	put_letters(out, t);
	line[0] = '\0';
	if (t->counts.withdrawn != 0)
		snprintf(line, sizeof line, "%" PRId64 " whom the roster does not name any more", t->counts.withdrawn);
	put_row(out, "Withdrawn", line);
	put_row(out, "Open now at", t->holder);
	fputs("</table>\n", out);
}

static void put_top(FILE *out, const struct tally *t)
{
	char time[ROSTERREPORT_TIME_SIZE], zone[PACE_ZONE_SIZE];
	rosterreport_time(time, t->now);
	pace_zone(zone, t->now);
	fprintf(out, "<h1>VPN tokens: report of %s</h1>\n<p>Times are local (", time);
	page_text(out, zone);
	fputs("). Roster: <code>", out);
	page_text(out, rosterreport_source(t));
	rosterreport_time(time, t->opened);
	fprintf(out, "</code>, last opened %s.", time);
	rosterreport_time(time, t->since);
	if (t->since != 0)
		fprintf(out, " Who was done before %s is left out of lists and figures.", time);
	fputs("</p>\n", out);
}

/* ---- tables of people */

static void put_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	page_text(out, text);
	fputs("</td>", out);
}

static void put_who(FILE *out, const struct roster_person *p)
{
	fputs("<tr>", out);
	put_cell(out, p->user);
	put_cell(out, p->name);
	put_cell(out, p->department);
}

static void put_token(FILE *out, const char *serial, const char *model)
{
	fputs("<td><code>", out);
	page_text(out, serial);
	fprintf(out, "</code>%s", serial[0] != '\0' && model[0] != '\0' ? "<br>" : "");
	page_text(out, model);
	fputs("</td>", out);
}

static void put_attempts(FILE *out, const struct roster_person *p)
{
	char time[ROSTERREPORT_TIME_SIZE];
	rosterreport_time(time, p->ended != 0 ? p->ended : p->began);
	if (p->attempts > 1)
		fprintf(out, "<td>%s<br>%" PRId64 " attempts</td>", time, p->attempts);
	else
		fprintf(out, "<td>%s</td>", time);
}

static int put_left(void *arg, const struct roster_person *p, struct err *e)
{
	FILE *out = arg;
	(void)e;
	put_who(out, p);
	fputs("<td>", out);
	page_text(out, p->why);
	if (p->code[0] != '\0') {
		fputs(" (<code>", out);
		page_text(out, p->code);
		fputs("</code>)", out);
	}
	fputs("</td>", out);
	/* the token that somebody waits for matters more than the one that was tried */
	if (p->state != ROSTER_RUNNING && p->reserved[0] != '\0')
		put_token(out, p->reserved, "waits for this one");
	else
		put_token(out, p->token.serial, p->token.model);
	put_attempts(out, p);
	fputs("</tr>\n", out);
	return ferror(out) ? 1 : 0;
}

static int put_enrolled(void *arg, const struct roster_person *p, struct err *e)
{
	FILE *out = arg;
	char time[ROSTERREPORT_TIME_SIZE], span[ROSTERREPORT_SPAN_SIZE];
	(void)e;
	rosterreport_time(time, p->ended);
	rosterreport_span(span, p->took);
	put_who(out, p);
	put_token(out, p->token.serial, p->token.model);
	fputs("<td><code>", out);
	page_text(out, p->cert_serial);
	fprintf(out, "</code></td><td>%s</td><td>%s</td></tr>\n", time, span);
	return ferror(out) ? 1 : 0;
}

struct column {
	const char *title;
	int percent; /* of the width */
};

static void begin_table(FILE *out, const struct column *columns, size_t n)
{
	fputs("<table class=\"wide\">\n<colgroup>", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<col style=\"width: %d%%\">", columns[i].percent);
	fputs("</colgroup>\n<thead><tr>", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<th scope=\"col\">%s</th>", columns[i].title);
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void end_table(FILE *out)
{
	fputs("</tbody>\n</table>\n", out);
}

static void put_reasons(FILE *out, const struct tally *t)
{
	fputs("<p>By error: ", out);
	for (size_t i = 0; i < t->n_reasons; i++) {
		fprintf(out, "%s%" PRId64 " <code>", i == 0 ? "" : ", ", t->reasons[i].people);
		page_text(out, t->reasons[i].code);
		fputs("</code>", out);
	}
	fputs(".</p>\n", out);
}

static int put_group(const struct content *c, FILE *out, const struct rosterreport_group *g, struct err *e)
{
	static const struct column columns[] = {{"User", 14}, {"Name", 16},  {"Department", 16},
						{"Why", 27},  {"Token", 15}, {"Last attempt", 12}};
	int64_t n = c->t->counts.states[g->state];
	if (n == 0)
		return 0;
	fprintf(out, "<h3>%s: %" PRId64 "</h3>\n", rosterreport_title(c->t, g), n);
	if (g->state == ROSTER_FAILED && c->t->n_reasons > 1)
		put_reasons(out, c->t);
	begin_table(out, columns, sizeof columns / sizeof *columns);
	int ret = rosterreport_in_state(c->s, c->t, g->state, put_left, out, e);
	end_table(out);
	return ret;
}

static int put_all_left(const struct content *c, FILE *out, struct err *e)
{
	char line[ROSTERREPORT_LEFT_SIZE];
	int ret = 0;
	rosterreport_left(line, c->t);
	fprintf(out, "<h2>Who is left, and why: %" PRId64 "</h2>\n<p>%s.</p>\n", c->t->counts.left,
		c->t->counts.left == 0 ? "Nobody" : line);
	for (size_t i = 0; ret == 0 && i < rosterreport_group_count; i++)
		ret = put_group(c, out, &rosterreport_groups[i], e);
	return ret;
}

static int put_all_enrolled(const struct content *c, FILE *out, struct err *e)
{
	static const struct column columns[] = {{"User", 14},  {"Name", 16},        {"Department", 16},
						{"Token", 15}, {"Certificate", 18}, {"Finished", 12},
						{"Took", 9}};
	fprintf(out, "<h2>Who got a token: %" PRId64 "</h2>\n", c->t->pace.n);
	if (c->t->pace.n == 0) {
		fputs("<p>Nobody.</p>\n", out);
		return 0;
	}
	begin_table(out, columns, sizeof columns / sizeof *columns);
	int ret = rosterreport_enrolled(c->s, c->t, put_enrolled, out, e);
	end_table(out);
	return ret;
}

/* ---- */

static int put_page(void *arg, FILE *out, struct err *e)
{
	const struct content *c = arg;
	page_begin(out, "VPN tokens: report", style);
	put_top(out, c->t);
	put_sums(out, c->t);
	fputs("<h2>Tokens an hour</h2>\n", out);
	if (c->t->pace.n_days == 0)
		fputs("<p>None was finished.</p>\n", out);
	else
		rosterreport_chart(out, &c->t->pace);
	int ret = put_all_left(c, out, e);
	if (ret == 0)
		ret = put_all_enrolled(c, out, e);
	page_end(out);
	return ret;
}

int rosterreport_page(const char *path, struct store *s, const struct tally *t, struct err *e)
{
	struct content c = {s, t};
	return page_write(path, put_page, &c, e);
}
