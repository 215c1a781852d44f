#include "core/config_impl.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct config_name *config_find_name(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_names; i++) {
		if (strcmp(c->names[i].name, name) == 0)
			return &c->names[i];
	}
	return NULL;
}

struct config_name *config_new_name(struct config *c, const char *name)
{
	c->names = xrealloc(c->names, c->n_names + 1, sizeof *c->names);
	struct config_name *ret = &c->names[c->n_names++];
	*ret = (struct config_name){.name = xstrdup(name)};
	return ret;
}

int config_add_name(struct config *c, const char *name, const char *value, struct err *e)
{
	if (!config_is_template_name(name))
		return err_set(e, ERR_CONFIG,
			       "'%s' is not a name for a template: use up to %d letters, digits, _ and -", name,
			       CONFIG_NAME_MAX);
	struct config_name *n = config_find_name(c, name);
	if (n == NULL)
		n = config_new_name(c, name);
	free(n->value);
	n->value = xstrdup(value);
	n->literal = true;
	return 0;
}

static const char *const pins_names[CONFIG_PINS_COUNT] = {
    [CONFIG_PINS_KEEP] = "keep",
    [CONFIG_PINS_RANDOM] = "random",
    [CONFIG_PINS_TYPED] = "typed",
    [CONFIG_PINS_PAD] = "pad",
};

const char *config_pins_name(enum config_pins p)
{
	return pins_names[p];
}

int config_pins_parse(enum config_pins *ret, const char *name, struct err *e)
{
	for (size_t i = 0; i < CONFIG_PINS_COUNT; i++) {
		if (strcmp(pins_names[i], name) == 0) {
			*ret = (enum config_pins)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "'%s' is not one of random, typed, pad, keep", name);
}
