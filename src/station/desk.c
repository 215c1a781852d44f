#include "station/desk.h"
#include "core/xalloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1000
#define VALUE_MAX ((size_t)1 << 20)

void desk_put_task(struct rpc_msg *m, const struct desk_task *t)
{
	rpc_put_str(m, t->config_path);
	rpc_put_blob(m, &t->config_text);
	rpc_put_str(m, t->reader);
	rpc_put_str(m, t->serial);
	rpc_put_str(m, t->module);
	hidden_put(m, t->hidden.place, t->hidden.n);
	rpc_put_u32(m, t->verbose);
}

void desk_get_task(struct rpc_msg *m, struct desk_task *ret)
{
	*ret = (struct desk_task){.config_text = BLOB_INIT};
	ret->config_path = rpc_get_strdup(m, PATH_MAX);
	rpc_get_blob(m, &ret->config_text);
	ret->reader = rpc_get_strdup(m, READER_NAME_MAX);
	ret->serial = rpc_get_strdup(m, sizeof((struct worker_token *)0)->serial);
	ret->module = rpc_get_strdup(m, PATH_MAX);
	hidden_get(m, &ret->hidden);
	ret->verbose = rpc_get_u32(m) != 0;
}

void desk_task_free(struct desk_task *t)
{
	free(t->config_path);
	blob_free(&t->config_text);
	free(t->reader);
	free(t->serial);
	free(t->module);
	hidden_free(&t->hidden);
	*t = (struct desk_task){.config_text = BLOB_INIT};
}

/* slot and what a module says of its room are of use only in the process that has the module */
void desk_put_token(struct rpc_msg *m, const struct desk_token *t)
{
	rpc_put_str(m, t->token.reader);
	rpc_put_str(m, t->token.label);
	rpc_put_str(m, t->token.manufacturer);
	rpc_put_str(m, t->token.model);
	rpc_put_str(m, t->token.serial);
	rpc_put_u32(m, t->token.flags);
	rpc_put_str(m, t->id);
	rpc_put_str(m, t->owner);
	rpc_put_u32(m, t->unfinished);
	rpc_put_u32(m, t->renewing);
	rpc_put_u64(m, (uint64_t)t->not_after);
	rpc_put_u64(m, (uint64_t)t->lost);
	rpc_put_u32(m, t->foreign);
	rpc_put_str(m, t->foreign_label);
	rpc_put_u32(m, (uint32_t)t->pin_tries);
}

void desk_get_token(struct rpc_msg *m, struct desk_token *ret)
{
	*ret = (struct desk_token){.pin_tries = -1};
	rpc_get_str(m, ret->token.reader, sizeof ret->token.reader);
	rpc_get_str(m, ret->token.label, sizeof ret->token.label);
	rpc_get_str(m, ret->token.manufacturer, sizeof ret->token.manufacturer);
	rpc_get_str(m, ret->token.model, sizeof ret->token.model);
	rpc_get_str(m, ret->token.serial, sizeof ret->token.serial);
	ret->token.flags = rpc_get_u32(m);
	rpc_get_str(m, ret->id, sizeof ret->id);
	rpc_get_str(m, ret->owner, sizeof ret->owner);
	ret->unfinished = rpc_get_u32(m) != 0;
	ret->renewing = rpc_get_u32(m) != 0;
	ret->not_after = (time_t)rpc_get_u64(m);
	ret->lost = (time_t)rpc_get_u64(m);
	ret->foreign = rpc_get_u32(m);
	rpc_get_str(m, ret->foreign_label, sizeof ret->foreign_label);
	ret->pin_tries = (int)rpc_get_u32(m);
}

void desk_put_order(struct rpc_msg *m, const struct desk_order *o)
{
	rpc_put_str(m, o->user);
	rpc_put_u32(m, o->key_type);
	rpc_put_u32(m, o->pin);
	rpc_put_u32(m, o->undo);
	rpc_put_u32(m, o->replace);
	rpc_put_u32(m, o->init);
	rpc_put_u32(m, o->keep_factory_pins);
	rpc_put_u32(m, o->replace_pin);
	rpc_put_u32(m, o->new_pin_kept);
	rpc_put_u32(m, o->pin_given);
	rpc_put_u32(m, o->so_pin_given);
	rpc_put_u32(m, o->pin_replaced);
	rpc_put_u32(m, o->keeps_pin);
	rpc_put_u32(m, (uint32_t)o->n_names);
	for (size_t i = 0; i < o->n_names; i++) {
		rpc_put_str(m, o->names[i].name);
		rpc_put_str(m, o->names[i].value);
	}
}

void desk_get_order(struct rpc_msg *m, struct desk_order *ret)
{
	*ret = (struct desk_order){.user = ""};
	rpc_get_str(m, ret->user, sizeof ret->user);
	uint32_t key_type = rpc_get_u32(m), pin = rpc_get_u32(m);
	m->bad = m->bad || key_type >= KEYTYPE_COUNT || pin >= CONFIG_PINS_COUNT;
	ret->key_type = (enum keytype)key_type;
	ret->pin = (enum config_pins)pin;
	ret->undo = rpc_get_u32(m) != 0;
	ret->replace = rpc_get_u32(m) != 0;
	ret->init = rpc_get_u32(m) != 0;
	ret->keep_factory_pins = rpc_get_u32(m) != 0;
	ret->replace_pin = rpc_get_u32(m) != 0;
	ret->new_pin_kept = rpc_get_u32(m) != 0;
	ret->pin_given = rpc_get_u32(m) != 0;
	ret->so_pin_given = rpc_get_u32(m) != 0;
	ret->pin_replaced = rpc_get_u32(m) != 0;
	ret->keeps_pin = rpc_get_u32(m) != 0;
	uint32_t n = rpc_get_u32(m);
	m->bad = m->bad || n > NAMES_MAX;
	ret->names = xcalloc(m->bad ? 1 : n + 1, sizeof *ret->names);
	for (uint32_t i = 0; !m->bad && i < n; i++) {
		struct config_name *name = &ret->names[ret->n_names++];
		name->name = rpc_get_strdup(m, VALUE_MAX);
		name->value = rpc_get_strdup(m, VALUE_MAX);
		name->literal = true;
	}
}

void desk_order_free(struct desk_order *o)
{
	for (size_t i = 0; i < o->n_names; i++) {
		free(o->names[i].name);
		free(o->names[i].value);
	}
	free(o->names);
	*o = (struct desk_order){.user = ""};
}

void desk_put_ask(struct rpc_msg *m, const struct desk_ask *a)
{
	rpc_put_u32(m, a->what);
	rpc_put_str(m, a->rule);
	rpc_put_u32(m, a->min);
	rpc_put_u32(m, a->max);
	rpc_put_u32(m, a->multiple);
	rpc_put_u32(m, a->alphabet);
	rpc_put_u32(m, (uint32_t)a->n_factory);
	for (size_t i = 0; i < a->n_factory; i++)
		rpc_put_str(m, a->factory[i]);
}

void desk_get_ask(struct rpc_msg *m, struct desk_ask *ret)
{
	uint32_t what = rpc_get_u32(m);
	m->bad = m->bad || what >= DESK_SECRET_COUNT;
	ret->what = (enum desk_secret)what;
	rpc_get_str(m, ret->rule, sizeof ret->rule);
	ret->min = rpc_get_u32(m);
	ret->max = rpc_get_u32(m);
	ret->multiple = rpc_get_u32(m);
	uint32_t alphabet = rpc_get_u32(m);
	m->bad = m->bad || alphabet >= PROFILE_ALPHABET_COUNT || ret->multiple == 0;
	ret->alphabet = (enum profile_alphabet)alphabet;
	ret->n_factory = rpc_get_u32(m);
	m->bad = m->bad || ret->n_factory > DESK_FACTORY_MAX;
	for (size_t i = 0; !m->bad && i < ret->n_factory; i++)
		rpc_get_str(m, ret->factory[i], sizeof ret->factory[i]);
}

void desk_put_done(struct rpc_msg *m, const struct desk_done *d)
{
	rpc_put_u32(m, d->err.code);
	rpc_put_str(m, d->err.what);
	rpc_put_str(m, d->err.native);
	rpc_put_str(m, d->err.next);
	rpc_put_u32(m, d->crl_published);
	rpc_put_u32(m, d->again);
	rpc_put_u32(m, d->left);
	rpc_put_str(m, d->token.manufacturer);
	rpc_put_str(m, d->token.model);
	rpc_put_str(m, d->token.serial);
	rpc_put_str(m, d->token.label);
	rpc_put_str(m, d->cert_serial);
}

void desk_get_done(struct rpc_msg *m, struct desk_done *ret)
{
	*ret = (struct desk_done){.err = ERR_INIT};
	uint32_t code = rpc_get_u32(m);
	m->bad = m->bad || code >= ERR_CODE_COUNT;
	ret->err.code = (enum err_code)code;
	rpc_get_str(m, ret->err.what, sizeof ret->err.what);
	rpc_get_str(m, ret->err.native, sizeof ret->err.native);
	rpc_get_str(m, ret->err.next, sizeof ret->err.next);
	ret->crl_published = rpc_get_u32(m) != 0;
	ret->again = rpc_get_u32(m) != 0;
	ret->left = rpc_get_u32(m) != 0;
	rpc_get_str(m, ret->token.manufacturer, sizeof ret->token.manufacturer);
	rpc_get_str(m, ret->token.model, sizeof ret->token.model);
	rpc_get_str(m, ret->token.serial, sizeof ret->token.serial);
	rpc_get_str(m, ret->token.label, sizeof ret->token.label);
	rpc_get_str(m, ret->cert_serial, sizeof ret->cert_serial);
}
