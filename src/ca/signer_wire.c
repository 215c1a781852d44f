#include "ca/signer_wire.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 64
#define N_PATHS 8

static void paths_of(struct config_ca *c, char **ret[N_PATHS])
{
	char **const paths[N_PATHS] = {&c->pki,  &c->cert,       &c->chain, &c->key,
				       &c->vars, &c->x509_types, &c->crl,   &c->attestation_roots};
	memcpy(ret, paths, sizeof paths);
}

static void put_list(struct rpc_msg *m, const struct config_list *l)
{
	rpc_put_u32(m, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		rpc_put_str(m, l->text[i]);
}

static void get_list(struct rpc_msg *m, struct config_list *ret)
{
	uint32_t n = rpc_get_u32(m);
	m->bad = m->bad || n > LIST_MAX;
	for (uint32_t i = 0; !m->bad && i < n; i++)
		config_list_add(ret, rpc_get_strdup(m, SIGNER_PATH_BYTES_MAX));
}

void signer_put_config(struct rpc_msg *m, const struct config_ca *cfg)
{
	static const struct hidden_list nothing = {NULL, 0};
	const struct hidden_list *hidden = cfg->hidden != NULL ? cfg->hidden : &nothing;
	struct config_ca c = *cfg;
	char **paths[N_PATHS];
	paths_of(&c, paths);
	for (size_t i = 0; i < N_PATHS; i++)
		rpc_put_str(m, *paths[i]);
	rpc_put_u64(m, (uint64_t)cfg->days);
	rpc_put_u32(m, cfg->key_types);
	rpc_put_u64(m, (uint64_t)cfg->lock_wait);
	rpc_put_u32(m, cfg->require_attestation);
	rpc_put_u32(m, cfg->attestation_pins);
	rpc_put_u32(m, cfg->attestation_touch);
	put_list(m, &cfg->hsm_env);
	put_list(m, &cfg->hsm_writes);
	hidden_put(m, hidden->place, hidden->n);
}

void signer_get_config(struct rpc_msg *m, struct config_ca *ret)
{
	char **paths[N_PATHS];
	*ret = (struct config_ca){.pki = NULL};
	paths_of(ret, paths);
	for (size_t i = 0; i < N_PATHS; i++) {
		char *path = rpc_get_strdup(m, SIGNER_PATH_BYTES_MAX);
		if (path[0] != '\0')
			*paths[i] = path;
		else
			free(path);
	}
	ret->days = (long)rpc_get_u64(m);
	ret->key_types = rpc_get_u32(m);
	ret->lock_wait = (long)rpc_get_u64(m);
	ret->require_attestation = rpc_get_u32(m) != 0;
	ret->attestation_pins = rpc_get_u32(m);
	ret->attestation_touch = rpc_get_u32(m) != 0;
	get_list(m, &ret->hsm_env);
	get_list(m, &ret->hsm_writes);
	ret->hidden = xcalloc(1, sizeof *ret->hidden);
	hidden_get(m, ret->hidden);
}

void signer_config_free(struct config_ca *cfg)
{
	char **paths[N_PATHS];
	paths_of(cfg, paths);
	for (size_t i = 0; i < N_PATHS; i++)
		free(*paths[i]);
	config_list_free(&cfg->hsm_env);
	config_list_free(&cfg->hsm_writes);
	if (cfg->hidden != NULL)
		hidden_free(cfg->hidden);
	free(cfg->hidden);
}

void signer_put_certificate(struct rpc_msg *m, const struct ca_certificate *c)
{
	rpc_put_str(m, c->serial);
	rpc_put_u64(m, (uint64_t)c->not_before);
	rpc_put_u64(m, (uint64_t)c->not_after);
	rpc_put_blob(m, &c->der);
	rpc_put_blob(m, &c->spki);
}

void signer_put_issued(struct rpc_msg *m, const struct ca_issued *i)
{
	rpc_put_u32(m, i->existed);
	rpc_put_u32(m, i->shortened);
	rpc_put_str(m, i->replaced);
	rpc_put_str(m, i->attested);
	signer_put_certificate(m, &i->cert);
}

void signer_get_certificate(struct rpc_msg *m, struct ca_certificate *ret)
{
	rpc_get_str(m, ret->serial, sizeof ret->serial);
	ret->not_before = (time_t)rpc_get_u64(m);
	ret->not_after = (time_t)rpc_get_u64(m);
	rpc_get_blob(m, &ret->der);
	rpc_get_blob(m, &ret->spki);
}

void signer_put_hsm(struct rpc_msg *m, const struct ca_hsm_info *h)
{
	const char *const texts[] = {h->name, h->manufacturer, h->model, h->serial};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		rpc_put_str(m, texts[i]);
	rpc_put_u32(m, h->wants_pin);
	rpc_put_u32(m, h->pin_pad);
	rpc_put_u32(m, h->last_try);
	rpc_put_u32(m, h->fails);
}

void signer_get_hsm(struct rpc_msg *m, struct ca_hsm_info *ret)
{
	rpc_get_str(m, ret->name, sizeof ret->name);
	rpc_get_str(m, ret->manufacturer, sizeof ret->manufacturer);
	rpc_get_str(m, ret->model, sizeof ret->model);
	rpc_get_str(m, ret->serial, sizeof ret->serial);
	ret->wants_pin = rpc_get_u32(m) != 0;
	ret->pin_pad = rpc_get_u32(m) != 0;
	ret->last_try = rpc_get_u32(m) != 0;
	ret->fails = rpc_get_u32(m) != 0;
}

void signer_put_checkpoint(struct rpc_msg *m, const struct ca_checkpoint *c)
{
	rpc_put_str(m, c->database);
	rpc_put_u64(m, c->record);
	rpc_put_bytes(m, c->hash, sizeof c->hash);
	rpc_put_u64(m, (uint64_t)c->time);
}

void signer_get_checkpoint(struct rpc_msg *m, struct ca_checkpoint *ret)
{
	struct blob hash = BLOB_INIT;
	rpc_get_str(m, ret->database, sizeof ret->database);
	ret->record = rpc_get_u64(m);
	rpc_get_blob(m, &hash);
	ret->time = (time_t)rpc_get_u64(m);
	if (hash.len == sizeof ret->hash)
		memcpy(ret->hash, hash.data, sizeof ret->hash);
	else
		m->bad = true;
	blob_free(&hash);
}

void signer_put_known(struct rpc_msg *m, const struct ca_known *k)
{
	rpc_put_str(m, k->serial);
	rpc_put_str(m, k->name);
	rpc_put_str(m, k->subject);
	rpc_put_u32(m, k->kind);
	rpc_put_u64(m, (uint64_t)k->not_after);
	rpc_put_u32(m, k->revoked);
	rpc_put_u32(m, k->on_crl);
	rpc_put_u64(m, (uint64_t)k->when);
	rpc_put_str(m, k->reason);
}

void signer_get_known(struct rpc_msg *m, struct ca_known *ret)
{
	*ret = (struct ca_known){.serial = ""};
	rpc_get_str(m, ret->serial, sizeof ret->serial);
	rpc_get_str(m, ret->name, sizeof ret->name);
	rpc_get_str(m, ret->subject, sizeof ret->subject);
	uint32_t kind = rpc_get_u32(m);
	m->bad = m->bad || kind >= CA_KIND_COUNT;
	ret->kind = (enum ca_kind)kind;
	ret->not_after = (time_t)rpc_get_u64(m);
	ret->revoked = rpc_get_u32(m) != 0;
	ret->on_crl = rpc_get_u32(m) != 0;
	ret->when = (time_t)rpc_get_u64(m);
	rpc_get_str(m, ret->reason, sizeof ret->reason);
}

void signer_put_crl(struct rpc_msg *m, const struct ca_crl *c)
{
	rpc_put_str(m, c->path);
	rpc_put_str(m, c->number);
	rpc_put_u64(m, c->entries);
	rpc_put_u64(m, (uint64_t)c->this_update);
	rpc_put_u64(m, (uint64_t)c->next_update);
}

void signer_get_crl(struct rpc_msg *m, struct ca_crl *ret)
{
	rpc_get_str(m, ret->path, sizeof ret->path);
	rpc_get_str(m, ret->number, sizeof ret->number);
	ret->entries = rpc_get_u64(m);
	ret->this_update = (time_t)rpc_get_u64(m);
	ret->next_update = (time_t)rpc_get_u64(m);
}

void signer_put_served(struct rpc_msg *m, const struct ca_crl_served *s)
{
	rpc_put_str(m, s->closed);
	rpc_put_str(m, s->above);
	rpc_put_u64(m, (uint64_t)s->above_until);
	rpc_put_u64(m, s->lacking);
	rpc_put_str(m, s->lacks);
}

void signer_get_served(struct rpc_msg *m, struct ca_crl_served *ret)
{
	rpc_get_str(m, ret->closed, sizeof ret->closed);
	rpc_get_str(m, ret->above, sizeof ret->above);
	ret->above_until = (time_t)rpc_get_u64(m);
	ret->lacking = rpc_get_u64(m);
	rpc_get_str(m, ret->lacks, sizeof ret->lacks);
}
