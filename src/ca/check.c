/*
 * check: ca_check, a certificate that was signed elsewhere by this CA.
 */
#include "ca/certificate.h"
#include "ca/pki.h"
#include "ca/subject.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static int mismatch(struct err *e, const char *user, const char *why)
{
	return err_openssl(e, ERR_CERT_MISMATCH, "the certificate is not the one for %s: %s", user, why);
}

static bool has_spki(const X509 *cert, const struct blob *spki)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool same = n > 0 && (size_t)n == spki->len && memcmp(der, spki->data, spki->len) == 0;
	OPENSSL_free(der);
	return same;
}

/* Where the CA's index is at hand. */
static bool is_revoked(const X509 *cert, const struct ca *ca)
{
	struct index_row row;
	char *serial = certificate_serial(cert);
	bool revoked = ca->index != NULL && index_by_serial(ca->index, serial, &row) && row.status == 'R';
	free(serial);
	return revoked;
}

/* The chain is one link: the CA's key has made this signature. The clock is looked at here, in words. */
static const char *fault_of(X509 *cert, const struct ca *ca, const char *user, const struct blob *spki)
{
	if (!has_spki(cert, spki))
		return "it is for another public key than the one on the token";
	if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca->cert)) != 0)
		return "it was issued by another CA than the configured one";
	if (X509_verify(cert, X509_get0_pubkey(ca->cert)) != 1)
		return "its signature is not by the configured CA's key";
	if (!subject_has_cn(X509_get_subject_name(cert), user))
		return "its common name is another one";
	if (!certificate_is_client(cert) || (X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
		return "it is not a client certificate (extendedKeyUsage clientAuth, keyUsage digitalSignature)";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return "it is not valid yet";
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return "it has expired";
	return is_revoked(cert, ca) ? "index.txt says that it is revoked" : NULL;
}

int ca_check(struct ca *ca, const char *user, const struct blob *spki, const struct blob *cert,
	     struct ca_certificate *ret, struct err *e)
{
	if (ca->index != NULL && index_refresh(ca->index, e) != 0)
		return -1;
	X509 *x = certificate_parse(cert);
	if (x == NULL)
		return mismatch(e, user, "it is no certificate, neither in PEM nor in DER");
	ERR_clear_error();
	const char *fault = fault_of(x, ca, user, spki);
	int status = fault != NULL ? mismatch(e, user, fault) : certificate_describe(ret, x, e);
	X509_free(x);
	return status;
}
