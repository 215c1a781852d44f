/*
 * published: what the CA says in PKI/crl.pem beside what the VPN server reads
 * in the file of [ca] crl. That file may hold the CRLs of other CAs as well,
 * of which one may have the same name: a CRL is this CA's if its key has
 * signed it. A damaged one is taken for this CA's if what is left of it names
 * it; any other is kept for whoever can put it right.
 */
#ifndef CA_PUBLISHED_H
#define CA_PUBLISHED_H

#include "ca/certlist.h"
#include "ca/pki.h"

#define CRL_FILE_MAX ((size_t)256 << 20)

struct crls {
	char *made_path;       /* PKI/crl.pem */
	struct blob made_text; /* its content */
	struct blob read_text; /* the published file's, empty if there is none */
	struct certlist *made; /* NULL if there is none to be published */
	struct certlist *read; /* the newest of this CA's in the published file, NULL if there is none */
	struct blob others;    /* all else in there, byte for byte: the CRLs of other CAs */
	struct blob damaged;   /* ... and those that no server can read */
};

#define CRLS_INIT                                                            \
	{                                                                    \
		NULL, BLOB_INIT, BLOB_INIT, NULL, NULL, BLOB_INIT, BLOB_INIT \
	}

/* Needs ca->crl_file. ERR_CA_PKI if PKI/crl.pem is no CRL of this CA; ERR_CA_FAILED if the published file cannot be
 * read, or is something else than CRLs in PEM form: then [ca] crl is wrong and nothing may be written over it. */
int crls_read(struct crls *ret, const struct ca *ca, struct err *e);
void crls_free(struct crls *c);

/* The two halves of crls_read, with made_path set; here what cannot be read is ERR_SYSTEM. */
int crls_read_made(struct crls *c, const struct ca *ca, struct err *e);
int crls_read_published(struct crls *c, const struct ca *ca, struct err *e);

/* Fills all but ret->path. */
void crls_describe(const struct certlist *l, struct ca_crl *ret);

/* Whether the server reads PKI/crl.pem itself, or the same bytes. */
bool crls_same(const struct crls *c, const struct ca *ca);

/* The serial that was revoked last of those under this name that only the CA's CRL has; "" if there is none. */
void crls_missing(const struct crls *c, const struct ca *ca, const char *user, char ret[CA_SERIAL_HEX_MAX]);

/* Whether the server's is older, by CRL number (RFC 5280, 5.2.3) or where one has none by thisUpdate, or is missing. */
bool crls_outdated(const struct crls *c);

#endif
