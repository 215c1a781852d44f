/*
 * known: what the PKI knows of a certificate, for whoever wants to revoke it:
 * its row in index.txt, and the certificate where a file has it.
 */
#ifndef CA_KNOWN_H
#define CA_KNOWN_H

#include "ca/pki.h"

/* What it is good for; a client's if cert is NULL. */
enum ca_kind known_kind(X509 *cert);

/* Fills all but on_crl. */
void known_fill(const struct ca *ca, const struct index_row *row, struct ca_known *ret);

#endif
