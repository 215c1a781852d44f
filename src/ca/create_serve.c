/*
 * create_serve: the calls of create.h in the signer process.
 */
#include "ca/signer_serve.h"
#include "ca/signer_wire.h"

#include <stdlib.h>

static void put_ground(struct rpc_msg *m, const struct ca_ground *g)
{
	rpc_put_str(m, g->pki);
	rpc_put_u32(m, g->has_ca);
	rpc_put_u32(m, g->has_key);
	rpc_put_u32(m, g->needs_passphrase);
	signer_put_hsm(m, &g->hsm);
}

int signer_op_ground(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct signer_state *st = s->state;
	struct ca_ground ground = {.pki = ""};
	struct config_ca cfg;
	signer_get_config(in, &cfg);
	int ret =
	    rpc_msg_done(in) && cfg.pki != NULL && st->ca == NULL && st->creation == NULL ? 0 : signer_bad_call(e);
	if (ret == 0)
		ret = ca_ground(&st->creation, &cfg, st->port, signer_note, s, &ground, e);
	if (ret == 0)
		put_ground(out, &ground);
	signer_config_free(&cfg);
	return ret;
}

int signer_op_create(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	const struct signer_state *st = s->state;
	struct ca_plan plan = {.name = NULL};
	(void)out;
	char *name = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX);
	uint32_t type = rpc_get_u32(in);
	plan.name = name;
	plan.days = (long)rpc_get_u64(in);
	plan.last_try = rpc_get_u32(in) != 0;
	bool good = rpc_msg_done(in) && st->creation != NULL && type < KEYTYPE_COUNT &&
		    (KEYTYPE_BIT(type) & CA_ROOT_TYPES) != 0 && plan.days > 0 && plan.days <= 36500;
	plan.key_type = (enum keytype)type;
	int ret =
	    good ? ca_create(st->creation, &plan, in->n_secrets > 0 ? in->secrets[0] : NULL, e) : signer_bad_call(e);
	free(name);
	return ret;
}

int signer_op_server(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char name[CA_USER_MAX];
	struct ca_issued issued = {.replaced = ""};
	struct ca *ca = NULL;
	rpc_get_str(in, name, sizeof name);
	int ret = rpc_msg_done(in) ? config_check_user(name, e) : signer_bad_call(e);
	if (ret == 0)
		ret = signer_the_ca(s, &ca, e);
	if (ret == 0)
		ret = ca_server(ca, name, &issued, e);
	if (ret == 0)
		signer_put_issued(out, &issued);
	ca_certificate_free(&issued.cert);
	return ret;
}
