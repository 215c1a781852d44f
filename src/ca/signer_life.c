/*
 * signer_life: the parent's side of the calls about certificates of whoever,
 * and about the CRL.
 */
#include "ca/signer_impl.h"
#include "ca/signer_wire.h"
#include "core/xalloc.h"

#include <stdlib.h>

#define KNOWN_MAX 256
#define STATE_MS 30000

/* The rest of an answer that is a list. */
static int take_known(struct rpc_msg *out, struct ca_known **ret, size_t *ret_n, struct err *e)
{
	size_t n = rpc_get_u32(out);
	if (n > KNOWN_MAX)
		return signer_bad_answer(e);
	struct ca_known *list = n > 0 ? xcalloc(n, sizeof *list) : NULL;
	for (size_t i = 0; i < n; i++)
		signer_get_known(out, &list[i]);
	if (!rpc_msg_done(out)) {
		free(list);
		return signer_bad_answer(e);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int signer_known(struct signer *s, const char *name, const char *serial, struct ca_known **ret, size_t *ret_n,
		 struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_KNOWN);
	rpc_put_str(&in, name);
	rpc_put_str(&in, serial);
	int status = signer_call(s, &in, &out, e);
	if (status == 0)
		status = take_known(&out, ret, ret_n, e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_revoke_serial(struct signer *s, const char *serial, const char *reason, bool any_kind, bool *ret_already,
			 struct ca_known *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_known known = {.serial = ""};
	bool already = false;
	rpc_msg_reset(&in, SIGNER_REVOKE_SERIAL);
	rpc_put_str(&in, serial);
	rpc_put_str(&in, reason);
	rpc_put_u32(&in, any_kind);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		already = rpc_get_u32(&out) != 0;
		signer_get_known(&out, &known);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0) {
		*ret_already = already;
		*ret = known;
	}
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_crl(struct signer *s, struct ca_crl *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_crl crl = {.path = ""};
	rpc_msg_reset(&in, SIGNER_CRL);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		signer_get_crl(&out, &crl);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		*ret = crl;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_publish_fresh(struct signer *s, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_PUBLISH_FRESH);
	return signer_call_empty(s, &in, e);
}

int signer_published(struct signer *s, bool *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_PUBLISHED);
	int status = signer_call(s, &in, &out, e);
	bool more = status == 0 && rpc_get_u32(&out) != s->published;
	if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	if (status == 0)
		*ret = more;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_crl_state(const struct config_ca *cfg, bool verbose, struct ca_crl_state *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_crl_state state = {.fault = CA_CRL_FINE};
	struct rpc_peer *peer = NULL;
	rpc_msg_reset(&in, SIGNER_CRL_STATE);
	rpc_put_str(&in, cfg->pki);
	rpc_put_str(&in, cfg->cert);
	rpc_put_str(&in, cfg->crl);
	rpc_put_str(&in, cfg->chain);
	int status = rpc_peer_start(&peer, "signer", verbose, e);
	if (status == 0)
		status = rpc_call(peer, &in, &out, STATE_MS, e);
	if (status == 0) {
		uint32_t fault = rpc_get_u32(&out);
		signer_get_crl(&out, &state.crl);
		signer_get_served(&out, &state.served);
		state.fault = (enum ca_crl_fault)fault;
		status = rpc_msg_done(&out) && fault < CA_CRL_FAULT_COUNT ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		*ret = state;
	rpc_peer_stop(&peer);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}
