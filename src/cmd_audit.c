/*
 * tokenroll audit: who did what to which token and certificate, and when;
 * whether that is still as it was written; and the CA's signature on where it
 * stands.
 */
#include "cmd.h"
#include "core/day.h"
#include "core/since.h"
#include "enroll/ports.h"
#include "report.h"
#include "trailcheck.h"
#include "trailui.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- JSON */

static json_t *neighbour_json(const struct trail_neighbour *n)
{
	char when[DAY_TIME_SIZE];
	if (n->record == 0)
		return json_null();
	day_time_format(when, n->at);
	return json_pack("{s:I, s:s, s:o}", "record", (json_int_t)n->record, "at", when, "action",
			 report_json_text(n->action));
}

static json_t *findings_json(const struct trail_report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n; i++) {
		const struct trail_finding *f = &r->findings[i];
		char text[TRAIL_TEXT_MAX];
		trail_finding_text(text, f);
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s, s:o, s:o}", "fault",
						      trail_fault_name(f->fault), "first", (json_int_t)f->first, "last",
						      (json_int_t)f->last, "text", text, "before",
						      neighbour_json(&f->before), "after", neighbour_json(&f->after)));
	}
	return list;
}

static json_t *point_json(const struct trailcheck_point *p, bool checked)
{
	char when[DAY_TIME_SIZE];
	day_time_format(when, p->says.time);
	return json_pack("{s:I, s:s, s:o, s:o, s:o}", "record", (json_int_t)p->says.record, "at", when, "database",
			 report_json_text(p->says.database), "valid",
			 checked ? json_boolean(p->trouble[0] == '\0') : json_null(), "trouble",
			 report_json_text(p->trouble));
}

static json_t *check_json(const struct trailcheck *t, const struct err *error)
{
	json_t *points = json_array();
	for (size_t i = 0; i < t->n_points; i++)
		json_array_append_new(points, point_json(&t->points[i], t->points_checked));
	json_t *doc =
	    json_pack("{s:b, s:I, s:I, s:o, s:o, s:o}", "ok", error == NULL, "records", (json_int_t)t->report.records,
		      "faults", (json_int_t)t->report.n_all, "findings", findings_json(&t->report), "checkpoints",
		      points, "checkpoint_file", t->file_name != NULL ? point_json(&t->file, true) : json_null());
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void add_made(json_t *doc, const struct trailcheck *t, const char *file)
{
	char when[DAY_TIME_SIZE], hash[2 * CA_HASH_LEN + 1];
	if (t->pem.len == 0)
		return;
	day_time_format(when, t->made.time);
	hex_encode(hash, sizeof hash, t->made.hash, sizeof t->made.hash);
	json_object_set_new(doc, "made",
			    json_pack("{s:I, s:s, s:s, s:o, s:o, s:o}", "record", (json_int_t)t->made.record, "hash",
				      hash, "at", when, "database", report_json_text(t->made.database), "file",
				      report_json_text(file), "cms",
				      json_stringn((const char *)t->pem.data, t->pem.len)));
}

/* ---- for people */

static void print_findings(const struct trail_report *r)
{
	char text[TRAIL_TEXT_MAX];
	for (size_t i = 0; i < r->n; i++) {
		trail_finding_text(text, &r->findings[i]);
		puts(text);
	}
	if (r->n < r->n_all)
		printf("and %zu more\n", r->n_all - r->n);
}

static void print_point(const char *where, const struct trailcheck_point *p, bool checked)
{
	char when[DAY_TIME_SIZE];
	day_time_format(when, p->says.time);
	printf("%s, record %" PRIu64 ", %s: %s\n", where, p->says.record, when,
	       p->trouble[0] != '\0' ? p->trouble
	       : checked             ? "signed by the CA, and the trail still has it"
				     : "not checked");
}

static void print_check(const struct trailcheck *t)
{
	print_findings(&t->report);
	printf("%" PRIu64 " %s%s\n", t->report.records, t->report.records == 1 ? "record" : "records",
	       t->report.n_all == 0 ? ", all as they were written" : "");
	for (size_t i = 0; i < t->n_points; i++)
		print_point("checkpoint in the database", &t->points[i], t->points_checked);
	if (t->file_name != NULL)
		print_point("checkpoint in the file", &t->file, true);
}

static void print_made(const struct trailcheck *t, const char *file)
{
	char hash[2 * CA_HASH_LEN + 1];
	hex_encode(hash, sizeof hash, t->made.hash, sizeof t->made.hash);
	printf("The CA has signed where the audit trail stands:\n  record       %" PRIu64 "\n  hash         %s\n",
	       t->made.record, hash);
	if (file != NULL)
		printf("  file         %s\nKeep it where nobody can change it who can change the database.\n", file);
}

/* ---- */

static int check(const struct options *o, struct err *e)
{
	bool lists = !o->verify && !o->checkpoint;
	if (o->verify && o->checkpoint)
		return err_set(e, ERR_USAGE, "--checkpoint verifies the trail anyway: leave --verify out");
	if (!lists && (o->since != NULL || o->user != NULL || o->serial != NULL || o->csv))
		return err_set(e, ERR_USAGE,
			       "the trail is verified as a whole: --since, --user, --serial and --csv do "
			       "not go with --verify and --checkpoint");
	if (o->json && o->csv)
		return err_set(e, ERR_USAGE, "the result is either --json or --csv");
	if (o->checkpoint_file != NULL && !o->verify)
		return err_set(e, ERR_USAGE, "--checkpoint-file goes with --verify");
	if (o->n_args > (o->checkpoint ? 1 : 0))
		return err_set(e, ERR_USAGE, "'%s' is one argument too many", o->args[o->checkpoint ? 1 : 0]);
	if (o->n_args == 1 && o->args[0][0] == '\0')
		return err_set(e, ERR_USAGE, "the name of the checkpoint's file is empty");
	return 0;
}

/* Whoever only looks makes no database. */
static int open_store(const struct config *cfg, struct store **ret, struct err *e)
{
	if (access(cfg->store_path, F_OK) == 0 || errno != ENOENT)
		return enroll_ports_real.store.open(ret, cfg, e);
	err_set(e, ERR_STORE, "there is no database %s, and so no audit trail", cfg->store_path);
	return err_next(e, "see that [store] path in %s names the one that is meant; the first enrollment makes it",
			cfg->path);
}

static int list(struct store *s, const struct options *o, time_t since, struct err *e)
{
	const struct trail_filter f = {.since = since, .user = o->user, .token = o->serial};
	return trailui_list(s, &f, o, e);
}

static int run_check(struct store *s, const struct config *cfg, const struct options *o, struct err *e)
{
	struct trailcheck t = {.cfg = cfg, .o = o, .store = s};
	struct err unsaid = ERR_INIT;
	const char *file = o->n_args > 0 ? o->args[0] : NULL;
	int got = o->verify ? trailcheck_verify(&t, e) : trailcheck_sign(&t, file, e);
	if (o->json) {
		json_t *doc = check_json(&t, got == 0 ? NULL : e);
		add_made(doc, &t, file);
		if (report_json(doc, &unsaid) != 0 && got == 0) {
			*e = unsaid;
			got = -1;
		}
	} else if (!o->quiet) {
		if (o->verify || got != 0)
			print_check(&t);
		if (t.pem.len != 0)
			print_made(&t, got == 0 ? file : NULL);
	}
	trailcheck_free(&t);
	return got;
}

static int run(const struct options *o, bool *ret_said, struct err *e)
{
	struct config *cfg = NULL;
	struct store *s = NULL;
	time_t since = 0;
	if (check(o, e) != 0 || (o->user != NULL && config_check_user(o->user, e) != 0) ||
	    (o->since != NULL && since_parse(&since, o->since, time(NULL), e) != 0) || cmd_config(&cfg, o, e) != 0)
		return -1;
	int got = open_store(cfg, &s, e);
	if (got == 0) {
		*ret_said = true;
		got = o->verify || o->checkpoint ? run_check(s, cfg, o, e) : list(s, o, since, e);
	}
	store_close(&s);
	config_free(&cfg);
	return got;
}

int cmd_audit(const struct options *o, struct err *e)
{
	bool said = false;
	int got = run(o, &said, e);
	if (got != 0 && !said && o->json)
		report_error_json(e);
	return got;
}
