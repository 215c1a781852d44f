#include "handover/pinletter_wire.h"

#include "core/xalloc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 20)
#define NAMES_MAX 4000

#define TEXT(field) offsetof(struct pinletter_facts, field)

static const size_t texts[] = {
    TEXT(user),        TEXT(name),         TEXT(department),  TEXT(language),
    TEXT(token_label), TEXT(token_serial), TEXT(token_model), TEXT(token_manufacturer),
};

#define N_TEXTS (sizeof texts / sizeof *texts)

void pinletter_put_facts(struct rpc_msg *m, const struct pinletter_facts *f)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		rpc_put_str(m, *(const char *const *)((const char *)f + texts[i]));
	rpc_put_u64(m, (uint64_t)f->not_after);
	rpc_put_u32(m, (uint32_t)f->n_names);
	for (size_t i = 0; i < f->n_names; i++) {
		rpc_put_str(m, f->names[i].name);
		rpc_put_str(m, f->names[i].value);
	}
}

static void get_names(struct rpc_msg *m, struct pinletter_facts *ret)
{
	size_t n = rpc_get_u32(m);
	if (n > NAMES_MAX) {
		m->bad = true;
		n = 0;
	}
	struct pinletter_name *names = xcalloc(n + 1, sizeof *names);
	for (size_t i = 0; i < n; i++) {
		names[i].name = rpc_get_strdup(m, TEXT_MAX);
		names[i].value = rpc_get_strdup(m, TEXT_MAX);
	}
	ret->names = names;
	ret->n_names = n;
}

void pinletter_get_facts(struct rpc_msg *m, struct pinletter_facts *ret)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		*(char **)((char *)ret + texts[i]) = rpc_get_strdup(m, TEXT_MAX);
	ret->not_after = (time_t)rpc_get_u64(m);
	get_names(m, ret);
}

void pinletter_free_facts(struct pinletter_facts *f)
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		char **text = (char **)((char *)f + texts[i]);
		free(*text);
		*text = NULL;
	}
	/* they are ours; their types say that nobody else changes them */
	for (size_t i = 0; i < f->n_names; i++) {
		void *name = NULL, *value = NULL;
		memcpy(&name, &f->names[i].name, sizeof name);
		memcpy(&value, &f->names[i].value, sizeof value);
		free(name);
		free(value);
	}
	void *names = NULL;
	memcpy(&names, &f->names, sizeof names);
	free(names);
	f->names = NULL;
	f->n_names = 0;
}

void pinletter_put_outcome(struct rpc_msg *m, const struct pinletter_outcome *o)
{
	rpc_put_u32(m, o->state);
	rpc_put_str(m, o->file);
	rpc_put_u32(m, o->unreadable);
	rpc_put_u32(m, o->why.code);
	rpc_put_str(m, o->why.what);
	rpc_put_str(m, o->why.native);
	rpc_put_str(m, o->why.next);
}

void pinletter_get_outcome(struct rpc_msg *m, struct pinletter_outcome *ret)
{
	uint32_t state = rpc_get_u32(m);
	rpc_get_str(m, ret->file, sizeof ret->file);
	ret->unreadable = rpc_get_u32(m) != 0;
	uint32_t code = rpc_get_u32(m);
	rpc_get_str(m, ret->why.what, sizeof ret->why.what);
	rpc_get_str(m, ret->why.native, sizeof ret->why.native);
	rpc_get_str(m, ret->why.next, sizeof ret->why.next);
	if (state > PINLETTER_WAITS || code >= ERR_CODE_COUNT)
		m->bad = true;
	ret->state = (enum pinletter_state)state;
	ret->why.code = (enum err_code)code;
}
