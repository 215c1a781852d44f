/*
 * policy: which requests the CA takes.
 */
#ifndef CA_POLICY_H
#define CA_POLICY_H

#include "ca/pki.h"

/*
 * Reads a PKCS#10 request (DER, RFC 2986) and checks it: nothing behind it, signed by its own key, exactly the
 * subject that belongs to the user, a key of a type and size the CA accepts, an RSA exponent that is odd and at
 * least 65537, an EC point on its (named) curve. ERR_CA_REFUSED says which of these failed.
 */
int policy_check_request(X509_REQ **ret, const struct ca *ca, const char *user, const struct blob *csr, struct err *e);

/* Names that cannot be used because easy-rsa uses their files for itself. ERR_CA_REFUSED. */
int policy_check_name(const char *user, struct err *e);

#endif
