#include "status_page.h"
#include "core/day.h"
#include "page.h"
#include "status_chart.h"
#include "store/roll.h"

#include <string.h>

static const char style[] = "li { margin-bottom: .5em; }\n"
			    ".level { border: 2px solid #000; padding: .1em .5em; font-weight: 600; }\n"
			    ".wrong { background: #000; color: #fff; } .soon, .untold { background: #ddd; }\n";

static const char *const level_words[] = {[STATUS_FINE] = "all is well",
					  [STATUS_SOON] = "something is to be done soon",
					  [STATUS_WRONG] = "something is wrong now",
					  [STATUS_UNTOLD] = "not everything could be told"};

static void put_level(FILE *out, enum status_level l)
{
	fprintf(out, "<span class=\"level %s\">%s</span>", status_level_name(l), level_words[l]);
}

static void put_date(FILE *out, const struct status *st, const char *name, time_t t)
{
	char day[DAY_SIZE];
	if (t == 0)
		return;
	day_format(day, t);
	fprintf(out, "<tr><td>%s</td><td>until %s, %ld days</td></tr>\n", name, day, status_days(st, t));
}

static void put_facts(FILE *out, const struct status *st)
{
	const struct survey_counts *c = &st->counts;
	int64_t unfinished = 0;
	for (int i = 0; i < CRED_DELIVERED; i++)
		unfinished += c->credentials[i];
	fprintf(out,
		"<h2>What there is</h2>\n<table>\n"
		"<tr><td>On tokens</td><td>%lld certificates, and %lld enrollments that are not finished</td></tr>\n"
		"<tr><td>Known by index.txt only</td><td>%lld valid certificates</td></tr>\n",
		(long long)c->credentials[CRED_DELIVERED], (long long)unfinished, (long long)c->valid);
	if (st->has_look) {
		const struct ca_crl_dates *crl =
		    st->look.publishes && st->look.published.there ? &st->look.published : &st->look.made;
		put_date(out, st, "CA certificate", st->look.not_after);
		put_date(out, st, "CRL", crl->next_update);
	}
	fputs("</table>\n", out);
}

static void put_finding(FILE *out, const struct status_finding *f)
{
	fputs("<li>", out);
	if (f->user[0] != '\0' && (f->what == NULL || strstr(f->what, f->user) == NULL)) {
		fputs("<strong>", out);
		page_text(out, f->user);
		fputs("</strong>: ", out);
	}
	page_text(out, f->what != NULL ? f->what : "");
	if (f->certificate[0] != '\0') {
		fputs(" (<code>", out);
		page_text(out, f->certificate);
		fputs("</code>)", out);
	}
	if (f->next != NULL && f->next[0] != '\0') {
		fputs("<br>What to do: <code>", out);
		page_text(out, f->next);
		fputs("</code>", out);
	}
	fputs("</li>\n", out);
}

static void put_problems(FILE *out, const struct status *st)
{
	bool any = false;
	fputs("<h2>Open problems</h2>\n", out);
	for (int t = 0; t < STATUS_TOPIC_COUNT; t++) {
		const struct status_group *g = &st->group[t];
		if (g->n == 0)
			continue;
		any = true;
		fprintf(out, "<h3>%s: %zu</h3>\n<p>", status_topic_title((enum status_topic)t), g->n);
		put_level(out, g->level);
		fputs("</p>\n<ul>\n", out);
		for (size_t i = 0; i < g->n_kept; i++)
			put_finding(out, &g->kept[i]);
		fputs("</ul>\n", out);
		if (g->n > g->n_kept)
			fprintf(out, "<p>And %zu more.</p>\n", g->n - g->n_kept);
	}
	if (!any)
		fputs("<p>None.</p>\n", out);
}

static void put_model(void *arg, const char *model, int64_t n)
{
	FILE *out = arg;
	fputs("<tr><td>", out);
	page_text(out, model);
	fprintf(out, "</td><td class=\"n\">%lld</td></tr>\n", (long long)n);
}

static int put_models(FILE *out, struct store *s, struct err *e)
{
	fputs("<h2>Tokens by model</h2>\n<table>\n<tr><th scope=\"col\">Model</th><th scope=\"col\">Tokens</th></tr>\n",
	      out);
	int ret = store_models(s, put_model, out, e);
	fputs("</table>\n", out);
	return ret;
}

struct content {
	const struct status *st;
	struct store *s;
};

static int put_page(void *arg, FILE *out, struct err *e)
{
	const struct content *c = arg;
	const struct status *st = c->st;
	char day[DAY_SIZE];
	day_format(day, st->now);
	page_begin(out, "VPN certificates: status", style);
	fprintf(out, "<h1>VPN certificates on %s</h1>\n<p>", day);
	put_level(out, st->level);
	fputs("</p>\n", out);
	put_problems(out, st);
	fputs("<h2>When certificates end</h2>\n", out);
	if (status_chart(out, st, c->s, e) != 0 || put_models(out, c->s, e) != 0)
		return -1;
	put_facts(out, st);
	page_end(out);
	return 0;
}

int status_page_write(const char *path, const struct status *st, struct store *s, struct err *e)
{
	struct content c = {st, s};
	return page_write(path, put_page, &c, e);
}
