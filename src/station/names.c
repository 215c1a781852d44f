#include "station/station_impl.h"

#include "core/xalloc.h"

#include <jansson.h>
#include <stdlib.h>

static void add(struct desk_order *o, const char *name, const char *value)
{
	o->names = xrealloc(o->names, o->n_names + 1, sizeof *o->names);
	o->names[o->n_names++] = (struct config_name){.name = xstrdup(name), .value = xstrdup(value), .literal = true};
}

void station_names(const struct station *s, struct desk_order *o, const struct roster_person *p)
{
	add(o, "name", p->name);
	add(o, "email", p->email);
	add(o, "department", p->department);
	add(o, "language", p->language);
	json_t *extra = p->extra != NULL && p->extra[0] != '\0' ? json_loads(p->extra, 0, NULL) : NULL;
	for (size_t i = 0; i < s->set.n_columns; i++) {
		const char *value = json_string_value(json_object_get(extra, s->set.columns[i]));
		add(o, s->set.columns[i], value != NULL ? value : "");
	}
	json_decref(extra);
}
