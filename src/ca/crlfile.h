/*
 * crlfile: the CRLs in a file in PEM form (RFC 7468, section 6), one after the
 * other and byte for byte, so that what cannot be understood can be kept.
 */
#ifndef CA_CRLFILE_H
#define CA_CRLFILE_H

#include "ca/certlist.h"
#include "core/blob.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* A CRL with the text above it, or the text behind the last one. Points into the file. */
struct crlfile_block {
	const char *text;
	size_t len;
	bool is_crl;          /* it has the mark of one */
	struct certlist *crl; /* NULL: it is none, or damaged */
};

/* Whether there is anything in the file that may be a CRL. */
bool crlfile_has_any(const struct blob *file);

/* The next block, as a whole also where the end of one or the end of a line is missing. *pos begins at 0; the caller
 * frees ret->crl. Returns false behind the last one. */
bool crlfile_next(const struct blob *file, size_t *pos, struct crlfile_block *ret);

/* Whether a VPN server can read the entries, too; crl is not NULL. */
bool crlfile_is_whole(const struct crlfile_block *b);

/* Whether what can be read of a damaged one names this issuer. */
bool crlfile_names(const struct crlfile_block *b, const X509_NAME *issuer);

#endif
