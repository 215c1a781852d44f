#include "ca/crl.h"

#include "ca/certificate.h"
#include "ca/publish.h"
#include "ca/published.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

/* The words of `openssl ca`; those with a time or an OID behind a second comma are the last three */
static const struct {
	const char *name;
	int code; /* RFC 5280, 5.3.1; 0 is left out */
} reasons[] = {
    {"unspecified", 0},     {"keyCompromise", 1},
    {"CACompromise", 2},    {"affiliationChanged", 3},
    {"superseded", 4},      {"cessationOfOperation", 5},
    {"certificateHold", 6}, {"removeFromCRL", 8},
    {"holdInstruction", 6}, {"keyTime", 1},
    {"CAkeyTime", 2},
};

static int add_reason(X509_REVOKED *r, int code)
{
	if (code == 0)
		return 0;
	ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
	int ok = value != NULL && ASN1_ENUMERATED_set(value, code) == 1 &&
		 X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, value, 0, 0) == 1;
	ASN1_ENUMERATED_free(value);
	return ok ? 0 : -1;
}

/* What stands behind "keyTime," or "holdInstruction,". */
static int add_argument(X509_REVOKED *r, const char *reason, const char *text)
{
	int ok = 0;
	if (strcmp(reason, "holdInstruction") == 0) {
		ASN1_OBJECT *oid = OBJ_txt2obj(text, 0);
		ok = oid != NULL && X509_REVOKED_add1_ext_i2d(r, NID_hold_instruction_code, oid, 0, 0) == 1;
		ASN1_OBJECT_free(oid);
	} else {
		ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_new();
		ok = t != NULL && ASN1_GENERALIZEDTIME_set_string(t, text) == 1 &&
		     X509_REVOKED_add1_ext_i2d(r, NID_invalidity_date, t, 0, 0) == 1;
		ASN1_GENERALIZEDTIME_free(t);
	}
	return ok ? 0 : -1;
}

/* ",reason" or ",reason,argument" */
static int add_reason_text(X509_REVOKED *r, char *text)
{
	char *reason = strsep(&text, ",");
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (strcasecmp(reason, reasons[i].name) != 0)
			continue;
		if (add_reason(r, reasons[i].code) != 0)
			return -1;
		return text != NULL ? add_argument(r, reasons[i].name, text) : 0;
	}
	return -1;
}

static X509_REVOKED *make_entry(const struct index_row *row)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, index_time(row->revoked));
	char *serial = span_text(row->serial), *column = span_text(row->revoked);
	BIGNUM *bn = NULL;
	ASN1_INTEGER *number = BN_hex2bn(&bn, serial) > 0 ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	char *comma = strchr(column, ',');
	bool good = r != NULL && when != NULL && number != NULL && X509_REVOKED_set_serialNumber(r, number) == 1 &&
		    X509_REVOKED_set_revocationDate(r, when) == 1 &&
		    (comma == NULL || add_reason_text(r, comma + 1) == 0);
	ASN1_INTEGER_free(number);
	BN_free(bn);
	ASN1_TIME_free(when);
	free(column);
	free(serial);
	if (!good) {
		X509_REVOKED_free(r);
		r = NULL;
	}
	return r;
}

static int add_entries(X509_CRL *crl, const struct index *ix, struct err *e)
{
	struct index_row row;
	for (size_t pos = 0; index_next(ix, &pos, &row);) {
		if (row.status != 'R')
			continue;
		X509_REVOKED *r = make_entry(&row);
		if (r == NULL || X509_CRL_add0_revoked(crl, r) != 1) {
			X509_REVOKED_free(r);
			err_openssl(
			    e, ERR_CA_PKI,
			    "index.txt: the row of serial %.*s has a revocation that cannot be understood: %.*s",
			    (int)row.serial.len, row.serial.p, (int)row.revoked.len, row.revoked.p);
			return -1;
		}
	}
	return 0;
}

static BIGNUM *previous_number(const char *path)
{
	struct blob text = BLOB_INIT;
	BIGNUM *ret = NULL;
	if (file_read(path, CRL_FILE_MAX, &text, NULL) == 0) {
		BIO *b = BIO_new_mem_buf(text.data, (int)text.len);
		X509_CRL *old = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
		ASN1_INTEGER *n = old != NULL ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
		ret = n != NULL ? ASN1_INTEGER_to_BN(n, NULL) : NULL;
		ASN1_INTEGER_free(n);
		X509_CRL_free(old);
		BIO_free(b);
	}
	blob_free(&text);
	ERR_clear_error();
	return ret;
}

/* Numbers have to grow (RFC 5280, 5.2.3), and easy-rsa's CRLs have none: so the clock, or one more than the last. */
static int add_number(X509_CRL *crl, const char *last_path)
{
	BIGNUM *n = BN_new(), *last = previous_number(last_path);
	ASN1_INTEGER *value = NULL;
	int ok = n != NULL && BN_set_word(n, (BN_ULONG)time(NULL)) == 1;
	if (ok && last != NULL && BN_cmp(last, n) >= 0)
		ok = BN_copy(n, last) != NULL && BN_add_word(n, 1) == 1;
	if (ok)
		value = BN_to_ASN1_INTEGER(n, NULL);
	ok = value != NULL && X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1;
	ASN1_INTEGER_free(value);
	BN_free(last);
	BN_free(n);
	return ok ? 0 : -1;
}

/* As [crl_ext] of openssl-easyrsa.cnf has it; a CA without a key identifier is named by issuer and serial only. */
static int add_authority(X509_CRL *crl, X509 *ca_cert)
{
	X509V3_CTX ctx;
	const char *value = X509_get0_subject_key_id(ca_cert) != NULL ? "keyid:always,issuer:always" : "issuer:always";
	X509V3_set_ctx(&ctx, ca_cert, NULL, NULL, crl, 0);
	X509V3_set_ctx_nodb(&ctx);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, value);
	int ok = ext != NULL && X509_CRL_add_ext(crl, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int set_header(X509_CRL *crl, const struct ca *ca)
{
	time_t now = time(NULL);
	ASN1_TIME *this = ASN1_TIME_set(NULL, now), *next = ASN1_TIME_set(NULL, now + ca->vars->crl_days * DAY);
	int ok = this != NULL && next != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		 X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) == 1 &&
		 X509_CRL_set1_lastUpdate(crl, this) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1;
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	return ok ? 0 : -1;
}

static int make_pem(struct blob *ret, const struct ca *ca, const char *last_path, struct err *e)
{
	X509_CRL *crl = X509_CRL_new();
	BIO *b = BIO_new(BIO_s_mem());
	const EVP_MD *md = NULL;
	int status = -1;
	if (crl == NULL || b == NULL || set_header(crl, ca) != 0) {
		err_openssl(e, ERR_CA_FAILED, "cannot make a CRL");
	} else if (add_entries(crl, ca->index, e) == 0 && certificate_digest(&md, ca, e) == 0) {
		const char *data;
		X509_CRL_sort(crl);
		if (add_authority(crl, ca->cert) == 0 && add_number(crl, last_path) == 0 &&
		    X509_CRL_sign(crl, ca->key, md) > 0 && PEM_write_bio_X509_CRL(b, crl) == 1) {
			long n = BIO_get_mem_data(b, &data);
			blob_set(ret, data, (size_t)n);
			status = 0;
		} else {
			err_openssl(e, ERR_CA_FAILED, "the CA key could not sign a CRL");
			(void)ca_hsm_blame(ca, e);
		}
	}
	BIO_free(b);
	X509_CRL_free(crl);
	return status;
}

int crl_check(const struct ca *ca, struct err *e)
{
	if ((X509_get_key_usage(ca->cert) & KU_CRL_SIGN) != 0) /* all bits are set if there is no such extension */
		return 0;
	err_set(
	    e, ERR_CA_PKI,
	    "nothing can be revoked: the keyUsage of the CA certificate %s has no cRLSign, so its CRLs are not valid",
	    ca->cert_file);
	return err_next(e,
			"make a CA certificate with cRLSign for the same key, with the same subject and serial number "
			"(certificates name it by these), put it there and on the VPN server, and run the same command "
			"again");
}

int crl_make(struct ca *ca, struct err *e)
{
	struct blob pem = BLOB_INIT;
	char *path = pki_path(ca, "crl.pem");
	int ret = make_pem(&pem, ca, path, e);
	if (ret == 0)
		ret = pki_write(path, pem.data, pem.len, e);
	if (ret == 0 && ca->crl_file == NULL)
		pki_note(ca,
			 "a fresh CRL is in %.300s; [ca] crl names no place for it, so see to it that the VPN "
			 "server reads this one",
			 path);
	if (ret == 0)
		(void)publish_crl(ca, NULL); /* ca_publish tries again and tells why */
	blob_free(&pem);
	free(path);
	return ret;
}
