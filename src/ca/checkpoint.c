#include "ca/checkpoint.h"

#include "ca/pki.h"
#include "core/clean.h"
#include "core/day.h"
#include "core/xalloc.h"

#include <inttypes.h>
#include <openssl/err.h>
/* cms.h declares its functions for PEM only behind it */
#include <openssl/pem.h>

#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "tokenroll audit checkpoint 1\n"
#define TEXT_MAX (CA_DATABASE_MAX + 256)
#define CMS_MAX ((size_t)64 << 10)

static void write_text(char ret[TEXT_MAX], const struct ca_checkpoint *c)
{
	char hash[2 * CA_HASH_LEN + 1], when[DAY_TIME_SIZE];
	hex_encode(hash, sizeof hash, c->hash, sizeof c->hash);
	day_time_format(when, c->time);
	snprintf(ret, TEXT_MAX, TITLE "database: %s\nrecord: %" PRIu64 "\nhash: %s\ntime: %s\n", c->database, c->record,
		 hash, when);
}

/* A text that would not be written in the same way again is none. */
static bool read_text(struct ca_checkpoint *ret, const char *text)
{
	struct blob hash = BLOB_INIT;
	struct tm tm = {.tm_isdst = 0};
	char hex[2 * CA_HASH_LEN + 1] = "", when[DAY_TIME_SIZE] = "", again[TEXT_MAX];
	_Static_assert(CA_DATABASE_MAX == 1024, "the width below");
	int n = sscanf(text, TITLE "database: %1023[^\n] record: %" SCNu64 " hash: %64s time: %23s", ret->database,
		       &ret->record, hex, when);
	bool good = n == 4 && hex_decode(&hash, hex) == 0 && hash.len == sizeof ret->hash &&
		    strptime(when, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL;
	if (good) {
		memcpy(ret->hash, hash.data, sizeof ret->hash);
		ret->time = timegm(&tm);
		write_text(again, ret);
		good = strcmp(again, text) == 0;
	}
	blob_free(&hash);
	return good;
}

/* By its key's id, so that it is known again when the CA's certificate was renewed for the same key. */
static unsigned key_id_flag(X509 *cert)
{
	return X509_get0_subject_key_id(cert) != NULL ? CMS_USE_KEYID : 0;
}

int ca_checkpoint(struct ca *ca, struct ca_checkpoint *c, struct blob *ret_cms, struct err *e)
{
	char text[TEXT_MAX], clean[CA_DATABASE_MAX];
	unsigned char *der = NULL;
	if (ca->key == NULL)
		return err_set(e, ERR_FAILED, "the signer process has not unlocked the CA key");
	clean_text(clean, sizeof clean, c->database);
	if (strcmp(clean, c->database) != 0 || c->database[0] == '\0')
		return err_set(e, ERR_FAILED, "the signer process got a database's name that is no line of text");
	c->time = time(NULL);
	write_text(text, c);
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms =
	    CMS_sign(ca->cert, ca->key, NULL, in, CMS_BINARY | CMS_NOSMIMECAP | key_id_flag(ca->cert));
	int n = cms != NULL ? i2d_CMS_ContentInfo(cms, &der) : -1;
	int ret = 0;
	if (n > 0)
		blob_set(ret_cms, der, (size_t)n);
	else
		ret = err_openssl(e, ERR_CA_FAILED, "the CA key cannot sign the audit trail");
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return ret;
}

/* DER, or PEM with whatever text before it. */
static CMS_ContentInfo *parse(const struct blob *file)
{
	const unsigned char *p = file->data;
	if (file->len == 0 || file->len > CMS_MAX)
		return NULL;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)file->len);
	if (cms != NULL && p == file->data + file->len)
		return cms;
	CMS_ContentInfo_free(cms);
	BIO *in = BIO_new_mem_buf(file->data, (int)file->len);
	cms = PEM_read_bio_CMS(in, NULL, NULL, NULL);
	BIO_free(in);
	return cms;
}

static int not_signed(struct err *e)
{
	if (ERR_GET_REASON(ERR_peek_error()) == CMS_R_SIGNER_CERTIFICATE_NOT_FOUND)
		return err_openssl(e, ERR_AUDIT_CHANGED, "it was signed by somebody else than this CA");
	return err_openssl(e, ERR_AUDIT_CHANGED, "the CA's signature does not fit it");
}

/*
 * Trusted is the CA's key alone, whatever certificates are in there, and whatever keyUsage says: easy-rsa's CA
 * certificates have no digitalSignature, so a chain built for the purpose of S/MIME would be refused.
 */
static int verify(const struct ca *ca, CMS_ContentInfo *cms, char ret[TEXT_MAX], struct err *e)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *out = BIO_new(BIO_s_mem());
	const char *text = NULL;
	int status = -1;
	sk_X509_push(certs, ca->cert);
	if (CMS_verify(cms, certs, NULL, NULL, out, CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
		not_signed(e);
	} else {
		long n = BIO_get_mem_data(out, &text);
		snprintf(ret, TEXT_MAX, "%.*s", n < TEXT_MAX ? (int)n : 0, text);
		status = 0;
	}
	BIO_free(out);
	sk_X509_free(certs);
	return status;
}

int ca_checkpoint_check(struct ca *ca, const struct blob *file, struct ca_checkpoint *ret, struct err *e)
{
	struct ca_checkpoint c = {.record = 0};
	char text[TEXT_MAX];
	CMS_ContentInfo *cms = parse(file);
	int status = -1;
	ERR_clear_error();
	if (cms == NULL || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		err_set(e, ERR_USAGE, "there is no checkpoint in it: it is not signed CMS in PEM or DER");
	else if (verify(ca, cms, text, e) == 0)
		status = read_text(&c, text) ? 0
					     : err_set(e, ERR_USAGE,
						       "what the CA has signed there is not a checkpoint of an audit "
						       "trail");
	CMS_ContentInfo_free(cms);
	if (status == 0)
		*ret = c;
	return status;
}
