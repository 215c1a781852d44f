/*
 * accept: whether a VPN server that trusts this CA lets a client's certificate
 * in, and a client that of a server, as OpenSSL in each finds it out (RFC 5280, section 6).
 */
#ifndef CA_ACCEPT_H
#define CA_ACCEPT_H

#include "ca/pki.h"

/*
 * As OpenVPN has it verified: for the purpose of a TLS client or server, with this CA's certificate as the anchor and
 * its constraints, at security level 1. ERR_CA_PKI tells what has to be corrected for the next one. signed_yet is false
 * for one of trial.h: the signature is left out then.
 */
int accept_check(X509 *cert, const struct ca *ca, enum ca_kind kind, const char *user, bool signed_yet, struct err *e);

#endif
