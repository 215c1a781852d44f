#include "enroll/worker_wire.h"

enum {
	KEY_FOUND = 1,
	KEY_SENSITIVE = 2,
	KEY_ALWAYS = 4,
	KEY_EXTRACTABLE = 8,
	KEY_NEVER = 16,
	KEY_LOCAL = 32,
	KEY_EACH_TIME = 64,
	KEY_SHARED = 128
};

void worker_put_token(struct rpc_msg *m, const struct worker_token *t)
{
	rpc_put_u64(m, t->slot);
	rpc_put_str(m, t->reader);
	rpc_put_str(m, t->label);
	rpc_put_str(m, t->manufacturer);
	rpc_put_str(m, t->model);
	rpc_put_str(m, t->serial);
	rpc_put_u32(m, t->flags);
	rpc_put_u32(m, t->pin_min);
	rpc_put_u32(m, t->pin_max);
	rpc_put_u64(m, t->free_bytes);
}

void worker_get_token(struct rpc_msg *m, struct worker_token *t)
{
	t->slot = rpc_get_u64(m);
	rpc_get_str(m, t->reader, sizeof t->reader);
	rpc_get_str(m, t->label, sizeof t->label);
	rpc_get_str(m, t->manufacturer, sizeof t->manufacturer);
	rpc_get_str(m, t->model, sizeof t->model);
	rpc_get_str(m, t->serial, sizeof t->serial);
	t->flags = rpc_get_u32(m);
	t->pin_min = rpc_get_u32(m);
	t->pin_max = rpc_get_u32(m);
	t->free_bytes = rpc_get_u64(m);
}

void worker_put_key(struct rpc_msg *m, const struct worker_key *k)
{
	rpc_put_u32(m, (k->found ? KEY_FOUND : 0u) | (k->sensitive ? KEY_SENSITIVE : 0u) |
			   (k->always_sensitive ? KEY_ALWAYS : 0u) | (k->extractable ? KEY_EXTRACTABLE : 0u) |
			   (k->never_extractable ? KEY_NEVER : 0u) | (k->local ? KEY_LOCAL : 0u) |
			   (k->pin_each_time ? KEY_EACH_TIME : 0u) | (k->shared ? KEY_SHARED : 0u));
	rpc_put_blob(m, &k->spki);
	rpc_put_blob(m, &k->cka_id);
}

void worker_get_key(struct rpc_msg *m, struct worker_key *k)
{
	uint32_t bits = rpc_get_u32(m);
	k->found = (bits & KEY_FOUND) != 0;
	k->sensitive = (bits & KEY_SENSITIVE) != 0;
	k->always_sensitive = (bits & KEY_ALWAYS) != 0;
	k->extractable = (bits & KEY_EXTRACTABLE) != 0;
	k->never_extractable = (bits & KEY_NEVER) != 0;
	k->local = (bits & KEY_LOCAL) != 0;
	k->pin_each_time = (bits & KEY_EACH_TIME) != 0;
	k->shared = (bits & KEY_SHARED) != 0;
	rpc_get_blob(m, &k->spki);
	rpc_get_blob(m, &k->cka_id);
}

enum { PIN_EXISTS = 1, PIN_LOW = 2, PIN_FINAL = 4, PIN_LOCKED = 8, PIN_UNSET = 16 };

void worker_put_pin(struct rpc_msg *m, const struct p11_pin_state *p)
{
	rpc_put_u32(m, (p->exists ? PIN_EXISTS : 0u) | (p->low ? PIN_LOW : 0u) | (p->final ? PIN_FINAL : 0u) |
			   (p->locked ? PIN_LOCKED : 0u) | (p->unset ? PIN_UNSET : 0u));
	rpc_put_u32(m, p->tries >= 0 ? (uint32_t)p->tries + 1 : 0);
	rpc_put_u32(m, p->factory);
}

void worker_get_pin(struct rpc_msg *m, struct p11_pin_state *p)
{
	uint32_t bits = rpc_get_u32(m), tries = rpc_get_u32(m), factory = rpc_get_u32(m);
	p->exists = (bits & PIN_EXISTS) != 0;
	p->low = (bits & PIN_LOW) != 0;
	p->final = (bits & PIN_FINAL) != 0;
	p->locked = (bits & PIN_LOCKED) != 0;
	p->unset = (bits & PIN_UNSET) != 0;
	p->tries = tries > 0 && tries <= 256 ? (int)tries - 1 : -1;
	p->factory = factory <= P11_FACTORY_MAYBE ? (enum p11_factory)factory : P11_FACTORY_UNKNOWN;
}

void worker_put_object(struct rpc_msg *m, const struct p11_listed *o)
{
	rpc_put_u64(m, o->class);
	rpc_put_u32(m, o->private);
	rpc_put_u32(m, o->nobodys);
	rpc_put_u32(m, o->strange);
	rpc_put_blob(m, &o->id);
	rpc_put_str(m, o->label);
	rpc_put_str(m, o->subject);
	rpc_put_u64(m, (uint64_t)o->not_after);
	rpc_put_blob(m, &o->spki);
}

void worker_get_object(struct rpc_msg *m, struct p11_listed *o)
{
	o->class = (CK_OBJECT_CLASS)rpc_get_u64(m);
	o->private = rpc_get_u32(m) != 0;
	o->nobodys = rpc_get_u32(m) != 0;
	o->strange = rpc_get_u32(m) != 0;
	rpc_get_blob(m, &o->id);
	rpc_get_str(m, o->label, sizeof o->label);
	rpc_get_str(m, o->subject, sizeof o->subject);
	o->not_after = (time_t)rpc_get_u64(m);
	rpc_get_blob(m, &o->spki);
}
