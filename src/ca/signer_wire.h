/*
 * signer_wire: the calls between signer.c (parent) and signer_main.c (child),
 * and how a certificate travels.
 */
#ifndef CA_SIGNER_WIRE_H
#define CA_SIGNER_WIRE_H

#include "ca/signer.h"

enum signer_op {
	SIGNER_OPEN = RPC_TYPE_FIRST_CALL,
	SIGNER_UNLOCK,
	SIGNER_SUBJECT,
	SIGNER_FIND,
	SIGNER_ISSUE,
	SIGNER_CHECK,
	SIGNER_SETTLE,
	SIGNER_REVOKED,
	SIGNER_PUBLISH,
	SIGNER_REPLACEABLE,
	SIGNER_ATTEST,
	SIGNER_REVOKE,
	SIGNER_CHECKPOINT,
	SIGNER_CHECKPOINT_CHECK,
	SIGNER_RENEWABLE,
	SIGNER_KNOWN,
	SIGNER_REVOKE_SERIAL,
	SIGNER_CRL,
	SIGNER_PUBLISH_FRESH,
	SIGNER_PUBLISHED,
	SIGNER_CRL_STATE,
	SIGNER_SERVER,
	SIGNER_ADMIT, /* with a socket: another parent's calls */
	SIGNER_JOIN,  /* that one's first call; answered as SIGNER_OPEN */
	SIGNER_DERIVE,
	SIGNER_LOOK = RPC_TYPE_FIRST_CALL + 64, /* look.h */
	SIGNER_ROWS,
	SIGNER_DETAILS,
	SIGNER_GROUND = RPC_TYPE_FIRST_CALL + 80, /* create.h */
	SIGNER_CREATE,
};

/* The parent's handle. */
struct signer {
	struct rpc_peer *peer;
	int timeout_ms;
	unsigned published; /* when it was joined */
};

#define SIGNER_PATH_BYTES_MAX 4096
#define SIGNER_TYPED_BYTES_MAX \
	4096 /* what a person typed: its own check says what is wrong with one that is too long */

/* An empty path means that the configuration has none; what is read is to be freed. */
void signer_put_config(struct rpc_msg *m, const struct config_ca *cfg);
void signer_get_config(struct rpc_msg *m, struct config_ca *ret);
void signer_config_free(struct config_ca *cfg);

void signer_put_certificate(struct rpc_msg *m, const struct ca_certificate *c);
void signer_put_issued(struct rpc_msg *m, const struct ca_issued *i);
void signer_get_certificate(struct rpc_msg *m, struct ca_certificate *ret);
void signer_put_checkpoint(struct rpc_msg *m, const struct ca_checkpoint *c);
void signer_get_checkpoint(struct rpc_msg *m, struct ca_checkpoint *ret);

void signer_put_hsm(struct rpc_msg *m, const struct ca_hsm_info *h);
void signer_get_hsm(struct rpc_msg *m, struct ca_hsm_info *ret);
void signer_put_known(struct rpc_msg *m, const struct ca_known *k);
void signer_get_known(struct rpc_msg *m, struct ca_known *ret);
void signer_put_crl(struct rpc_msg *m, const struct ca_crl *c);
void signer_get_crl(struct rpc_msg *m, struct ca_crl *ret);
void signer_put_served(struct rpc_msg *m, const struct ca_crl_served *s);
void signer_get_served(struct rpc_msg *m, struct ca_crl_served *ret);

#endif
