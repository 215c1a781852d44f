#include "page.h"
#include "rosterreport.h"

#include <inttypes.h>

#define WIDTH 816
#define LEAST 8 /* hours in a picture, so that a short day has no bars as wide as a page */
#define GAP 10  /* between two bars */
#define HIGH 100
#define TOP 20 /* above the highest there is its number */
#define HEIGHT (TOP + HIGH + 24)

/* All days have the same hours and the same scale. */
struct scale {
	int from, until; /* hours */
	int64_t highest;
};

static struct scale scale_of(const struct pace *p)
{
	struct scale s = {.from = PACE_HOURS, .until = 0};
	for (int i = 0; i < p->n_days; i++) {
		for (int h = 0; h < PACE_HOURS; h++) {
			int64_t n = p->days[i].tokens[h];
			if (n == 0)
				continue;
			s.from = h < s.from ? h : s.from;
			s.until = h + 1 > s.until ? h + 1 : s.until;
			s.highest = n > s.highest ? n : s.highest;
		}
	}
	if (s.until - s.from < LEAST)
		s.until = s.from + LEAST < PACE_HOURS ? s.from + LEAST : PACE_HOURS;
	if (s.until - s.from < LEAST)
		s.from = s.until - LEAST;
	return s;
}

static void put_bar(FILE *out, int hour, int64_t n, const struct scale *s)
{
	int step = WIDTH / (s->until - s->from), left = (hour - s->from) * step, middle = left + step / 2;
	int height = (int)(n * HIGH / s->highest);
	if (height < 2)
		height = 2;
	fprintf(out, "<g><title>%02d:00 to %02d:00: %" PRId64 "</title>", hour, hour + 1, n);
	if (n != 0)
		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#555\" stroke=\"#000\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%" PRId64 "</text>",
			left + GAP / 2, TOP + HIGH - height, step - GAP, height, middle, TOP + HIGH - height - 5, n);
	fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%02d</text></g>\n", middle, TOP + HIGH + 16, hour);
}

/* The same in words. */
static void put_description(FILE *out, const struct pace_day *d)
{
	const char *comma = "";
	for (int h = 0; h < PACE_HOURS; h++) {
		if (d->tokens[h] == 0)
			continue;
		fprintf(out, "%s%02d:00 to %02d:00: %" PRId64, comma, h, h + 1, d->tokens[h]);
		comma = ", ";
	}
	fputs(".", out);
}

static void put_day(FILE *out, const struct pace_day *d, int number, const struct scale *s)
{
	static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					    "Thursday", "Friday", "Saturday"};
	struct tm tm = {.tm_year = d->year - 1900, .tm_mon = d->month - 1, .tm_mday = d->day};
	(void)timegm(&tm); /* fills in the day of the week */
	fprintf(out, "<h3>%s, %04d-%02d-%02d: %" PRId64 " %s</h3>\n<p>Hours in local time (", names[tm.tm_wday],
		d->year, d->month, d->day, d->sum, d->sum == 1 ? "token" : "tokens");
	page_text(out, d->zone);
	fprintf(out,
		").</p>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"day-%d day-%d-text\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<title id=\"day-%d\">Tokens finished in each hour of %04d-%02d-%02d</title>\n"
		"<desc id=\"day-%d-text\">",
		WIDTH, HEIGHT, number, number, number, d->year, d->month, d->day, number);
	put_description(out, d);
	fprintf(out, "</desc>\n<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#000\"/>\n", TOP + HIGH, WIDTH,
		TOP + HIGH);
	for (int h = s->from; h < s->until; h++)
		put_bar(out, h, d->tokens[h], s);
	fputs("</svg>\n", out);
}

void rosterreport_chart(FILE *out, const struct pace *p)
{
	const struct scale s = scale_of(p);
	if (p->earlier_days != 0)
		fprintf(out, "<p>And %" PRId64 " tokens on %" PRId64 " earlier days.</p>\n", p->earlier,
			p->earlier_days);
	for (int i = 0; i < p->n_days; i++)
		put_day(out, &p->days[i], i + 1, &s);
}
