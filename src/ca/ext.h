/*
 * ext: the extensions of a client certificate, from easy-rsa's x509-types
 * COMMON and client, read by OpenSSL's configuration reader.
 */
#ifndef CA_EXT_H
#define CA_EXT_H

#include "ca/pki.h"

/*
 * Adds them to cert, whose subject, issuer and public key are set. $ENV:: in those files reaches easy-rsa's own
 * settings and nothing else. A request has no part in it. ERR_CA_PKI if the files cannot be read, name an
 * extension twice, or make a CA of a client.
 */
int ext_add(X509 *cert, const struct ca *ca, const char *user, struct err *e);

#endif
