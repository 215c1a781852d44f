#include "ca/certificate.h"

#include "ca/ext.h"
#include "ca/subject.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CERT_FILE_MAX ((size_t)1 << 20)
#define DAY 86400
#define ALGORITHM_MAX 256

X509_ALGOR *certificate_algorithm(EVP_PKEY *key, const EVP_MD *md)
{
	unsigned char der[ALGORITHM_MAX];
	const unsigned char *p = der;
	OSSL_PARAM id[] = {OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der, sizeof der), OSSL_PARAM_END};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *sign = NULL;
	bool known = ctx != NULL && EVP_DigestVerifyInit(ctx, &sign, md, NULL, key) == 1 &&
		     EVP_PKEY_CTX_get_params(sign, id) == 1 && id[0].return_size <= sizeof der;
	X509_ALGOR *ret = known ? d2i_X509_ALGOR(NULL, &p, (long)id[0].return_size) : NULL;
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* By the public half, which is OpenSSL's own also where the private one is on an HSM. */
int certificate_digest(const EVP_MD **ret, const struct ca *ca, struct err *e)
{
	char own[64];
	EVP_PKEY *key = X509_get0_pubkey(ca->cert);
	const char *name = ca->vars->value[VAR_DIGEST];
	if (EVP_PKEY_get_default_digest_name(key, own, sizeof own) == 2 && strcmp(own, "UNDEF") == 0) {
		*ret = NULL; /* EdDSA */
		return 0;
	}
	*ret = EVP_get_digestbyname(name);
	X509_ALGOR *algorithm = *ret != NULL ? certificate_algorithm(key, *ret) : NULL;
	if (algorithm != NULL) {
		X509_ALGOR_free(algorithm);
		return 0;
	}
	err_openssl(e, ERR_CA_PKI, "EASYRSA_DIGEST is \"%s\", which is no digest that %s", name,
		    *ret == NULL ? "OpenSSL has" : "the CA key signs certificates with");
	return err_next(e, "set it to sha256, sha384 or sha512 in %s",
			ca->vars->file != NULL ? ca->vars->file : "vars");
}

static time_t to_time(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

time_t certificate_not_after(const X509 *cert)
{
	return to_time(X509_get0_notAfter(cert));
}

/* EASYRSA_FIX_OFFSET: from New Year of this year, for whole years and that many days. */
static void fixed_period(const struct vars *v, time_t now, time_t *ret_from, time_t *ret_to)
{
	struct tm tm;
	gmtime_r(&now, &tm);
	struct tm new_year = {.tm_year = tm.tm_year, .tm_mday = 1};
	*ret_from = timegm(&new_year);
	*ret_to = *ret_from + (v->cert_days / 365 * 365 + v->fix_offset) * DAY;
}

static int set_period(X509 *cert, bool *ret_shortened, const struct ca *ca, const struct cert_order *o, struct err *e)
{
	time_t now = time(NULL), from = now, to, end = ca->not_after;
	long days = o->days > 0 ? o->days : ca->days;
	if (days == 0 && ca->vars->fix_offset > 0)
		fixed_period(ca->vars, now, &from, &to);
	else
		to = now + (days > 0 ? days : ca->vars->cert_days) * DAY;
	if (to <= now)
		return err_set(e, ERR_CA_PKI,
			       "by EASYRSA_CERT_EXPIRE and EASYRSA_FIX_OFFSET certificates have expired already");
	if (end <= now) /* of a CA above, accept.h tells */
		end = certificate_not_after(ca->cert);
	if (end <= now)
		return err_set(e, ERR_CA_PKI, "the CA certificate has expired");
	*ret_shortened = to > end;
	if (ASN1_TIME_set(X509_getm_notBefore(cert), from) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(cert), to > end ? end : to) == NULL)
		return err_openssl(e, ERR_CA_FAILED, "cannot set the validity of the certificate");
	return 0;
}

static int set_serial(X509 *cert, const char *hex)
{
	BIGNUM *bn = NULL;
	int ok = BN_hex2bn(&bn, hex) > 0 && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok ? 0 : -1;
}

int certificate_fill(X509 **ret, bool *ret_shortened, const struct ca *ca, const struct cert_order *o, struct err *e)
{
	X509 *cert = X509_new();
	if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert, o->serial) != 0 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) != 1 ||
	    X509_set_subject_name(cert, o->subject) != 1 || X509_set_pubkey(cert, o->pubkey) != 1) {
		err_openssl(e, ERR_CA_FAILED, "cannot make a certificate for %s", o->user);
	} else if (set_period(cert, ret_shortened, ca, o, e) == 0 && ext_add(cert, ca, o->kind, o->user, e) == 0) {
		*ret = cert;
		return 0;
	}
	X509_free(cert);
	return -1;
}

int certificate_make(X509 **ret, bool *ret_shortened, const struct ca *ca, const struct cert_order *o, struct err *e)
{
	X509 *cert = NULL;
	const EVP_MD *md = NULL;
	if (certificate_digest(&md, ca, e) != 0 || certificate_fill(&cert, ret_shortened, ca, o, e) != 0)
		return -1;
	if (X509_sign(cert, ca->key, md) <= 0) {
		X509_free(cert);
		err_openssl(e, ERR_CA_FAILED, "the CA key could not sign the certificate for %s", o->user);
		return ca_hsm_blame(ca, e);
	}
	*ret = cert;
	return 0;
}

int certificate_text(struct blob *ret, X509 *cert, struct err *e)
{
	BIO *b = BIO_new(BIO_s_mem());
	const char *data;
	int status = -1;
	if (b != NULL && X509_print(b, cert) == 1 && PEM_write_bio_X509(b, cert) == 1) {
		long n = BIO_get_mem_data(b, &data);
		blob_set(ret, data, (size_t)n);
		status = 0;
	} else {
		err_openssl(e, ERR_CA_FAILED, "cannot write the certificate as text");
	}
	BIO_free(b);
	return status;
}

X509 *certificate_parse(const struct blob *in)
{
	if (in->len > 0 && in->len <= CERT_FILE_MAX && in->data[0] == 0x30) { /* SEQUENCE: DER */
		const unsigned char *p = in->data;
		X509 *cert = d2i_X509(NULL, &p, (long)in->len);
		if (cert != NULL && p == in->data + in->len)
			return cert;
		X509_free(cert);
	}
	BIO *b = in->len <= CERT_FILE_MAX ? BIO_new_mem_buf(in->data, (int)in->len) : NULL;
	X509 *cert = b != NULL ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	BIO_free(b);
	return cert;
}

X509 *certificate_read(const char *path, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(path, CERT_FILE_MAX, &text, e) != 0)
		return NULL;
	X509 *cert = certificate_parse(&text);
	blob_free(&text);
	if (cert == NULL)
		err_openssl(e, ERR_CA_PKI, "%s is not a certificate in PEM form, or is damaged", path);
	return cert;
}

char *certificate_serial(const X509 *cert)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn != NULL && !BN_is_zero(bn) ? BN_bn2hex(bn) : NULL;
	char *ret = xstrdup(hex != NULL ? hex : "00");
	OPENSSL_free(hex);
	BN_free(bn);
	return ret;
}

int certificate_describe(struct ca_certificate *ret, X509 *cert, struct err *e)
{
	unsigned char *der = NULL, *spki = NULL;
	int n_der = i2d_X509(cert, &der), n_spki = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
	char *serial = certificate_serial(cert);
	int status = 0;
	if (n_der > 0 && n_spki > 0 && strlen(serial) < sizeof ret->serial) {
		memcpy(ret->serial, serial, strlen(serial) + 1);
		ret->not_before = to_time(X509_get0_notBefore(cert));
		ret->not_after = certificate_not_after(cert);
		blob_set(&ret->der, der, (size_t)n_der);
		blob_set(&ret->spki, spki, (size_t)n_spki);
	} else {
		status = err_openssl(e, ERR_CA_FAILED, "cannot encode the certificate with the serial %s", serial);
	}
	free(serial);
	OPENSSL_free(der);
	OPENSSL_free(spki);
	return status;
}

bool certificate_is_ours(X509 *cert, const struct ca *ca, const char *user, EVP_PKEY *pubkey)
{
	EVP_PKEY *own = X509_get0_pubkey(cert), *issuer = X509_get0_pubkey(ca->cert);
	bool ours = own != NULL && EVP_PKEY_eq(own, pubkey) == 1 && subject_has_cn(X509_get_subject_name(cert), user) &&
		    X509_verify(cert, issuer) == 1;
	ERR_clear_error();
	return ours;
}

bool certificate_is_client(X509 *cert)
{
	return X509_check_ca(cert) == 0 && (X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT) != 0;
}
