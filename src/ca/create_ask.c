/*
 * create_ask: the calls of create.h in the parent.
 */
#include "ca/create.h"
#include "ca/signer_impl.h"

int signer_ground(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		  struct ca_ground *ret_ground, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	struct ca_ground g = {.pki = ""};
	struct signer *s = NULL;
	int status = signer_start_as(&s, SIGNER_GROUND, cfg, verbose, note, note_arg, e);
	if (status == 0)
		status = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (status == 0) {
		rpc_get_str(&out, g.pki, sizeof g.pki);
		g.has_ca = rpc_get_u32(&out) != 0;
		g.has_key = rpc_get_u32(&out) != 0;
		g.needs_passphrase = rpc_get_u32(&out) != 0;
		signer_get_hsm(&out, &g.hsm);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	rpc_msg_free(&out);
	if (status != 0) {
		signer_stop(&s);
		return -1;
	}
	*ret = s;
	*ret_ground = g;
	return 0;
}

/* Of RSA keys on a slow HSM. */
#define CREATE_MS 600000

int signer_create(struct signer *s, const struct ca_plan *plan, struct secret *passphrase, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_CREATE);
	rpc_put_str(&in, plan->name);
	rpc_put_u32(&in, plan->key_type);
	rpc_put_u64(&in, (uint64_t)plan->days);
	rpc_put_u32(&in, plan->last_try);
	if (passphrase != NULL)
		rpc_put_secret(&in, passphrase);
	int status = rpc_call(s->peer, &in, &out, CREATE_MS, e);
	if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_server(struct signer *s, const char *name, struct ca_issued *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_issued issued = {.replaced = ""};
	rpc_msg_reset(&in, SIGNER_SERVER);
	rpc_put_str(&in, name);
	int status = signer_call(s, &in, &out, e);
	if (status == 0)
		status = signer_take_issued(&out, &issued, e);
	if (status == 0)
		*ret = issued;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}
