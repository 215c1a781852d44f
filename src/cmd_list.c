/*
 * tokenroll list: who has which certificate on which token, row by row as
 * they come out of the database.
 */
#include "core/clean.h"
#include "core/day.h"
#include "csv.h"
#include "inventory.h"
#include "report.h"
#include "store/roll.h"
#include "table.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

/* 80 columns, with two blanks between each; what a token says of itself has at most 16 bytes in each field */
static const struct table_column columns[] = {{"USER", 20}, {"STATE", 10}, {"UNTIL", 10}, {"TOKEN", 16}, {"MODEL", 16}};
static const char *const csv_titles[] = {"user",  "state", "certificate", "valid_until",
					 "token", "model", "purpose",     "token_lost"};

#define N_COLUMNS (sizeof columns / sizeof *columns)
#define N_CSV (sizeof csv_titles / sizeof *csv_titles)

struct listing {
	const struct options *o;
	size_t n;
};

/* ---- filters */

struct state_word {
	const char *name;
	unsigned states;
	int ended; /* 1: the certificate has run out, -1: it has not */
};

static const struct state_word words[] = {
    {"valid", 1U << CRED_DELIVERED | ROLL_CERT_VALID, -1},
    {"expired", 1U << CRED_DELIVERED | ROLL_UNFINISHED | ROLL_CERT_VALID | ROLL_CERT_EXPIRED, 1},
    {"unfinished", ROLL_UNFINISHED, 0},
    {"revoked", 1U << CRED_REVOKED | ROLL_CERT_REVOKED, 0},
    {"all", ROLL_ALL, 0},
};

static int bad_state(const char *text, struct err *e)
{
	char list[200] = "";
	for (int i = 0; i < CRED_STATE_COUNT; i++) {
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, ", %s", cred_state_name((enum cred_state)i));
	}
	err_set(e, ERR_USAGE, "--state: there is no state '%s'", text);
	return err_next(e, "the states are valid, expired, unfinished, all%s", list);
}

static int parse_state(struct roll_filter *f, const char *text, struct err *e)
{
	enum cred_state st;
	time_t now = time(NULL);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(words[i].name, text) != 0)
			continue;
		f->states = words[i].states;
		if (words[i].ended > 0) {
			f->from = 1;
			f->until = now;
			f->by_end = true;
		} else if (words[i].ended < 0 && f->until == 0) {
			f->from = now;
			f->until = INT64_MAX;
		}
		return 0;
	}
	if (cred_state_parse(&st, text) != 0)
		return bad_state(text, e);
	f->states = 1U << st;
	return 0;
}

static int parse_expiring(struct roll_filter *f, const char *text, struct err *e)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	long unit = *end == 'w' ? 7 : 1;
	bool named = *end == 'w' || *end == 'd';
	if (end == text || errno != 0 || n < 0 || n > 36500 || (named ? end[1] : end[0]) != '\0') {
		err_set(e, ERR_USAGE, "--expiring: '%s' is not a number of days", text);
		return err_next(e, "give it as 30d, 30 or 6w; those that have expired are listed by --state expired");
	}
	f->from = time(NULL);
	f->until = f->from + n * unit * DAY;
	f->by_end = true;
	return 0;
}

static int parse(struct roll_filter *f, const struct options *o, struct err *e)
{
	*f = (struct roll_filter){.user = o->user, .model = o->model};
	if (o->expiring != NULL && o->state != NULL && strcmp(o->state, "expired") == 0)
		return err_set(e, ERR_USAGE, "--expiring is about certificates that have not expired");
	if (o->expiring != NULL && parse_expiring(f, o->expiring, e) != 0)
		return -1;
	return o->state != NULL ? parse_state(f, o->state, e) : 0;
}

/* ---- rows */

static void day_or_nothing(char ret[DAY_SIZE], time_t t)
{
	ret[0] = '\0';
	if (t != 0)
		day_format(ret, t);
}

/* A server's certificate has no token, and is none of a person's: that is said where the token would be. */
static const char *instead_of_token(const struct roll_row *r)
{
	if (!r->adopted)
		return r->token_serial;
	if (strcmp(r->purpose, "server") == 0)
		return "(a server)";
	return "(not known)";
}

static const char *state_of(const struct roll_row *r)
{
	return r->not_after != 0 && r->not_after <= time(NULL) &&
		       (strcmp(r->state, "delivered") == 0 || strcmp(r->state, "valid") == 0)
		   ? "expired"
		   : r->state;
}

static int print_row(void *arg, const struct roll_row *r)
{
	struct listing *l = arg;
	char day[DAY_SIZE];
	day_or_nothing(day, r->not_after);
	const char *const cells[N_COLUMNS] = {r->user, r->lost != 0 ? "lost" : state_of(r), day, instead_of_token(r),
					      r->model};
	if (l->n++ == 0)
		table_titles(stdout, columns, N_COLUMNS);
	table_row(stdout, columns, N_COLUMNS, cells);
	return ferror(stdout);
}

static int csv_row(void *arg, const struct roll_row *r)
{
	struct listing *l = arg;
	char day[DAY_SIZE], lost[DAY_SIZE];
	day_or_nothing(day, r->not_after);
	day_or_nothing(lost, r->lost);
	const char *const cells[N_CSV] = {r->user,         state_of(r), r->cert_serial, day,
					  r->token_serial, r->model,    r->purpose,     lost};
	l->n++;
	csv_line(stdout, cells, N_CSV);
	return ferror(stdout);
}

/* A row as it comes about: there may be 100,000, and a call of stdio for each piece is most of what they cost. */
struct piece {
	char text[2048];
	size_t n;
};

static void flush(struct piece *to)
{
	(void)fwrite(to->text, 1, to->n, stdout); /* a failure stays with stdout */
	to->n = 0;
}

static void put(struct piece *to, const char *text, size_t len)
{
	if (len > sizeof to->text - to->n)
		flush(to);
	if (len <= sizeof to->text) {
		memcpy(to->text + to->n, text, len);
		to->n += len;
	} else {
		(void)fwrite(text, 1, len, stdout);
	}
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

/* What needs nothing but quotes is written as it is. */
static void put_json(struct piece *to, const char *text)
{
	size_t n = clean_span(text);
	if (n > 0 && text[n] == '\0' && memchr(text, '"', n) == NULL && memchr(text, '\\', n) == NULL) {
		PUT(to, "\"");
		put(to, text, n);
		PUT(to, "\"");
		return;
	}
	flush(to);
	json_t *value = report_json_text(text);
	(void)json_dumpf(value, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	json_decref(value);
}

/* An empty one is null. */
static void put_field(struct piece *to, const char *head, const char *text)
{
	put(to, head, strlen(head));
	if (text[0] == '\0')
		PUT(to, "null");
	else
		put_json(to, text);
}

static int json_row(void *arg, const struct roll_row *r)
{
	struct listing *l = arg;
	struct piece row;
	char day[DAY_SIZE], lost[DAY_SIZE];
	row.n = 0;
	day_or_nothing(day, r->not_after);
	day_or_nothing(lost, r->lost);
	put_field(&row, l->n++ == 0 ? "\n{\"state\": " : ",\n{\"state\": ", state_of(r));
	put_field(&row, ", \"user\": ", r->user);
	put_field(&row, ", \"certificate\": ", r->cert_serial);
	put_field(&row, ", \"valid_until\": ", day);
	put_field(&row, ", \"token\": ", r->token_serial);
	put_field(&row, ", \"model\": ", r->model);
	put_field(&row, ", \"purpose\": ", r->purpose);
	put_field(&row, ", \"token_lost\": ", lost);
	PUT(&row, "}");
	flush(&row);
	return ferror(stdout);
}

/* ---- when there is nothing */

struct models {
	char text[400];
};

static void add_model(void *arg, const char *model, int64_t n)
{
	struct models *m = arg;
	size_t len = strlen(m->text);
	(void)n;
	if (model[0] != '\0')
		snprintf(m->text + len, sizeof m->text - len, "%s%s", len != 0 ? ", " : "", model);
}

static bool is_filtered(const struct options *o)
{
	return o->user != NULL || o->model != NULL || o->state != NULL || o->expiring != NULL;
}

static int stop(void *arg, const struct roll_row *r)
{
	(void)arg;
	(void)r;
	return 1;
}

/* What is not listed by itself has ended. */
static int explain_unfiltered(struct inventory *v, struct err *e)
{
	const struct roll_filter all = {.states = ROLL_ALL};
	bool any = false;
	if (store_roll(v->store, &all, stop, NULL, &any, e) != 0)
		return -1;
	screen_note(&v->screen, any ? "nobody in the inventory has a certificate that counts; all that there were: "
				      "tokenroll list --state all"
				    : "the inventory is empty: `tokenroll USER` enrolls the first token, "
				      "`tokenroll adopt` takes in what the PKI has");
	return 0;
}

/* On stderr: nothing found is a result, too, and for a program that is an empty one. */
static int explain_nothing(struct inventory *v, struct err *e)
{
	struct models m = {""};
	char line[600], text[600];
	if (!is_filtered(v->o))
		return explain_unfiltered(v, e);
	if (v->o->model != NULL && store_models(v->store, add_model, &m, e) != 0)
		return -1;
	snprintf(line, sizeof line, "nothing in the inventory is so%s%s", m.text[0] != '\0' ? "; its models are " : "",
		 m.text);
	clean_text(text, sizeof text, line);
	screen_note(&v->screen, text);
	return 0;
}

static int list_rows(struct inventory *v, const struct roll_filter *f, struct err *e)
{
	struct listing l = {.o = v->o};
	roll_fn *fn = v->o->json ? json_row : v->o->csv ? csv_row : print_row;
	bool stopped = false;
	inventory_stream();
	if (v->o->json)
		fputs("{\"rows\": [", stdout);
	if (v->o->csv)
		csv_line(stdout, csv_titles, N_CSV);
	int ret = store_roll(v->store, f, fn, &l, &stopped, e);
	if (v->o->json) {
		fputs("]", stdout);
		inventory_json_end(json_pack("{s:I}", "count", (json_int_t)l.n), ret == 0 ? NULL : e);
	}
	if (ret == 0)
		ret = inventory_written(e);
	return ret == 0 && l.n == 0 && !v->o->json ? explain_nothing(v, e) : ret;
}

int cmd_list(const struct options *o, struct err *e)
{
	struct inventory v;
	struct roll_filter f;
	int ret = inventory_open(&v, o, 0, 0, e);
	if (ret == 0)
		ret = parse(&f, o, e);
	if (ret != 0 && o->json)
		report_error_json(e);
	if (ret == 0)
		ret = list_rows(&v, &f, e);
	inventory_close(&v);
	return ret;
}
