/*
 * tokenroll status: what expires, what is half done, what is wrong, for
 * people and, by its exit status, for monitoring.
 */
#include "core/day.h"
#include "inventory.h"
#include "life/status.h"
#include "report.h"
#include "status_page.h"
#include "table.h"

#include <jansson.h>
#include <string.h>

#define SHOWN 10 /* of each kind */

/* ---- for people */

static void print_counts(const struct status *st)
{
	const struct survey_counts *c = &st->counts;
	char line[400] = "";
	for (int i = 0; i < CRED_STATE_COUNT; i++) {
		size_t n = strlen(line);
		if (c->credentials[i] != 0)
			snprintf(line + n, sizeof line - n, "%s%lld %s", n != 0 ? ", " : "",
				 (long long)c->credentials[i], cred_state_name((enum cred_state)i));
	}
	table_field(stdout, "on tokens", line[0] != '\0' ? line : "nothing yet");
	snprintf(line, sizeof line, "%lld valid, %lld revoked, %lld expired", (long long)c->valid,
		 (long long)c->revoked, (long long)c->expired);
	if (c->valid + c->revoked + c->expired != 0)
		table_field(stdout, "only in PKI", line);
}

static void print_date(const struct status *st, const char *name, time_t t, const char *more)
{
	char line[700], day[DAY_SIZE];
	if (t == 0)
		return;
	day_format(day, t);
	snprintf(line, sizeof line, "until %s, %ld days%s%s", day, status_days(st, t), more[0] != '\0' ? ", " : "",
		 more);
	table_field(stdout, name, line);
}

static void print_pki(const struct status *st)
{
	const struct ca_look *l = &st->look;
	char line[80];
	if (!st->has_look)
		return;
	print_date(st, "CA", l->not_after, l->subject);
	if (l->publishes && l->published.there)
		print_date(st, "CRL", l->published.next_update, "as the VPN server reads it");
	else
		print_date(st, "CRL", l->made.next_update, "");
	if (l->has_index)
		snprintf(line, sizeof line, "%zu rows", st->rows);
	else
		snprintf(line, sizeof line, "%s",
			 l->no_index.code == ERR_NONE ? "not here: the CA is elsewhere" : "cannot be read");
	table_field(stdout, "index.txt", line);
}

static void print_finding(const struct status_finding *f)
{
	char line[1600];
	bool named = f->what != NULL && f->user[0] != '\0' && strstr(f->what, f->user) != NULL;
	bool numbered = f->certificate[0] == '\0' || (f->what != NULL && strstr(f->what, f->certificate) != NULL);
	snprintf(line, sizeof line, "%s%s%s%s%s%s", f->user[0] != '\0' && !named ? f->user : "",
		 f->user[0] != '\0' && !named ? ": " : "", f->what != NULL ? f->what : "", numbered ? "" : " (",
		 numbered ? "" : f->certificate, numbered ? "" : ")");
	table_text(stdout, 4, line);
	if (f->next != NULL)
		table_text(stdout, 6, f->next);
}

static void print_group(const struct status *st, enum status_topic t)
{
	const struct status_group *g = &st->group[t];
	if (g->n == 0)
		return;
	printf("\n  %s: %zu, %s\n", status_topic_title(t), g->n, status_level_name(g->level));
	for (size_t i = 0; i < g->n_kept && i < SHOWN; i++)
		print_finding(&g->kept[i]);
	if (g->n > SHOWN)
		printf("    and %zu more%s\n", g->n - SHOWN,
		       t == STATUS_EXPIRING ? ": tokenroll list --expiring 30d" : "; --json has them");
}

static void print(const struct status *st)
{
	static const char *const verdicts[] = {[STATUS_FINE] = "All is well.",
					       [STATUS_SOON] = "Something is to be done soon.",
					       [STATUS_WRONG] = "Something is wrong now.",
					       [STATUS_UNTOLD] = "Not everything could be told."};
	puts(verdicts[st->level]);
	print_counts(st);
	print_pki(st);
	for (int t = 0; t < STATUS_TOPIC_COUNT; t++)
		print_group(st, (enum status_topic)t);
}

/* ---- JSON */

static json_t *counts_json(const struct survey_counts *c)
{
	json_t *credentials = json_object();
	for (int i = 0; i < CRED_STATE_COUNT; i++)
		json_object_set_new(credentials, cred_state_name((enum cred_state)i),
				    json_integer((json_int_t)c->credentials[i]));
	return json_pack("{s:o, s:I, s:{s:I, s:I, s:I}}", "credentials", credentials, "revoked_by_another",
			 (json_int_t)c->revoked_elsewhere, "other_certificates", "valid", (json_int_t)c->valid,
			 "revoked", (json_int_t)c->revoked, "expired", (json_int_t)c->expired);
}

static json_t *days_json(const struct status *st, time_t t)
{
	return t != 0 ? json_integer(status_days(st, t)) : json_null();
}

static json_t *crl_json(const struct status *st, const struct ca_crl_dates *d)
{
	if (!d->there)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "this_update", inventory_json_day(d->this_update), "next_update",
			 inventory_json_day(d->next_update), "days_left", days_json(st, d->next_update));
}

static json_t *pki_json(const struct status *st)
{
	const struct ca_look *l = &st->look;
	if (!st->has_look)
		return json_null();
	return json_pack("{s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:b, s:o}", "folder", report_json_text(l->pki),
			 "rows", l->has_index ? json_integer((json_int_t)st->rows) : json_null(), "ca", "subject",
			 report_json_text(l->subject), "not_after", inventory_json_day(l->not_after), "days_left",
			 days_json(st, l->not_after), "crl", crl_json(st, &l->made), "published_crl",
			 l->publishes ? crl_json(st, &l->published) : json_null(), "published_outdated", l->outdated,
			 "has_key", json_boolean(l->has_key));
}

static json_t *finding_json(enum status_topic t, const struct status_finding *f)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "topic", status_topic_name(t), "level",
			 status_level_name(f->level), "user", report_json_text(f->user), "token",
			 report_json_text(f->token), "certificate", report_json_text(f->certificate), "at",
			 inventory_json_day(f->at), "message", report_json_text(f->what), "next",
			 report_json_text(f->next));
}

static json_t *document(const struct status *st)
{
	json_t *findings = json_array(), *totals = json_object();
	for (int t = 0; t < STATUS_TOPIC_COUNT; t++) {
		const struct status_group *g = &st->group[t];
		json_object_set_new(totals, status_topic_name((enum status_topic)t), json_integer((json_int_t)g->n));
		for (size_t i = 0; i < g->n_kept; i++)
			json_array_append_new(findings, finding_json((enum status_topic)t, &g->kept[i]));
	}
	return json_pack("{s:b, s:s, s:i, s:o, s:o, s:o, s:o}", "ok", 1, "level", status_level_name(st->level),
			 "exit_status", (int)st->level, "counts", counts_json(&st->counts), "pki", pki_json(st),
			 "totals", totals, "findings", findings);
}

/* ---- */

static int tell(struct inventory *v, const struct status *st, struct err *e)
{
	int ret = 0;
	if (v->o->html != NULL)
		ret = status_page_write(v->o->html, st, v->store, e);
	if (ret == 0 && v->o->json)
		return report_json(document(st), e);
	if (ret == 0 && !v->o->quiet)
		print(st);
	return ret == 0 ? inventory_written(e) : ret;
}

/* For monitoring every failure has one exit status: that nothing could be told. */
int cmd_status(const struct options *o, struct err *e)
{
	struct inventory v;
	struct status *st = NULL;
	enum status_level level = STATUS_UNTOLD;
	int ret = inventory_open(&v, o, 0, 0, e);
	if (ret == 0)
		ret = status_take(&st, v.store, v.cfg, o->verbose, e);
	if (ret == 0)
		ret = tell(&v, st, e);
	if (ret == 0)
		level = st->level;
	if (ret != 0 && o->json)
		report_error_json(e);
	if (ret != 0)
		screen_error(&v.screen, e);
	status_free(&st);
	inventory_close(&v);
	return (int)level;
}
