/*
 * tokenroll escrow show: SO PIN and PUK of a token that are kept for the day
 * they are needed, for another tool than this one.
 */
#include "core/day.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

struct shown {
	struct life_escrowed *list;
	size_t n;
};

static int work(struct lifeui *u, void *result, struct err *e)
{
	struct shown *s = result;
	return life_escrow_show(&u->life, &s->list, &s->n, e);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct shown *s = result;
	json_t *doc = lifeui_json(u, error), *values = json_array();
	for (size_t i = 0; i < s->n; i++) {
		const struct life_escrowed *v = &s->list[i];
		char day[DAY_SIZE];
		day_format(day, v->created);
		json_array_append_new(values, json_pack("{s:s, s:s, s:s, s:o}", "kind", escrow_kind_name(v->kind),
							"state", escrow_state_name(v->state), "created", day, "value",
							json_stringn(v->value->bytes, v->value->len)));
	}
	json_object_set_new(doc, "serial", report_json_text(u->o->serial));
	json_object_set_new(doc, "escrow", values);
	return doc;
}

static void print(const struct lifeui *u, const void *result)
{
	static const char *const said[ESCROW_STATE_COUNT] = {
	    [ESCROW_PENDING] = "was sent but never confirmed: the token may have it",
	    [ESCROW_CONFIRMED] = "the token has it",
	    [ESCROW_REPLACED] = "the token had it until it was reset",
	};
	const struct shown *s = result;
	lifeui_print("In escrow of token %s:", u->life.token.serial);
	for (size_t i = 0; i < s->n; i++) {
		const struct life_escrowed *v = &s->list[i];
		char day[DAY_SIZE];
		day_format(day, v->created);
		printf("  %-12s %s, %s\n", v->kind == ESCROW_PUK ? "PUK" : "SO PIN", day, said[v->state]);
		fflush(stdout);
		(void)report_secret(STDOUT_FILENO, "               ", v->value);
	}
}

static int check(const struct options *o, struct err *e)
{
	if (o->n_args == 0 || strcmp(o->args[0], "show") != 0)
		return err_set(e, ERR_USAGE, "what is to be done with what is in escrow? Say: tokenroll escrow show");
	if (o->serial == NULL)
		return err_set(e, ERR_USAGE, "of which token? Name it with --serial");
	return o->recovery_key != NULL
		   ? 0
		   : err_set(e, ERR_USAGE,
			     "only a recovery key opens it: name its file, or the pkcs11: URI of the one on "
			     "your token, with --recovery-key");
}

int cmd_escrow(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct shown shown = {NULL, 0};
	if (check(o, e) != 0) {
		if (o->json)
			report_error_json(e);
		return -1;
	}
	int got = lifeui_arguments(o, 1, e) != 0 ? -1 : lifeui_run(&verb, o, NULL, &shown, e);
	life_escrowed_free(&shown.list, shown.n);
	return got;
}
