#include "handover/courier_wire.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* more than a token, a user name or a certificate chain can be */
#define TEXT_MAX ((size_t)1 << 20)

#define TEXT(field) offsetof(struct handover_facts, field)

static const size_t texts[] = {
    TEXT(user),
    TEXT(token_manufacturer),
    TEXT(token_model),
    TEXT(token_serial),
    TEXT(token_label),
    TEXT(key_type),
    TEXT(cert_serial),
    TEXT(ca_pem),
    TEXT(clients[PLATFORM_LINUX].module),
    TEXT(clients[PLATFORM_LINUX].pkcs11_id),
    TEXT(clients[PLATFORM_WINDOWS].module),
    TEXT(clients[PLATFORM_WINDOWS].pkcs11_id),
    TEXT(clients[PLATFORM_MACOS].module),
    TEXT(clients[PLATFORM_MACOS].pkcs11_id),
    TEXT(remarks[HANDOVER_EN][HANDOVER_TOKEN]),
    TEXT(remarks[HANDOVER_EN][HANDOVER_INSERT]),
    TEXT(remarks[HANDOVER_EN][HANDOVER_PIN]),
    TEXT(remarks[HANDOVER_EN][HANDOVER_INSTALL]),
    TEXT(remarks[HANDOVER_DE][HANDOVER_TOKEN]),
    TEXT(remarks[HANDOVER_DE][HANDOVER_INSERT]),
    TEXT(remarks[HANDOVER_DE][HANDOVER_PIN]),
    TEXT(remarks[HANDOVER_DE][HANDOVER_INSTALL]),
    TEXT(remarks[HANDOVER_RU][HANDOVER_TOKEN]),
    TEXT(remarks[HANDOVER_RU][HANDOVER_INSERT]),
    TEXT(remarks[HANDOVER_RU][HANDOVER_PIN]),
    TEXT(remarks[HANDOVER_RU][HANDOVER_INSTALL]),
};

#define N_TEXTS (sizeof texts / sizeof *texts)

void courier_put_facts(struct rpc_msg *m, const struct handover_facts *f)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		rpc_put_str(m, *(const char *const *)((const char *)f + texts[i]));
	rpc_put_u64(m, (uint64_t)f->issued);
	rpc_put_u64(m, (uint64_t)f->not_after);
	rpc_put_u32(m, f->pin_each_time);
}

void courier_get_facts(struct rpc_msg *m, struct handover_facts *ret)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		*(char **)((char *)ret + texts[i]) = rpc_get_strdup(m, TEXT_MAX);
	ret->issued = (time_t)rpc_get_u64(m);
	ret->not_after = (time_t)rpc_get_u64(m);
	ret->pin_each_time = rpc_get_u32(m) != 0;
}

void courier_free_facts(struct handover_facts *f)
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		char **text = (char **)((char *)f + texts[i]);
		free(*text);
		*text = NULL;
	}
}

bool courier_same_facts(const struct handover_facts *a, const struct handover_facts *b)
{
	bool same = a->issued == b->issued && a->not_after == b->not_after && a->pin_each_time == b->pin_each_time;
	for (size_t i = 0; same && i < N_TEXTS; i++)
		same = strcmp(*(const char *const *)((const char *)a + texts[i]),
			      *(const char *const *)((const char *)b + texts[i])) == 0;
	return same;
}

void courier_put_names(struct rpc_msg *m, const struct config *cfg)
{
	uint32_t n = 0;
	for (size_t i = 0; i < cfg->n_names; i++)
		n += cfg->names[i].literal;
	rpc_put_u32(m, n);
	for (size_t i = 0; i < cfg->n_names; i++) {
		if (!cfg->names[i].literal)
			continue;
		rpc_put_str(m, cfg->names[i].name);
		rpc_put_str(m, cfg->names[i].value);
	}
}

int courier_get_names(struct rpc_msg *m, struct config *cfg, struct err *e)
{
	int ret = 0;
	for (uint32_t n = rpc_get_u32(m); ret == 0 && !m->bad && n > 0; n--) {
		char *name = rpc_get_strdup(m, TEXT_MAX), *value = rpc_get_strdup(m, TEXT_MAX);
		if (!m->bad)
			ret = config_add_name(cfg, name, value, e);
		free(name);
		free(value);
	}
	return ret;
}
