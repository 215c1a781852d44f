#include "ca/crl.h"

#include "ca/certificate.h"
#include "ca/certlist.h"
#include "ca/crl_entries.h"
#include "ca/lock.h"
#include "ca/publish.h"
#include "ca/published.h"
#include "ca/redo.h"
#include "ca/sweep.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

static BIGNUM *previous_number(const char *path)
{
	struct blob text = BLOB_INIT;
	struct certlist *old =
	    file_read(path, CRL_FILE_MAX, &text, NULL) == 0 ? certlist_read(text.data, text.len) : NULL;
	BIGNUM *ret = old != NULL ? certlist_number(old) : NULL;
	certlist_free(&old);
	blob_free(&text);
	return ret;
}

/* Numbers have to grow (RFC 5280, 5.2.3), and easy-rsa's CRLs have none: so the clock, or one more than the last. */
static int add_number(STACK_OF(X509_EXTENSION) * *to, const char *last_path)
{
	BIGNUM *n = BN_new(), *last = previous_number(last_path);
	ASN1_INTEGER *value = NULL;
	int ok = n != NULL && BN_set_word(n, (BN_ULONG)time(NULL)) == 1;
	if (ok && last != NULL && BN_cmp(last, n) >= 0)
		ok = BN_copy(n, last) != NULL && BN_add_word(n, 1) == 1;
	if (ok)
		value = BN_to_ASN1_INTEGER(n, NULL);
	ok = value != NULL && X509V3_add1_i2d(to, NID_crl_number, value, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_INTEGER_free(value);
	BN_free(last);
	BN_free(n);
	return ok ? 0 : -1;
}

/* As [crl_ext] of openssl-easyrsa.cnf has it; a CA without a key identifier is named by issuer and serial only. */
static int add_authority(STACK_OF(X509_EXTENSION) * *to, X509 *ca_cert)
{
	X509V3_CTX ctx;
	const char *value = X509_get0_subject_key_id(ca_cert) != NULL ? "keyid:always,issuer:always" : "issuer:always";
	X509V3_set_ctx(&ctx, ca_cert, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, value);
	int ok = ext != NULL && X509v3_add_ext(to, ext, -1) != NULL;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static struct certlist *sign(const struct ca *ca, struct blob *entries, const char *last_path, const EVP_MD *md)
{
	time_t now = time(NULL);
	ASN1_TIME *this = ASN1_TIME_set(NULL, now), *next = ASN1_TIME_set(NULL, now + ca->vars->crl_days * DAY);
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	struct certlist *ret = NULL;
	if (this != NULL && next != NULL && add_authority(&extensions, ca->cert) == 0 &&
	    add_number(&extensions, last_path) == 0) {
		const struct certlist_head head = {X509_get_subject_name(ca->cert), this, next, extensions};
		ret = certlist_make(&head, entries, ca->key, md);
	}
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	return ret;
}

static int make_pem(struct blob *ret, struct ca_crl *ret_crl, const struct ca *ca, const char *last_path, struct err *e)
{
	struct blob entries = BLOB_INIT;
	const EVP_MD *md = NULL;
	int status = -1;
	if (crl_entries(&entries, ca->index, e) == 0 && certificate_digest(&md, ca, e) == 0) {
		index_rest(ca->index); /* a million rows take more than all the rest */
		struct certlist *crl = sign(ca, &entries, last_path, md);
		BIO *b = BIO_new(BIO_s_mem());
		const char *data;
		if (crl != NULL && b != NULL && certlist_write(b, crl) == 1) {
			long n = BIO_get_mem_data(b, &data);
			blob_set(ret, data, (size_t)n);
			crls_describe(crl, ret_crl);
			status = 0;
		} else {
			err_openssl(e, ERR_CA_FAILED, "the CA key could not sign a CRL");
			(void)ca_hsm_blame(ca, e);
		}
		BIO_free(b);
		certlist_free(&crl);
	}
	blob_free(&entries);
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

int crl_make(struct ca *ca, struct ca_crl *ret_crl, struct err *e)
{
	struct ca_crl made = {.path = ""};
	struct blob pem = BLOB_INIT;
	char *path = pki_path(ca, "crl.pem");
	snprintf(made.path, sizeof made.path, "%s", path);
	int ret = make_pem(&pem, &made, ca, path, e);
	if (ret == 0)
		ret = pki_write(path, pem.data, pem.len, e);
	if (ret == 0 && ca->crl_file == NULL)
		pki_note(ca,
			 "a fresh CRL is in %.300s; [ca] crl names no place for it, so see to it that the VPN "
			 "server reads this one",
			 path);
	if (ret == 0)
		(void)publish_crl(ca, NULL); /* ca_publish tries again and tells why */
	if (ret == 0 && ret_crl != NULL)
		*ret_crl = made;
	blob_free(&pem);
	free(path);
	return ret;
}

static int make_locked(struct ca *ca, struct ca_crl *ret, struct err *e)
{
	char replaced[CA_SERIAL_HEX_MAX] = "";
	if (redo_all(ca, "", replaced, e) != 0 || crl_check(ca, e) != 0 || pki_check_replace(ca, "crl.pem", e) != 0)
		return -1;
	return crl_make(ca, ret, e);
}

int ca_crl(struct ca *ca, struct ca_crl *ret, struct err *e)
{
	struct pki_lock *lock = NULL;
	if (ca->key == NULL || ca->index == NULL) {
		err_set(e, ERR_CA_PKI, "the PKI %s has no %s: no CRL can be made here", ca->pki,
			ca->index == NULL ? "index.txt" : "CA key that is unlocked");
		return err_next(e, "make it where the CA is, and copy it to where the VPN server reads it");
	}
	if (pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e) != 0)
		return -1;
	sweep_pki(ca->pki, pki_lock_was_stale(lock));
	int status = make_locked(ca, ret, e);
	pki_lock_release(&lock);
	return status;
}
