/*
 * cvc: card verifiable certificates and the requests for them (BSI TR-03110-3, appendix C), as the SmartCard-HSM gives
 * them out: its own certificate, and a request for each key it makes.
 */
#ifndef CARDS_CVC_H
#define CARDS_CVC_H

#include "crypt.h"

/* The value of a public key object (7F49): wanted is one as a request to make a key has it; key's numbers are put
 * in, and the domain of a curve is kept. */
int cvc_put_public_key(struct buf *out, struct bytes wanted, EVP_PKEY *key);

/* A certificate (7F21) for an EC key on a curve that its user knows, signed by issuer. car and chr name issuer and
 * holder. */
int cvc_put_certificate(struct buf *out, struct bytes car, struct bytes chr, EVP_PKEY *key, EVP_PKEY *issuer);

/* An authenticated request (67) for a key: public_key is the value of its 7F49; signed by the key, and by the device
 * whose holder reference is outer. */
int cvc_put_request(struct buf *out, struct bytes car, struct bytes chr, struct bytes public_key, EVP_PKEY *key,
		    struct bytes outer, EVP_PKEY *device);

#endif
