/*
 * tokenroll show USER: every certificate and every token that a person ever
 * had, and what became of it.
 */
#include "core/clean.h"
#include "core/day.h"
#include "csv.h"
#include "enroll/run.h"
#include "inventory.h"
#include "report.h"
#include "store/history.h"
#include "store/roll.h"
#include "table.h"

#include <jansson.h>
#include <string.h>

#define NEAR_NAMES 3

/* ---- for people */

static void print_day(const char *name, time_t t, const char *more)
{
	char line[200], day[DAY_SIZE];
	if (t == 0)
		return;
	day_format(day, t);
	snprintf(line, sizeof line, "%s%s%s", day, more[0] != '\0' ? ", " : "", more);
	table_field(stdout, name, line);
}

static void print_validity(const struct history_certificate *c)
{
	char line[80], from[DAY_SIZE], until[DAY_SIZE];
	time_t begin = enroll_issued_at(&c->cert);
	if (c->not_after == 0)
		return;
	day_format(from, begin);
	day_format(until, c->not_after);
	snprintf(line, sizeof line, "%s%suntil %s%s", begin != 0 ? from : "", begin != 0 ? " " : "", until,
		 c->not_after <= time(NULL) ? ", expired" : "");
	table_field(stdout, "valid", line);
}

static void print_key(const struct history_certificate *c)
{
	char line[600];
	if (c->adopted)
		return;
	snprintf(line, sizeof line, "%s, CKA_ID %s%s%s", c->key_type, c->cka_id,
		 c->key_attributes[0] != '\0' ? ", " : "", c->key_attributes);
	table_field(stdout, "key", line);
}

static void print_certificate(const struct history_certificate *c)
{
	char line[200];
	printf("\ncertificate %s\n", c->serial[0] != '\0' ? c->serial : "not issued yet");
	snprintf(line, sizeof line, "%s%s%s", c->state, c->way[0] != '\0' ? ", by " : "", c->way);
	table_field(stdout, "state", line);
	print_validity(c);
	if (c->adopted) {
		table_field(stdout, "subject", c->subject);
		table_field(stdout, "for", c->purpose);
		table_field(stdout, "token", "not known: `tokenroll adopt` with the token plugged in finds it");
	} else {
		snprintf(line, sizeof line, "%s (%s)", c->token_serial, c->token_model);
		table_field(stdout, "token", line);
	}
	print_key(c);
	table_field(stdout, "attestation", c->attested);
	table_field(stdout, "replaces", c->replaces);
	print_day("to revoke", c->revoked == 0 ? c->revoke_at : 0, "");
	print_day("revoked", c->revoked, c->reason);
	print_day("planned", c->adopted ? 0 : c->created, "");
	print_day("last change", c->changed, "");
}

static void print_escrow(const struct history_token *t)
{
	static const char *const names[ESCROW_KIND_COUNT] = {"SO PIN", "PUK"};
	char line[100] = "";
	for (int i = 0; i < ESCROW_KIND_COUNT; i++) {
		size_t n = strlen(line);
		const char *comma = n != 0 ? ", " : "";
		if (t->escrow[i])
			snprintf(line + n, sizeof line - n, "%s%s", comma, names[i]);
		n = strlen(line);
		if (t->pending[i])
			snprintf(line + n, sizeof line - n, "%s%s that the token may have", n != 0 ? ", " : "",
				 names[i]);
	}
	table_field(stdout, "escrow", line[0] != '\0' ? line : "nothing");
}

static void print_token(const struct history_token *t)
{
	char text[80];
	clean_text(text, sizeof text, t->token.serial);
	printf("\ntoken %s%s\n", text, t->current ? "" : " (earlier)");
	table_field(stdout, "label", t->token.label);
	table_field(stdout, "model", t->token.model);
	table_field(stdout, "made by", t->token.manufacturer);
	table_field(stdout, "kind", t->profile);
	print_escrow(t);
	print_day("lost", t->lost, "");
}

static void print(const struct history *h)
{
	char text[STORE_NAME_MAX], day[DAY_SIZE];
	clean_text(text, sizeof text, h->user);
	day_format(day, h->created);
	printf("%s, in the inventory since %s: %zu certificate%s, %zu token%s\n", text, day, h->n_certificates,
	       h->n_certificates == 1 ? "" : "s", h->n_tokens, h->n_tokens == 1 ? "" : "s");
	for (size_t i = 0; i < h->n_certificates; i++)
		print_certificate(&h->certificates[i]);
	for (size_t i = 0; i < h->n_tokens; i++)
		print_token(&h->tokens[i]);
}

/* ---- JSON */

static json_t *certificate_json(const struct history_certificate *c)
{
	json_t *j =
	    json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "certificate", report_json_text(c->serial), "state", c->state,
		      "way", report_json_text(c->way), "valid_from", inventory_json_day(enroll_issued_at(&c->cert)),
		      "valid_until", inventory_json_day(c->not_after), "subject", report_json_text(c->subject));
	const struct {
		const char *name, *text;
	} texts[] = {
	    {"purpose", c->purpose},      {"key_type", c->key_type},
	    {"cka_id", c->cka_id},        {"key_attributes", c->key_attributes},
	    {"attestation", c->attested}, {"pkcs11_id", c->pkcs11_id},
	    {"token", c->token_serial},   {"model", c->token_model},
	    {"replaces", c->replaces},    {"reason", c->reason},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		json_object_set_new(j, texts[i].name, report_json_text(texts[i].text));
	json_object_set_new(j, "created", inventory_json_day(c->created));
	json_object_set_new(j, "changed", inventory_json_day(c->changed));
	json_object_set_new(j, "revoked", inventory_json_day(c->revoked));
	json_object_set_new(j, "revoke_at", inventory_json_day(c->revoke_at));
	return j;
}

static json_t *escrow_json(const struct history_token *t, enum escrow_kind kind)
{
	const char *word = t->pending[kind] ? "pending" : t->escrow[kind] ? "confirmed" : NULL;
	return report_json_text(word);
}

static json_t *token_json(const struct history_token *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:{s:o, s:o}}", "serial",
			 report_json_text(t->token.serial), "model", report_json_text(t->token.model), "manufacturer",
			 report_json_text(t->token.manufacturer), "label", report_json_text(t->token.label), "profile",
			 report_json_text(t->profile), "current", t->current, "lost", inventory_json_day(t->lost),
			 "escrow", "so_pin", escrow_json(t, ESCROW_SO_PIN), "puk", escrow_json(t, ESCROW_PUK));
}

static json_t *document(const struct history *h)
{
	json_t *certificates = json_array(), *tokens = json_array();
	for (size_t i = 0; i < h->n_certificates; i++)
		json_array_append_new(certificates, certificate_json(&h->certificates[i]));
	for (size_t i = 0; i < h->n_tokens; i++)
		json_array_append_new(tokens, token_json(&h->tokens[i]));
	return json_pack("{s:b, s:o, s:o, s:o, s:o}", "ok", 1, "user", report_json_text(h->user), "since",
			 inventory_json_day(h->created), "certificates", certificates, "tokens", tokens);
}

/* ---- CSV: a row for each certificate */

static void csv_days(const struct history_certificate *c, char ret[6][DAY_SIZE])
{
	const time_t days[] = {
	    enroll_issued_at(&c->cert), c->not_after, c->created, c->changed, c->revoked, c->revoke_at};
	for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
		ret[i][0] = '\0';
		if (days[i] != 0)
			day_format(ret[i], days[i]);
	}
}

static void print_csv(const struct history *h)
{
	static const char *const titles[] = {"user",        "certificate", "state",   "way",      "valid_from",
					     "valid_until", "created",     "changed", "revoked",  "reason",
					     "revoke_at",   "token",       "model",   "key_type", "cka_id",
					     "attestation", "replaces",    "subject", "purpose"};
	csv_line(stdout, titles, sizeof titles / sizeof *titles);
	for (size_t i = 0; i < h->n_certificates; i++) {
		const struct history_certificate *c = &h->certificates[i];
		char d[6][DAY_SIZE];
		csv_days(c, d);
		const char *const cells[] = {h->user,        c->serial,   c->state,  c->way,
					     d[0],           d[1],        d[2],      d[3],
					     d[4],           c->reason,   d[5],      c->token_serial,
					     c->token_model, c->key_type, c->cka_id, c->attested,
					     c->replaces,    c->subject,  c->purpose};
		_Static_assert(sizeof cells == sizeof titles, "a cell for each title");
		csv_line(stdout, cells, sizeof cells / sizeof *cells);
	}
}

/* ---- */

static int unknown_user(struct inventory *v, const char *user, struct err *e)
{
	char names[NEAR_NAMES][STORE_NAME_MAX], text[STORE_NAME_MAX], list[NEAR_NAMES * STORE_NAME_MAX] = "";
	size_t n = 0;
	if (store_near(v->store, user, names, NEAR_NAMES, &n, e) != 0)
		return -1;
	clean_text(text, sizeof text, user);
	err_set(e, ERR_USAGE, "the inventory has nobody called '%s'", text);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list);
		clean_text(text, sizeof text, names[i]);
		snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", text);
	}
	if (n != 0)
		return err_next(e, "did you mean %s?", list);
	return err_next(e,
			"`tokenroll list` shows everybody; `tokenroll adopt` takes in those whom only the PKI knows");
}

static int show(struct inventory *v, struct err *e)
{
	struct history h = {.user = NULL};
	const char *user = v->o->args[0];
	bool found = false;
	int ret = store_history(v->store, user, &found, &h, e);
	if (ret == 0 && !found)
		ret = unknown_user(v, user, e);
	if (ret == 0 && v->o->json)
		ret = report_json(document(&h), e);
	else if (ret == 0 && v->o->csv)
		print_csv(&h);
	else if (ret == 0 && !v->o->quiet)
		print(&h);
	if (ret == 0)
		ret = inventory_written(e);
	history_free(&h);
	return ret;
}

int cmd_show(const struct options *o, struct err *e)
{
	struct inventory v;
	int ret = inventory_open(&v, o, 1, 1, e);
	if (ret == 0)
		ret = show(&v, e);
	if (ret != 0 && o->json)
		report_error_json(e);
	inventory_close(&v);
	return ret;
}
