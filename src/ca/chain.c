#include "ca/chain.h"

#include "ca/certificate.h"
#include "core/file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CA_FILE_MAX ((size_t)1 << 20)
#define DEPTH_MAX 16

void chain_date(char *ret, size_t size, const ASN1_TIME *t)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(ret, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(ret, size, "a date that cannot be read");
}

bool chain_is_root(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
}

static int check_ca_certificate(const struct ca *ca, struct err *e)
{
	char date[64];
	if (X509_check_ca(ca->cert) != 1) {
		err_set(e, ERR_CA_PKI, "%s is not the certificate of a CA", ca->cert_file);
		return err_next(e,
				"its basicConstraints must say CA:TRUE, and its keyUsage, if it has one, keyCertSign");
	}
	if (X509_cmp_current_time(X509_get0_notBefore(ca->cert)) > 0) {
		chain_date(date, sizeof date, X509_get0_notBefore(ca->cert));
		err_set(e, ERR_CA_PKI, "the CA certificate %s is not valid before %s", ca->cert_file, date);
		return err_next(e, "check this computer's clock");
	}
	if (X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0) {
		chain_date(date, sizeof date, X509_get0_notAfter(ca->cert));
		err_set(e, ERR_CA_PKI, "the CA certificate %s expired on %s", ca->cert_file, date);
		return err_next(e, "renew the CA first: nothing that it signs now would be accepted");
	}
	return 0;
}

static bool is_known(const struct ca *ca, const X509 *cert)
{
	bool known = ca->cert != NULL && X509_cmp(ca->cert, cert) == 0;
	for (int i = 0; !known && i < sk_X509_num(ca->above); i++)
		known = X509_cmp(sk_X509_value(ca->above, i), cert) == 0;
	return known;
}

/* The first is the CA's. */
static bool keep(struct ca *ca, X509 *cert)
{
	if (ca->cert != NULL)
		return sk_X509_push(ca->above, cert) > 0;
	ca->cert = cert;
	return true;
}

/* All certificates of a text. Returns how many. */
static size_t take_all(struct ca *ca, const struct blob *text, BIO *out)
{
	BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	X509 *cert;
	size_t n = 0;
	while (in != NULL && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		n++;
		if (is_known(ca, cert) || PEM_write_bio_X509(out, cert) != 1 || !keep(ca, cert))
			X509_free(cert);
	}
	BIO_free(in);
	return n;
}

static int read_file(struct ca *ca, const char *path, const char *what, BIO *out, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(path, CA_FILE_MAX, &text, e) != 0) {
		int missing = errno == ENOENT;
		if (e != NULL)
			e->code = ERR_CA_PKI;
		err_prefix(e, "%s cannot be read", what);
		return missing && ca->cert == NULL
			   ? err_next(e, "was `easyrsa build-ca` run in %s? Else set [ca] pki or cert", ca->pki)
			   : -1;
	}
	int ret = take_all(ca, &text, out) != 0
		      ? 0
		      : err_openssl(e, ERR_CA_PKI, "%s is not a certificate in PEM form, or is damaged", path);
	ERR_clear_error();
	blob_free(&text);
	return ret;
}

/* The one that has signed cert, and of several the one that is valid longest. */
static X509 *issuer_of(const struct ca *ca, X509 *cert)
{
	X509 *ret = NULL;
	for (int i = 0; i < sk_X509_num(ca->above); i++) {
		X509 *up = sk_X509_value(ca->above, i);
		bool signs = X509_check_issued(up, cert) == X509_V_OK && X509_verify(cert, X509_get0_pubkey(up)) == 1;
		if (signs && (ret == NULL || certificate_not_after(up) > certificate_not_after(ret)))
			ret = up;
	}
	ERR_clear_error();
	return ret;
}

/* What the CA signs is good until the first of them ends. */
static time_t end_of(const struct ca *ca)
{
	time_t end = certificate_not_after(ca->cert);
	X509 *cert = ca->cert;
	for (int depth = 0; depth < DEPTH_MAX && cert != NULL && !chain_is_root(cert); depth++) {
		cert = issuer_of(ca, cert);
		if (cert != NULL && certificate_not_after(cert) < end)
			end = certificate_not_after(cert);
	}
	return end;
}

void chain_read_above(struct ca *ca, const struct config_ca *cfg)
{
	BIO *out = BIO_new(BIO_s_mem());
	ca->above = sk_X509_new_null();
	if (out != NULL && ca->above != NULL) {
		(void)read_file(ca, ca->cert_file, "the CA certificate", out, NULL);
		if (cfg->chain != NULL)
			(void)read_file(ca, cfg->chain, "the file of [ca] chain", out, NULL);
	}
	BIO_free(out);
}

int chain_read(struct ca *ca, const struct config_ca *cfg, struct blob *ret_pem, struct err *e)
{
	BIO *out = BIO_new(BIO_s_mem());
	const char *pem;
	ca->above = sk_X509_new_null();
	if (out == NULL || ca->above == NULL) {
		BIO_free(out);
		return err_openssl(e, ERR_CA_FAILED, "no memory for the CA's certificates");
	}
	int ret = read_file(ca, ca->cert_file, "the CA certificate", out, e);
	if (ret == 0 && cfg->chain != NULL)
		ret = read_file(ca, cfg->chain, "the file of [ca] chain", out, e);
	if (ret == 0) {
		long n = BIO_get_mem_data(out, &pem);
		blob_set(ret_pem, pem, (size_t)n);
		ret = check_ca_certificate(ca, e);
	}
	if (ret == 0)
		ca->not_after = end_of(ca);
	BIO_free(out);
	return ret;
}
