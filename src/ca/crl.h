/*
 * crl: the certificate revocation list (RFC 5280, section 5), version 2, made
 * from index.txt, so that what easy-rsa has revoked is on it.
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include "ca/pki.h"

/* Whether this CA's CRLs are worth anything: ERR_CA_PKI if the keyUsage of its certificate leaves cRLSign out. A VPN
 * server that has such a CRL accepts nobody any more (RFC 5280, 6.3.3 (f)). */
int crl_check(const struct ca *ca, struct err *e);

/*
 * Makes a fresh CRL, puts it at PKI/crl.pem and publishes it (publish.h). That it could not be published is not an
 * error of this; ca_publish tries again and says so. Needs the key; called under the lock. ret may be NULL.
 */
int crl_make(struct ca *ca, struct ca_crl *ret, struct err *e);

#endif
