#include "ca/signer_impl.h"

int signer_checkpoint(struct signer *s, struct ca_checkpoint *c, struct blob *ret_cms, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_checkpoint made = {.record = 0};
	struct blob cms = BLOB_INIT;
	rpc_msg_reset(&in, SIGNER_CHECKPOINT);
	signer_put_checkpoint(&in, c);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		signer_get_checkpoint(&out, &made);
		rpc_get_blob(&out, &cms);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0) {
		*c = made;
		blob_take(ret_cms, cms.data, cms.len);
	} else {
		blob_free(&cms);
	}
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_checkpoint_check(struct signer *s, const struct blob *cms, struct ca_checkpoint *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_checkpoint c = {.record = 0};
	rpc_msg_reset(&in, SIGNER_CHECKPOINT_CHECK);
	rpc_put_blob(&in, cms);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		signer_get_checkpoint(&out, &c);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		*ret = c;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}
