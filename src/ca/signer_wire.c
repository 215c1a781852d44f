#include "ca/signer_wire.h"

void signer_put_certificate(struct rpc_msg *m, const struct ca_certificate *c)
{
	rpc_put_str(m, c->serial);
	rpc_put_u64(m, (uint64_t)c->not_before);
	rpc_put_u64(m, (uint64_t)c->not_after);
	rpc_put_blob(m, &c->der);
	rpc_put_blob(m, &c->spki);
}

void signer_get_certificate(struct rpc_msg *m, struct ca_certificate *ret)
{
	rpc_get_str(m, ret->serial, sizeof ret->serial);
	ret->not_before = (time_t)rpc_get_u64(m);
	ret->not_after = (time_t)rpc_get_u64(m);
	rpc_get_blob(m, &ret->der);
	rpc_get_blob(m, &ret->spki);
}
