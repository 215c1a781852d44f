#include "core/recipients.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

static int set_rsa(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

/* Returns 1, as OpenSSL does. */
static int add_recipient(CMS_ContentInfo *cms, X509 *cert)
{
	CMS_RecipientInfo *ri = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx = ri != NULL ? CMS_RecipientInfo_get0_pkey_ctx(ri) : NULL;
	if (ctx == NULL)
		return 0;
	if (CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_TRANS)
		return set_rsa(ctx);
	/* the KDF's digest is also the key wrap's choice; SHA-1 would be the default */
	return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
}

/* What CMS_final does, but for its own copy of the plain text on the stack. */
static int encipher(CMS_ContentInfo *cms, const void *data, size_t len)
{
	BIO *chain = len <= INT_MAX ? CMS_dataInit(cms, NULL) : NULL;
	int ok = chain != NULL && BIO_write(chain, data, (int)len) == (int)len && BIO_flush(chain) == 1 &&
		 CMS_dataFinal(cms, chain) == 1;
	BIO_free_all(chain);
	return ok;
}

static int take_der(struct blob *ret, CMS_ContentInfo *cms)
{
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	if (len <= 0)
		return 0;
	blob_set(ret, der, (size_t)len);
	OPENSSL_free(der);
	return 1;
}

int recipients_seal(struct blob *ret, const struct recipients *r, const void *data, size_t len, enum err_code code,
		    struct err *e)
{
	CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_PARTIAL | CMS_BINARY);
	int ok = cms != NULL;
	for (size_t i = 0; ok && i < recipients_count(r); i++)
		ok = add_recipient(cms, recipients_certificate(r, i));
	ok = ok && encipher(cms, data, len) && take_der(ret, cms);
	CMS_ContentInfo_free(cms);
	return ok ? 0 : err_openssl(e, code, "OpenSSL cannot seal to %s", recipients_names(r));
}
