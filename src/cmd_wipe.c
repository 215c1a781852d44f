/*
 * tokenroll wipe: an empty token, and no certificate that was on it is good
 * any more.
 */
#include "lifeui.h"
#include "report.h"

#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	lifeui_may_publish(u);
	return life_open(&u->life, false, e) != 0 ? -1 : life_wipe(&u->life, result, e);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_wiped *w = result;
	json_t *doc = lifeui_json(u, error), *revoked = json_array();
	for (size_t i = 0; i < w->n_revoked; i++)
		json_array_append_new(revoked, json_string(w->revoked[i]));
	json_object_set_new(doc, "destroyed", lifeui_destroyed_json(w->destroyed, w->unseen));
	json_object_set_new(doc, "reset", json_boolean(w->reset));
	json_object_set_new(doc, "revoked", revoked);
	return doc;
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_wiped *w = result;
	lifeui_print("Token %s (%s) is empty.", u->life.token.serial, u->life.token.model);
	lifeui_print_destroyed(w->destroyed, w->unseen);
	for (size_t i = 0; i < w->n_revoked; i++)
		printf("  revoked      %s, cessationOfOperation\n", w->revoked[i]);
	if (w->factory)
		puts("  note         it has the factory's PIN and PUK: the next enrollment changes them");
	else if (w->reset)
		puts("  note         it has no PIN now: the next enrollment sets one, with its SO PIN");
}

int cmd_wipe(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_wiped wiped = {.destroyed = 0};
	if (lifeui_arguments(o, 0, e) != 0)
		return -1;
	if (o->serial == NULL) {
		err_set(e, ERR_USAGE, "which token is to be emptied? Name it with --serial");
		if (o->json)
			report_error_json(e);
		return err_next(e, "`tokenroll tokens` shows what is plugged in");
	}
	int got = lifeui_run(&verb, o, NULL, &wiped, e);
	life_wiped_free(&wiped);
	return got;
}
