/*
 * signer_serve: the signer process's handlers of the calls about certificates
 * of whoever, and about the CRL; the others are in signer_main.c.
 */
#ifndef CA_SIGNER_SERVE_H
#define CA_SIGNER_SERVE_H

#include "ca/ca.h"
#include "core/rpc.h"

/* signer_main.c: fills *e for a call that cannot be read, returns -1; the open PKI. */
int signer_bad_call(struct err *e);
int signer_the_ca(const struct rpc_server *s, struct ca **ret, struct err *e);

rpc_handler_fn signer_op_known, signer_op_revoke_serial, signer_op_crl, signer_op_publish_fresh, signer_op_published,
    signer_op_crl_state;

#endif
