/*
 * tokenroll pin [USER]: another PIN for a token, by whoever knows the old one.
 * tokenroll unblock [USER]: one without the old PIN, by SO PIN or PUK.
 */
#include "lifeui.h"

#include <jansson.h>

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_pins *pins = result;
	json_t *doc = lifeui_json(u, error);
	json_object_set_new(doc, "before", lifeui_pin_json(&pins->before[PROFILE_PIN]));
	json_object_set_new(doc, "after", lifeui_pin_json(&pins->after[PROFILE_PIN]));
	return doc;
}

static void print_done(const struct lifeui *u, const struct life_pins *pins, const char *done)
{
	char before[80], after[80];
	lifeui_pin_text(&pins->before[PROFILE_PIN], before, sizeof before);
	lifeui_pin_text(&pins->after[PROFILE_PIN], after, sizeof after);
	lifeui_print("Token %s%s%s has a new PIN%s.", u->life.token.serial, u->life.owner[0] != '\0' ? " of " : "",
		     u->life.owner, done);
	if (before[0] != '\0' || after[0] != '\0')
		printf("  before       %s\n  now          %s\n", before[0] != '\0' ? before : "not known",
		       after[0] != '\0' ? after : "no try spent");
}

static void print_changed(const struct lifeui *u, const void *result)
{
	print_done(u, result, "");
}

static void print_unblocked(const struct lifeui *u, const void *result)
{
	print_done(u, result, ", and all its tries");
}

static int change(struct lifeui *u, void *result, struct err *e)
{
	return life_open(&u->life, false, e) != 0 || life_check_lost(&u->life, e) != 0 ? -1
										       : life_pin(&u->life, result, e);
}

static int unblock(struct lifeui *u, void *result, struct err *e)
{
	return life_open(&u->life, false, e) != 0 || life_check_lost(&u->life, e) != 0
		   ? -1
		   : life_unblock(&u->life, result, e);
}

static int run(const struct lifeui_verb *v, const struct options *o, struct err *e)
{
	struct life_pins pins = {.before = {{.tries = -1}}, .after = {{.tries = -1}}};
	if (lifeui_arguments(o, 1, e) != 0)
		return -1;
	return lifeui_run(v, o, o->n_args == 1 ? o->args[0] : NULL, &pins, e);
}

int cmd_pin(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {change, document, print_changed};
	return run(&verb, o, e);
}

int cmd_unblock(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {unblock, document, print_unblocked};
	return run(&verb, o, e);
}
