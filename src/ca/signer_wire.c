#include "ca/signer_wire.h"

#include <string.h>

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
