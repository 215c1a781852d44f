/*
 * crl: the certificate revocation list (RFC 5280, section 5), version 2, made
 * from index.txt, so that what easy-rsa has revoked is on it.
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include "ca/pki.h"

/*
 * Makes a fresh CRL and puts it at PKI/crl.pem and where the configuration publishes it (0644 if new). A place
 * outside the PKI that cannot be written is a note that says what to copy, not an error.
 */
int crl_publish(struct ca *ca, struct err *e);

#endif
