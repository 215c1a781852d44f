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

/*
 * Judges a token's proof for a key by the configuration; *ret_attested is as signer_attest's. ERR_CA_REFUSED for one
 * that does not fit, if there are roots to judge by, and for none if the configuration requires one.
 */
int policy_check_proof(const struct ca *ca, const char *user, EVP_PKEY *key, const struct ca_proof *proof,
		       char ret_attested[CA_ATTESTED_MAX], struct err *e);

/* Names that cannot be used because easy-rsa uses their files for itself. ERR_CA_REFUSED. */
int policy_check_name(const char *user, struct err *e);

#endif
