/*
 * certificate: making a client certificate, and reading and writing the files
 * in which easy-rsa keeps certificates.
 */
#ifndef CA_CERTIFICATE_H
#define CA_CERTIFICATE_H

#include "ca/pki.h"

struct cert_order {
	const char *user;
	const char *serial; /* uppercase hex */
	X509_REQ *req;      /* checked by policy.h; its subject and public key are taken, nothing else */
	long days;          /* 0: the CA's own */
};

/* Makes and signs. *ret_shortened says that it would have outlived the CA. */
int certificate_make(X509 **ret, bool *ret_shortened, const struct ca *ca, const struct cert_order *o, struct err *e);

/* The file as `openssl ca` writes it: a text dump, then PEM. */
int certificate_text(struct blob *ret, X509 *cert, struct err *e);

/* Reads the first certificate of a file or text in PEM, or one in DER. Returns NULL if there is none; *e (may be NULL)
 * says why. */
X509 *certificate_read(const char *path, struct err *e);
X509 *certificate_parse(const struct blob *in);

int certificate_describe(struct ca_certificate *ret, X509 *cert, struct err *e);

/* Uppercase hex, even length, to be freed. */
char *certificate_serial(const X509 *cert);

/* Whether it was signed by this CA, for this name and key. */
bool certificate_is_ours(X509 *cert, const struct ca *ca, const char *user, EVP_PKEY *pubkey);

/* Whether it may be used by a TLS client; one without extendedKeyUsage may. */
bool certificate_is_client(X509 *cert);

/* The digest the CA signs with: EASYRSA_DIGEST, none for keys that bring their own. ERR_CA_PKI. */
int certificate_digest(const EVP_MD **ret, const struct ca *ca, struct err *e);

time_t certificate_not_after(const X509 *cert);

#endif
