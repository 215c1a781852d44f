#include "enroll/same.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void same_identify(const struct worker_token *t, const struct profile *p, struct store_token *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret->manufacturer, t->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, t->model, sizeof ret->model);
	memcpy(ret->label, t->label, sizeof ret->label);
	snprintf(ret->serial, sizeof ret->serial, "%s%s%s", t->serial, p->serial_shared ? "/" : "",
		 p->serial_shared ? t->label : "");
}

void same_recall(const struct store_token *id, struct worker_token *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret->manufacturer, id->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, id->model, sizeof ret->model);
	memcpy(ret->label, id->label, sizeof ret->label);
	const char *slash = strchr(id->serial, '/');
	bool shared = slash != NULL && strcmp(slash + 1, id->label) == 0;
	int n = (int)(shared ? slash - id->serial : (long)strlen(id->serial));
	snprintf(ret->serial, sizeof ret->serial, "%.*s", n, id->serial);
}

bool same_is(const struct worker_token *t, const struct profile *p, const struct store_token *id)
{
	struct store_token is;
	same_identify(t, p, &is);
	return strcmp(is.serial, id->serial) == 0 && strcmp(is.model, id->model) == 0 &&
	       strcmp(is.manufacturer, id->manufacturer) == 0;
}

static bool has_serial(const struct worker_token *t, const char *serial)
{
	char with_label[sizeof t->serial + sizeof t->label];
	snprintf(with_label, sizeof with_label, "%s/%s", t->serial, t->label);
	return strcasecmp(t->serial, serial) == 0 || strcasecmp(with_label, serial) == 0;
}

bool same_is_called(const struct worker_token *t, const char *serial, const char *reader, const char *label)
{
	return (serial == NULL || has_serial(t, serial)) && (reader == NULL || strcmp(t->reader, reader) == 0) &&
	       (label == NULL || strcmp(t->label, label) == 0);
}

/* How much speaks for its being the same one; 0: nothing does. */
static int likeness(const struct worker_token *is, const struct worker_token *t, const struct profile *p)
{
	bool label = strcmp(is->label, t->label) == 0, slot = is->slot == t->slot;
	if (!worker_same_token(is, t) || (p->serial_shared && !label))
		return 0;
	return 1 + (label ? 2 : 0) + (slot ? 1 : 0);
}

const struct worker_token *same_find(const struct worker_token *list, size_t n, const struct worker_token *t,
				     const struct profile *p)
{
	const struct worker_token *found = NULL;
	int most = 0;
	for (size_t i = 0; i < n; i++) {
		int like = likeness(&list[i], t, p);
		if (like != 0 && like == most)
			found = NULL;
		if (like > most) {
			most = like;
			found = &list[i];
		}
	}
	return found;
}
