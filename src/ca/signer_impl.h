/*
 * signer_impl: what the files of the parent's handle on the signer share.
 */
#ifndef CA_SIGNER_IMPL_H
#define CA_SIGNER_IMPL_H

#include "ca/signer_wire.h"

/* Sends in, reads the answer into out; both are freed by the caller. */
int signer_call(struct signer *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e);

int signer_bad_answer(struct err *e);

/* Sends in, which is freed; the answer has no fields. */
int signer_call_empty(struct signer *s, struct rpc_msg *in, struct err *e);

/* Sends in, which is freed, and takes a yes or a no; *ret is set only when that is the whole answer. */
int signer_call_yes_no(struct signer *s, struct rpc_msg *in, bool *ret, struct err *e);

/* What a call may take. */
int signer_timeout_ms(const struct config_ca *cfg);

/* signer_start, for one that begins with another call. */
int signer_start_as(struct signer **ret, enum signer_op op, const struct config_ca *cfg, bool verbose,
		    rpc_note_fn *note, void *note_arg, struct err *e);

/* The ends of calls whose answer is one certificate, or what came of issuing one. */
int signer_take_certificate(struct rpc_msg *out, struct ca_certificate *ret, struct err *e);
int signer_take_issued(struct rpc_msg *out, struct ca_issued *ret, struct err *e);

#endif
