/*
 * tokenroll doctor: why it does not work here, for the admin, and for whoever
 * is sent what it prints. Needs no token and no secret, changes nothing. Its
 * exit status is that of the first thing that is wrong.
 */
#include "core/xalloc.h"
#include "life/doctor.h"
#include "lifeui.h"
#include "report.h"
#include "table.h"

#include <jansson.h>
#include <stdlib.h>

#define NEXT_INDENT 15 /* below the text of table_field */

/* ---- JSON */

static json_t *check_json(const struct doctor_check *c)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "part", doctor_part_name(c->part), "name",
			 report_json_text(c->name), "level", doctor_level_name(c->level), "text",
			 report_json_text(c->text), "next", report_json_text(c->next));
}

static json_t *document(const struct doctor *d)
{
	json_t *checks = json_array(), *versions = json_object();
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_check *c = &d->list[i];
		if (c->part == DOCTOR_VERSIONS)
			json_object_set_new(versions, c->name, report_json_text(c->text));
		else
			json_array_append_new(checks, check_json(c));
	}
	return json_pack("{s:b, s:o, s:o}", "ok", doctor_count(d, DOCTOR_WRONG) == 0, "checks", checks, "versions",
			 versions);
}

/* ---- for people */

static void print_verdict(const struct doctor *d)
{
	size_t wrong = doctor_count(d, DOCTOR_WRONG), notes = doctor_count(d, DOCTOR_NOTE);
	if (wrong != 0)
		printf("%zu %s wrong here.\n", wrong, wrong == 1 ? "thing is" : "things are");
	else
		puts(notes != 0 ? "Nothing is wrong here; see the notes." : "Nothing is wrong here.");
}

static void print_check(const struct doctor_check *c)
{
	char *line = xasprintf("%s: %s", c->name, c->text);
	table_field(stdout, doctor_level_name(c->level), line);
	free(line);
	if (c->next == NULL)
		return;
	line = xasprintf("what to do: %s", c->next);
	table_text(stdout, NEXT_INDENT, line);
	free(line);
}

/* quiet: only what is not ok. */
static void print(const struct doctor *d, bool quiet)
{
	enum doctor_part part = DOCTOR_PART_COUNT;
	if (!quiet)
		print_verdict(d);
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_check *c = &d->list[i];
		if (quiet && c->level == DOCTOR_OK)
			continue;
		if (c->part != part)
			printf("%s%s\n", quiet && part == DOCTOR_PART_COUNT ? "" : "\n", doctor_part_title(c->part));
		part = c->part;
		print_check(c);
	}
}

int cmd_doctor(const struct options *o, struct err *e)
{
	const struct doctor_request req = {cmd_config_path(o), o->module, o->verbose};
	struct doctor *d = NULL;
	int ret = 0;
	if (lifeui_arguments(o, 0, e) != 0)
		return -1;
	doctor_look(&d, &req);
	if (o->json)
		ret = report_json(document(d), e);
	else
		print(d, o->quiet);
	if (ret == 0)
		ret = doctor_exit_status(d);
	doctor_free(&d);
	return ret;
}
