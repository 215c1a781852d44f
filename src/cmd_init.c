/*
 * tokenroll init: a token with label, SO PIN and PIN, blank or no longer
 * needed for what it was.
 */
#include "lifeui.h"

#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	return life_open(&u->life, true, e) != 0 ? -1 : life_init(&u->life, result, e);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_setup *s = result;
	json_t *doc = lifeui_json(u, error);
	json_object_set_new(doc, "so_pin_in_escrow", json_boolean(s->so_pin_sealed));
	json_object_set_new(doc, "destroyed", lifeui_destroyed_json(s->destroyed, s->unseen));
	return doc;
}

static const char *name_of(const struct lifeui *u, enum profile_secret which)
{
	return u->life.profile->pin[which].name;
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_setup *s = result;
	lifeui_print("Token %s \"%s\" (%s) is initialized.", u->life.token.serial, u->life.token.label,
		     u->life.token.model);
	if (s->destroyed != 0 || s->unseen)
		lifeui_print_destroyed(s->destroyed, s->unseen);
	if (s->so_pin_sealed)
		puts("  SO PIN       random, in escrow");
	if (s->factory_so_pin || s->factory_puk)
		lifeui_print("  note         still the factory's %s%s%s, which everybody can look up",
			     s->factory_so_pin ? name_of(u, PROFILE_SO_PIN) : "",
			     s->factory_so_pin && s->factory_puk ? " and " : "",
			     s->factory_puk ? name_of(u, PROFILE_PUK) : "");
}

int cmd_init(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_setup setup = {.destroyed = 0};
	return lifeui_arguments(o, 0, e) != 0 ? -1 : lifeui_run(&verb, o, NULL, &setup, e);
}
