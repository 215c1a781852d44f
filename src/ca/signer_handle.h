/*
 * signer_handle: what the files of the parent's side share: signer.c and
 * signer_life.c.
 */
#ifndef CA_SIGNER_HANDLE_H
#define CA_SIGNER_HANDLE_H

#include "ca/signer.h"

/* Sends in, reads the answer into out; both are freed by the caller. */
int signer_call(struct signer *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e);

/* Fills *e for an answer that is not as it should be. Returns -1. */
int signer_bad_answer(struct err *e);

#endif
