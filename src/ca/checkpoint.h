/*
 * checkpoint: the CA's word on where a company's audit trail stood: a small
 * text in CMS SignedData (RFC 5652), signed by the CA's key.
 *
 *   tokenroll audit checkpoint 1
 *   database: ca1:/var/lib/tokenroll/tokenroll.db
 *   record: 4711
 *   hash: 9F86D081…                   SHA-256 of that record, see store/audit.h
 *   time: 2026-11-25T09:46:40Z        when it was signed
 *
 * The text is made here, from its parts, and the signature is over signed
 * attributes: so no caller gets anything signed that could be a certificate.
 */
#ifndef CA_CHECKPOINT_H
#define CA_CHECKPOINT_H

#include "ca/ca.h"

/* See the signer_ functions of these names. */
int ca_checkpoint(struct ca *ca, struct ca_checkpoint *c, struct blob *ret_cms, struct err *e);
int ca_checkpoint_check(struct ca *ca, const struct blob *file, struct ca_checkpoint *ret, struct err *e);

#endif
