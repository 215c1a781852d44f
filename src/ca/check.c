/*
 * check: ca_check, a certificate that was signed elsewhere by this CA, and ca_attest, what a token says of its key.
 */
#include "ca/accept.h"
#include "ca/certificate.h"
#include "ca/pki.h"
#include "ca/policy.h"
#include "ca/subject.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define DER_SEQUENCE 0x30

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

/* What an admin may have taken for the certificate. */
struct kind {
	const char *label; /* the end of the one in its PEM header (RFC 7468); NULL: found in DER only */
	const char *what, *next;
};

static const char get_again[] = "get it again from the CA: it was not copied as a whole";
static const char its_certificate[] = "name the file with its certificate, which the CA has made of the request";

static const struct kind request = {
    "CERTIFICATE REQUEST", "but a certificate request",
    "have it signed by the CA, and name the file with the certificate that comes of it"};
static const struct kind pkcs7 = {"PKCS7", "but a PKCS#7 file",
				  "take the certificate out of it: openssl pkcs7 -print_certs -in FILE"};
static const struct kind pkcs12 = {NULL, "but a PKCS#12 file",
				   "take the certificate out of it: openssl pkcs12 -nokeys -in FILE"};
static const struct kind key = {"PRIVATE KEY", "but a private key", its_certificate};
static const struct kind public_key = {"PUBLIC KEY", "but a public key", its_certificate};
static const struct kind crl = {"X509 CRL", "but a CRL", its_certificate};
static const struct kind damaged = {"CERTIFICATE", "or is damaged", get_again};
static const struct kind empty = {NULL, "it is empty", get_again};
static const struct kind unknown = {NULL, "neither PEM nor DER", its_certificate};

static const struct kind *kind_by_label(const struct blob *file)
{
	static const struct kind *const kinds[] = {&request, &pkcs7, &key, &public_key, &crl, &damaged, NULL};
	static const char begin[] = "-----BEGIN ", dashes[] = "-----";
	const char *end = (const char *)file->data + file->len;
	const char *p = memmem(file->data, file->len, begin, sizeof begin - 1);
	const char *close =
	    p != NULL ? memmem(p + sizeof begin - 1, (size_t)(end - p) - (sizeof begin - 1), dashes, sizeof dashes - 1)
		      : NULL;
	for (size_t i = 0; close != NULL && kinds[i] != NULL; i++) {
		size_t n = strlen(kinds[i]->label);
		if ((size_t)(close - p) >= n && memcmp(close - n, kinds[i]->label, n) == 0)
			return kinds[i];
	}
	return NULL;
}

static const struct kind *kind_by_content(const struct blob *file)
{
	const unsigned char *p = file->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)file->len);
	p = file->data;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)file->len);
	p = file->data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)file->len);
	const struct kind *ret = req != NULL ? &request : p7 != NULL ? &pkcs7 : p12 != NULL ? &pkcs12 : &damaged;
	X509_REQ_free(req);
	PKCS7_free(p7);
	PKCS12_free(p12);
	return ret;
}

static int no_certificate(const struct blob *file, struct err *e)
{
	const struct kind *k = file->len == 0 ? &empty : kind_by_label(file);
	if (k == NULL)
		k = file->data[0] == DER_SEQUENCE ? kind_by_content(file) : &unknown;
	ERR_clear_error();
	err_set(e, ERR_CERT_MISMATCH, "it is no certificate, %s", k->what);
	return err_next(e, "%s", k->next);
}

int ca_check(struct ca *ca, const char *user, const struct blob *spki, const struct blob *cert,
	     struct ca_certificate *ret, struct err *e)
{
	if (ca->index != NULL && index_refresh(ca->index, e) != 0)
		return -1;
	X509 *x = certificate_parse(cert);
	if (x == NULL)
		return no_certificate(cert, e);
	ERR_clear_error();
	const char *fault = fault_of(x, ca, user, spki);
	int status = fault != NULL ? mismatch(e, user, fault) : accept_check(x, ca, CA_CLIENT, user, true, e);
	if (fault == NULL && status != 0 && e != NULL)
		e->code = ERR_CERT_MISMATCH;
	if (status == 0)
		status = certificate_describe(ret, x, e);
	X509_free(x);
	return status;
}

int ca_attest(struct ca *ca, const char *user, const struct blob *spki, const struct ca_proof *proof,
	      char ret_attested[CA_ATTESTED_MAX], struct err *e)
{
	const unsigned char *p = spki->data;
	EVP_PKEY *pubkey = d2i_PUBKEY(NULL, &p, (long)spki->len);
	int status = -1;
	if (pubkey == NULL || p != spki->data + spki->len)
		err_openssl(e, ERR_CA_REFUSED, "the request of %s is refused: its public key cannot be read", user);
	else
		status = policy_check_proof(ca, user, pubkey, proof, ret_attested, e);
	EVP_PKEY_free(pubkey);
	return status;
}
