/*
 * certificate: making a certificate, and reading and writing the files
 * in which easy-rsa keeps certificates.
 */
#ifndef CA_CERTIFICATE_H
#define CA_CERTIFICATE_H

#include "ca/pki.h"

struct cert_order {
	const char *user;
	enum ca_kind kind;        /* CA_CLIENT or CA_SERVER */
	const char *serial;       /* uppercase hex */
	const X509_NAME *subject; /* these two are of a request that was checked by policy.h */
	EVP_PKEY *pubkey;
	long days; /* 0: the CA's own */
};

/* All but the signature. *ret_shortened says that it would have outlived the CA. */
int certificate_fill(X509 **ret, bool *ret_shortened, const struct ca *ca, const struct cert_order *o, struct err *e);

/* Makes and signs. */
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

/* The digest the CA signs with: EASYRSA_DIGEST, none for keys that bring their own. ERR_CA_PKI if OpenSSL does not have
 * it, or not for this CA's key. */
int certificate_digest(const EVP_MD **ret, const struct ca *ca, struct err *e);

/* The AlgorithmIdentifier of what the private half of this public key signs with this digest (RFC 5280, 4.1.1.2); NULL
 * if it cannot, or there is none. */
X509_ALGOR *certificate_algorithm(EVP_PKEY *key, const EVP_MD *md);

time_t certificate_not_after(const X509 *cert);

#endif
