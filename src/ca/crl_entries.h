/*
 * crl_entries: revokedCertificates of a CRL (RFC 5280, 5.1.2.6), from the rows
 * of index.txt. Each entry is OpenSSL's; only one object of it exists at a
 * time.
 */
#ifndef CA_CRL_ENTRIES_H
#define CA_CRL_ENTRIES_H

#include "ca/index.h"
#include "core/blob.h"

/* All revoked rows, in the order of their serial numbers, one DER after the other. ERR_CA_PKI names a row whose third
 * column openssl would not understand, either. */
int crl_entries(struct blob *ret, const struct index *ix, struct err *e);

#endif
