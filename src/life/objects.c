#include "life/objects.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

int life_is_ours(struct life *l, const struct store_token *id, const struct p11_listed *o, bool *ret, struct err *e)
{
	*ret = false;
	return o->nobodys || o->strange ? 0 : l->ports->store.is_ours(l->store, id, &o->id, &o->spki, ret, e);
}

static int mark_ours(struct life *l, struct life_objects *o, struct err *e)
{
	o->ours = xcalloc(o->n, sizeof *o->ours);
	for (size_t i = 0; i < o->n; i++) {
		o->n_somebodys += !o->list[i].nobodys;
		if (life_is_ours(l, &l->id, &o->list[i], &o->ours[i], e) != 0)
			return -1;
	}
	return 0;
}

int life_list_objects(struct life *l, const struct store_token *id, struct worker *w, struct p11_listed **ret,
		      size_t *ret_n, struct err *e)
{
	struct blob known = BLOB_INIT;
	int got = l->ports->store.certificates(l->store, id, &known, e);
	if (got == 0)
		got = l->ports->token.ours(w, &known, e);
	if (got == 0)
		got = l->ports->token.objects(w, ret, ret_n, e);
	blob_free(&known);
	return got;
}

int life_objects_read(struct life *l, bool login, struct secret *pin, struct life_objects *ret, struct err *e)
{
	const struct enroll_token_port *token = &l->ports->token;
	bool has_pin = (l->token.flags & (WORKER_TOKEN_INITIALIZED | WORKER_TOKEN_NO_PIN)) == WORKER_TOKEN_INITIALIZED;
	*ret = (struct life_objects){.all_seen = login || !has_pin};
	/* to be able to write, because on some tokens a session that cannot stands in the way of the SO */
	char *turn = xasprintf("%s" WORKER_TURN_SUFFIX, l->cfg->store_path);
	int got = token->open(l->worker, &l->token, turn, e);
	free(turn);
	if (got == 0 && login)
		got = token->login(l->worker, false, life_pin_on_pad(l) ? NULL : pin, l->opt->last_try, e);
	if (got == 0)
		got = life_list_objects(l, &l->id, l->worker, &ret->list, &ret->n, e);
	if (got == 0)
		got = mark_ours(l, ret, e);
	if (got != 0)
		life_objects_free(ret);
	return got;
}

void life_objects_free(struct life_objects *o)
{
	p11_listed_free(&o->list, o->n);
	free(o->ours);
	o->ours = NULL;
	o->n = 0;
}

static const char *name_of(const struct p11_listed *o)
{
	return o->subject[0] != '\0' ? o->subject : o->label;
}

void life_objects_text(const struct life *l, const struct life_objects *o, char *ret, size_t size)
{
	size_t ours = 0, foreign = 0, n = 0;
	char names[160] = "";
	for (size_t i = 0; i < o->n; i++) {
		ours += o->ours[i];
		if (o->ours[i] || o->list[i].nobodys)
			continue;
		foreign++;
		size_t len = strlen(names);
		const char *name = name_of(&o->list[i]);
		if (name[0] != '\0' && strstr(names, name) == NULL && len + 40 < sizeof names)
			snprintf(names + len, sizeof names - len, "%s%.32s", len != 0 ? ", " : "", name);
	}
	*ret = '\0';
	if (ours != 0)
		n += (size_t)snprintf(ret, size, "%zu object%s of %s", ours, ours == 1 ? "" : "s",
				      l->owner[0] != '\0' ? l->owner : "an earlier enrollment");
	if (foreign != 0 && n < size)
		n += (size_t)snprintf(ret + n, size - n, "%s%zu that tokenroll did not make%s%s%s", n != 0 ? "; " : "",
				      foreign, names[0] != '\0' ? " (" : "", names, names[0] != '\0' ? ")" : "");
	if (!o->all_seen && n < size)
		n += (size_t)snprintf(ret + n, size - n, "%swhat cannot be seen without the PIN", n != 0 ? "; " : "");
	if (n == 0)
		snprintf(ret, size, "no objects");
}
