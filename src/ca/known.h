/*
 * known: what the PKI knows of a certificate, for whoever wants to revoke it:
 * its row in index.txt, and the certificate where a file has it. One whose row
 * was lost, to a restored backup or to an easy-rsa without a lock, is known by
 * the file: it is as good to a VPN server as any other.
 */
#ifndef CA_KNOWN_H
#define CA_KNOWN_H

#include "ca/pki.h"

/* What it is good for; a client's if cert is NULL. */
enum ca_kind known_kind(X509 *cert);

/* The certificate with this serial from the PKI's files, whether or not index.txt has a row of it, if this CA has
 * signed it, for this user where one is named (else NULL). NULL if there is none. */
X509 *known_lost(const struct ca *ca, const char *user, const char *serial);

/* Fills all but on_crl. */
void known_fill(const struct ca *ca, const struct index_row *row, struct ca_known *ret);

#endif
