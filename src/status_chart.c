#include "status_chart.h"

#include <string.h>

#define MONTHS 24
#define STEP 34  /* from one month to the next */
#define BAR 24   /* the width of a bar */
#define HIGH 160 /* the height of the highest */
#define TOP 24   /* above it there is its number */
#define WIDTH (MONTHS * STEP + 10)
#define HEIGHT (TOP + HIGH + 44)

struct month {
	int year, number; /* 1-12 */
	int64_t n;
};

static time_t month_begin(const struct month *m)
{
	struct tm tm = {.tm_year = m->year - 1900, .tm_mon = m->number - 1, .tm_mday = 1};
	return timegm(&tm);
}

static struct month month_after(const struct month *m)
{
	return (struct month){.year = m->number == 12 ? m->year + 1 : m->year, .number = m->number % 12 + 1};
}

static int count(struct month months[MONTHS], const struct status *st, struct store *s, struct err *e)
{
	struct tm tm;
	gmtime_r(&st->now, &tm);
	months[0] = (struct month){.year = tm.tm_year + 1900, .number = tm.tm_mon + 1};
	for (int i = 0; i < MONTHS; i++) {
		struct month next = month_after(&months[i]);
		if (store_count_ends(s, month_begin(&months[i]), month_begin(&next), &months[i].n, e) != 0)
			return -1;
		if (i + 1 < MONTHS)
			months[i + 1] = next;
	}
	return 0;
}

static void put_bar(FILE *out, const struct month *m, int at, int64_t highest)
{
	int x = at * STEP + 5, height = highest > 0 ? (int)(m->n * HIGH / highest) : 0;
	if (m->n > 0 && height < 2)
		height = 2;
	fprintf(out, "<g><title>%04d-%02d: %lld</title>", m->year, m->number, (long long)m->n);
	if (m->n > 0)
		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#555\" stroke=\"#000\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%lld</text>",
			x, TOP + HIGH - height, BAR, height, x + BAR / 2, TOP + HIGH - height - 5, (long long)m->n);
	fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%02d</text>", x + BAR / 2, TOP + HIGH + 16,
		m->number);
	if (at == 0 || m->number == 1)
		fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-weight=\"bold\">%d</text>",
			x + BAR / 2, TOP + HIGH + 34, m->year);
	fputs("</g>\n", out);
}

/* The same in words. */
static void put_description(FILE *out, const struct month months[MONTHS])
{
	const char *comma = "";
	for (int i = 0; i < MONTHS; i++) {
		if (months[i].n == 0)
			continue;
		fprintf(out, "%s%04d-%02d: %lld", comma, months[i].year, months[i].number, (long long)months[i].n);
		comma = ", ";
	}
	fputs(*comma == '\0' ? "None ends in these months." : ".", out);
}

int status_chart(FILE *out, const struct status *st, struct store *s, struct err *e)
{
	struct month months[MONTHS];
	int64_t highest = 0;
	if (count(months, st, s, e) != 0)
		return -1;
	for (int i = 0; i < MONTHS; i++)
		highest = months[i].n > highest ? months[i].n : highest;
	fprintf(
	    out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-labelledby=\"chart-title chart-text\" font-family=\"sans-serif\" font-size=\"11\">\n"
	    "<title id=\"chart-title\">Certificates by the month in which they end</title>\n<desc id=\"chart-text\">",
	    WIDTH, HEIGHT);
	put_description(out, months);
	fputs("</desc>\n", out);
	fprintf(out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#000\"/>\n", TOP + HIGH, WIDTH, TOP + HIGH);
	for (int i = 0; i < MONTHS; i++)
		put_bar(out, &months[i], i, highest);
	fputs("</svg>\n", out);
	return 0;
}
