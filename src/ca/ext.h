/*
 * ext: the extensions of a certificate, from easy-rsa's x509-types COMMON and
 * client, or server, read by OpenSSL's configuration reader.
 */
#ifndef CA_EXT_H
#define CA_EXT_H

#include "ca/pki.h"

/*
 * Adds them to cert, whose subject, issuer and public key are set. $ENV:: in those files reaches easy-rsa's own
 * settings and nothing else. A request has no part in it. A server's name is also its subjectAltName, unless
 * EASYRSA_EXTRA_EXTS gives one, as easyrsa has it. ERR_CA_PKI if the files cannot be read, name an
 * extension twice, or make a CA of it.
 */
int ext_add(X509 *cert, const struct ca *ca, enum ca_kind kind, const char *user, struct err *e);

/* The name of easy-rsa's certificate type. */
const char *ext_type(enum ca_kind kind);

#endif
