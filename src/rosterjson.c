/*
 * rosterjson: a roster as a program reads it.
 */
#include "core/keytype.h"
#include "inventory.h"
#include "report.h"
#include "rosterui.h"

#include <jansson.h>
#include <string.h>

void rosterui_faults_json(const struct roster_faults *f, const struct err *error)
{
	struct err e = ERR_INIT;
	json_t *list = json_array();
	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list, json_pack("{s:I, s:o}", "line", (json_int_t)f->list[i].line, "text",
						      report_json_text(f->list[i].text)));
	/* that it cannot be said, either, changes nothing */
	(void)report_json(json_pack("{s:b, s:o, s:o, s:I}", "ok", 0, "error", report_json_error(error), "faults", list,
				    "fault_count", (json_int_t)f->n_all),
			  &e);
}

static json_t *columns_json(const struct roster *r)
{
	json_t *list = json_array();
	for (int i = 0; i < ROSTER_COLUMN_COUNT; i++) {
		if (r->has[i])
			json_array_append_new(list, json_string(roster_column_name((enum roster_column)i)));
	}
	return list;
}

static json_t *further_json(const struct roster *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_further; i++)
		json_array_append_new(list, report_json_text(r->further[i]));
	return list;
}

static void put_sums(json_t *doc, const struct roster *r)
{
	struct rosterui_sums sums;
	json_t *languages = json_object(), *key_types = json_object();
	rosterui_sum(&sums, r);
	for (int i = 0; i < ROSTERUI_LANGUAGES; i++)
		json_object_set_new(languages, rosterui_languages[i], json_integer((json_int_t)sums.languages[i]));
	for (int i = 0; i < KEYTYPE_COUNT; i++) {
		if (sums.key_types[i] != 0)
			json_object_set_new(key_types, keytype_name((enum keytype)i),
					    json_integer((json_int_t)sums.key_types[i]));
	}
	json_object_set_new(doc, "languages", languages);
	json_object_set_new(doc, "key_types", key_types);
	json_object_set_new(doc, "reserved_tokens", json_integer((json_int_t)sums.reserved));
}

static json_t *certified_json(const struct rosterui *u)
{
	json_t *list = json_array();
	for (size_t i = 0; i < u->n_certified; i++) {
		const struct rosterui_person *p = &u->certified[i];
		json_array_append_new(list, json_pack("{s:I, s:s, s:o}", "line", (json_int_t)p->entry->line, "user",
						      p->entry->user, "valid_until", inventory_json_day(p->until)));
	}
	return list;
}

static json_t *taken_json(const struct rosterui *u)
{
	json_t *list = json_array();
	for (size_t i = 0; i < u->n_taken; i++) {
		const struct rosterui_person *p = &u->taken[i];
		json_array_append_new(list, json_pack("{s:I, s:s, s:o, s:s}", "line", (json_int_t)p->entry->line,
						      "user", p->entry->user, "token",
						      report_json_text(p->entry->token_serial), "holder", p->holder));
	}
	return list;
}

static json_t *merged_json(const struct rosterui *u)
{
	const struct roster_merged *m = &u->merged;
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "opened_before", u->known, "new", m->added,
			 "changed", m->changed, "changed_done", m->changed_done, "withdrawn", m->withdrawn, "resumed",
			 m->resumed, "done", m->now.states[ROSTER_DONE], "held", m->now.states[ROSTER_HELD], "left",
			 m->now.left);
}

json_t *rosterui_json(const struct rosterui *u)
{
	const struct roster *r = u->roster;
	char separator[2] = {r->separator, '\0'};
	json_t *doc =
	    json_pack("{s:b, s:o, s:I, s:s, s:b, s:o, s:o, s:I}", "ok", 1, "source", report_json_text(r->source),
		      "people", (json_int_t)r->n, "separator", separator, "byte_order_mark", r->bom, "columns",
		      columns_json(r), "templates", further_json(r), "short_lines", (json_int_t)r->n_short);
	put_sums(doc, r);
	json_object_set_new(doc, "certified", certified_json(u));
	json_object_set_new(doc, "tokens_of_others", taken_json(u));
	json_object_set_new(doc, "station", merged_json(u));
	json_object_set_new(doc, "open_at", report_json_text(u->holder));
	return doc;
}
