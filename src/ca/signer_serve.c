#include "ca/signer_serve.h"

#include "ca/signer_wire.h"

#include <stdlib.h>

int signer_op_known(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_known *list = NULL;
	struct ca *ca = NULL;
	size_t n = 0;
	char *name = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX), *serial = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX);
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_known(ca, name[0] != '\0' ? name : NULL, serial[0] != '\0' ? serial : NULL, &list, &n, e);
	if (ret == 0)
		rpc_put_u32(out, (uint32_t)n);
	for (size_t i = 0; ret == 0 && i < n; i++)
		signer_put_known(out, &list[i]);
	free(list);
	free(serial);
	free(name);
	return ret;
}

int signer_op_revoke_serial(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_known known = {.serial = ""};
	struct ca *ca = NULL;
	bool already = false;
	char *serial = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX), *reason = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX);
	bool any_kind = rpc_get_u32(in) != 0;
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_revoke_serial(ca, serial, reason, any_kind, &already, &known, e);
	if (ret == 0) {
		rpc_put_u32(out, already);
		signer_put_known(out, &known);
	}
	free(reason);
	free(serial);
	return ret;
}

int signer_op_crl(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_crl crl = {.path = ""};
	struct ca *ca = NULL;
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	if (signer_the_ca(s, &ca, e) != 0 || ca_crl(ca, &crl, e) != 0)
		return -1;
	signer_put_crl(out, &crl);
	return 0;
}

int signer_op_publish_fresh(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca *ca = NULL;
	(void)out;
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	return signer_the_ca(s, &ca, e) != 0 ? -1 : ca_publish_fresh(ca, e);
}

int signer_op_published(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca *ca = NULL;
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	if (signer_the_ca(s, &ca, e) != 0)
		return -1;
	rpc_put_u32(out, ca_published(ca));
	return 0;
}

int signer_op_crl_state(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_crl_state state = {.fault = CA_CRL_FINE};
	struct config_ca cfg = {.pki = NULL};
	(void)s;
	cfg.pki = rpc_get_strdup(in, SIGNER_PATH_BYTES_MAX);
	cfg.cert = rpc_get_strdup(in, SIGNER_PATH_BYTES_MAX);
	cfg.crl = rpc_get_strdup(in, SIGNER_PATH_BYTES_MAX);
	cfg.chain = rpc_get_strdup(in, SIGNER_PATH_BYTES_MAX);
	const struct config_ca given = {.pki = cfg.pki,
					.cert = cfg.cert,
					.crl = cfg.crl[0] != '\0' ? cfg.crl : NULL,
					.chain = cfg.chain[0] != '\0' ? cfg.chain : NULL};
	int ret = rpc_msg_done(in) ? ca_crl_state(&given, &state, e) : signer_bad_call(e);
	if (ret == 0) {
		rpc_put_u32(out, state.fault);
		signer_put_crl(out, &state.crl);
		signer_put_served(out, &state.served);
	}
	free(cfg.chain);
	free(cfg.crl);
	free(cfg.cert);
	free(cfg.pki);
	return ret;
}
