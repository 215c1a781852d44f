/*
 * attestation_impl: between attestation.c, the chain and the formats. To add a
 * vendor's: write its format in a file of its own, and enter it in the table
 * of attestation.c.
 */
#ifndef CA_ATTESTATION_IMPL_H
#define CA_ATTESTATION_IMPL_H

#include "ca/attestation.h"

#include <openssl/x509.h>

struct attestation_format {
	const char *name;
	/* Whether a certificate looks like a statement of this vendor's. */
	bool (*is_statement)(const X509 *cert);
	/* Fills all of *ret but format and text from a statement whose chain has been verified. ERR_CA_REFUSED says
	 * what is missing or malformed. */
	int (*read)(struct attestation *ret, const X509 *statement, struct err *e);
	/* Whether a certificate is one that the vendor has put into its devices to sign statements with, whatever it
	 * leaves out. Must be false for every certificate whose private key a user could sign anything with. */
	bool (*is_device)(const X509 *cert);
	const char *roots_advice; /* where its roots are to be had */
};

extern const struct attestation_format attestation_yubico;

/* Verifies the first of certs with the help of the others, see attestation_verify. ERR_CA_REFUSED. */
int attestation_chain_verify(const struct attestation_roots *roots, const struct attestation_format *format,
			     STACK_OF(X509) * certs, struct err *e);

#endif
