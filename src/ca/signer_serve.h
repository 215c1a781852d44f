/*
 * signer_serve: the signer process's handlers of the calls about certificates
 * of whoever, and about the CRL; the others are in signer_main.c.
 */
#ifndef CA_SIGNER_SERVE_H
#define CA_SIGNER_SERVE_H

#include "ca/ca.h"
#include "ca/create.h"
#include "ca/hsm.h"
#include "core/rpc.h"

struct signer_state {
	struct ca *ca;                  /* NULL before the PKI is open; the first, for look_serve.c */
	struct ca_info info;            /* of ca, as it was opened */
	bool locked;                    /* the memory, as far as that was possible */
	struct ca_creation *creation;   /* of one that is not there yet */
	const struct ca_hsm_port *port; /* NULL in the ordinary signer */
};

/* signer_main.c: fills *e for a call that cannot be read, returns -1; the open PKI. */
int signer_bad_call(struct err *e);
int signer_the_ca(const struct rpc_server *s, struct ca **ret, struct err *e);

rpc_handler_fn signer_op_known, signer_op_revoke_serial, signer_op_crl, signer_op_publish_fresh, signer_op_published,
    signer_op_crl_state, signer_op_server;

/* signer_main.c: what is known of the open PKI. */
void signer_put_info(struct rpc_msg *out, const struct ca_info *info);

/* signer_share.c */
rpc_handler_fn signer_op_admit, signer_op_join, signer_op_derive;

/* create_serve.c */
rpc_handler_fn signer_op_ground, signer_op_create;
void signer_note(void *arg, const char *text);

#endif
