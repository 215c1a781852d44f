#include "trailui.h"
#include "core/blob.h"
#include "core/clean.h"
#include "core/day.h"
#include "csv.h"
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* One way to print the trail. */
struct form {
	void (*begin)(void);
	void (*record)(const struct trail_record *r, bool first);
	void (*end)(uint64_t n, const struct err *error);
};

/* ---- for people */

static void people_line(const char *const column[8])
{
	char line[1200], clean[1200];
	snprintf(line, sizeof line, "%7s  %-20s  %-20s  %-18s  %-12s  %-16s  %-32s  %s", column[0], column[1],
		 column[2], column[3], column[4], column[5], column[6], column[7]);
	clean_text(clean, sizeof clean, line);
	for (size_t n = strlen(clean); n > 0 && clean[n - 1] == ' '; n--)
		clean[n - 1] = '\0';
	puts(clean);
}

static void people_record(const struct trail_record *r, bool first)
{
	static const char *const head[8] = {"record", "when", "who", "what", "user", "token", "certificate", "how"};
	char number[24], when[DAY_TIME_SIZE], who[256];
	if (first)
		people_line(head);
	snprintf(number, sizeof number, "%" PRId64, r->id);
	day_time_format(when, r->at);
	snprintf(who, sizeof who, "%s%s%s@%s", r->sudo_user, r->sudo_user[0] != '\0' ? " as " : "", r->login, r->host);
	const char *const column[8] = {number,          when,           who,      r->action, r->user,
				       r->token_serial, r->cert_serial, r->detail};
	people_line(column);
}

static void people_end(uint64_t n, const struct err *error)
{
	if (n == 0 && error == NULL)
		puts("No records.");
}

/* ---- JSON */

static void json_begin(void)
{
	fputs("{\n  \"records\": [", stdout);
}

/* In ASCII, so that nothing in it is a command to a terminal. */
static void json_print(json_t *doc)
{
	(void)json_dumpf(doc, stdout, JSON_ENSURE_ASCII);
	json_decref(doc);
}

static void json_record(const struct trail_record *r, bool first)
{
	char when[DAY_TIME_SIZE], hash[2 * TRAIL_HASH_LEN + 1];
	day_time_format(when, r->at);
	hex_encode(hash, sizeof hash, r->hash, TRAIL_HASH_LEN);
	fputs(first ? "\n    " : ",\n    ", stdout);
	json_print(json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "record", (json_int_t)r->id,
			     "at", when, "login", report_json_text(r->login), "sudo_user",
			     report_json_text(r->sudo_user), "host", report_json_text(r->host), "action",
			     report_json_text(r->action), "user", report_json_text(r->user), "token_serial",
			     report_json_text(r->token_serial), "cert_serial", report_json_text(r->cert_serial),
			     "detail", report_json_text(r->detail), "hash", hash));
}

/* Only here it is known whether all went well. */
static void json_end(uint64_t n, const struct err *error)
{
	printf("%s],\n  \"ok\": %s", n != 0 ? "\n  " : "", error == NULL ? "true" : "false");
	if (error != NULL) {
		fputs(",\n  \"error\": ", stdout);
		json_print(report_json_error(error));
	}
	fputs("\n}\n", stdout);
}

/* ---- CSV */

#define CSV_COLUMNS 11

static void csv_begin(void)
{
	static const char *const head[CSV_COLUMNS] = {"record",      "at",     "login", "sudo_user",
						      "host",        "action", "user",  "token_serial",
						      "cert_serial", "detail", "hash"};
	csv_line(stdout, head, CSV_COLUMNS);
}

static void csv_record(const struct trail_record *r, bool first)
{
	char number[24], when[DAY_TIME_SIZE], hash[2 * TRAIL_HASH_LEN + 1];
	(void)first;
	snprintf(number, sizeof number, "%" PRId64, r->id);
	day_time_format(when, r->at);
	hex_encode(hash, sizeof hash, r->hash, TRAIL_HASH_LEN);
	const char *const value[CSV_COLUMNS] = {number,         when,      r->login, r->sudo_user,
						r->host,        r->action, r->user,  r->token_serial,
						r->cert_serial, r->detail, hash};
	csv_line(stdout, value, CSV_COLUMNS);
}

/* ---- */

static void nothing(void)
{
}

static void nothing_at_the_end(uint64_t n, const struct err *error)
{
	(void)n;
	(void)error;
}

struct printing {
	const struct form *form;
	uint64_t n;
};

static int print_one(void *arg, const struct trail_record *r, struct err *e)
{
	struct printing *p = arg;
	p->form->record(r, p->n++ == 0);
	/* nobody reads any more: there may be millions left */
	return ferror(stdout) == 0 ? 0 : err_errno(e, ERR_SYSTEM, "the audit trail could not be written to stdout");
}

int trailui_list(struct store *s, const struct trail_filter *f, const struct options *o, struct err *e)
{
	static const struct form people = {nothing, people_record, people_end};
	static const struct form json = {json_begin, json_record, json_end};
	static const struct form csv = {csv_begin, csv_record, nothing_at_the_end};
	struct printing p = {.form = o->json ? &json : o->csv ? &csv : &people};
	p.form->begin();
	int got = trail_each(s, f, print_one, &p, e);
	p.form->end(p.n, got == 0 ? NULL : e);
	return got;
}
