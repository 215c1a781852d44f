/*
 * signer_impl: what the files of the parent's handle on the signer share.
 */
#ifndef CA_SIGNER_IMPL_H
#define CA_SIGNER_IMPL_H

#include "ca/signer_wire.h"

/* Sends in, reads the answer into out; both are freed by the caller. */
int signer_call(struct signer *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e);

int signer_bad_answer(struct err *e);

#endif
