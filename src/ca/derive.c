#include "ca/ca.h"
#include "ca/pki.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

#define KEY_BYTES ((size_t)32)

#define PURPOSE_MAX 64

static int failed(struct err *e)
{
	return err_openssl(e, ERR_CA_FAILED, "cannot derive a key from the CA's");
}

/* RFC 5869 with SHA-256. */
static int hkdf(unsigned char *secret, size_t len, const char *purpose, unsigned char ret[KEY_BYTES])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA256", salt[] = "tokenroll", info[PURPOSE_MAX];
	snprintf(info, sizeof info, "%s", purpose);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt - 1),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
	    OSSL_PARAM_construct_end(),
	};
	int ok = ctx != NULL && EVP_KDF_derive(ctx, ret, KEY_BYTES, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

/* What only the holder of the key can make, and makes alike each time (RFC 8017, 8.2). */
static int sign_purpose(EVP_PKEY *key, const char *purpose, unsigned char **ret, size_t *ret_len, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_MD_CTX_free(ctx);
		return err_set(e, ERR_UNSUPPORTED, "no key can be derived from an EC key on an HSM");
	}
	int ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		 EVP_DigestSign(ctx, NULL, ret_len, (const unsigned char *)purpose, strlen(purpose)) == 1 &&
		 (*ret = OPENSSL_malloc(*ret_len)) != NULL &&
		 EVP_DigestSign(ctx, *ret, ret_len, (const unsigned char *)purpose, strlen(purpose)) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : failed(e);
}

int ca_derive(const struct ca *ca, const char *purpose, struct secret *ret, struct err *e)
{
	unsigned char *material = NULL, key[KEY_BYTES];
	size_t len = 0;
	if (ca->key == NULL)
		return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the CA key is not unlocked");
	int got = 0;
	if (ca->on_hsm) {
		got = sign_purpose(ca->key, purpose, &material, &len, e);
	} else {
		int n = i2d_PrivateKey(ca->key, &material);
		len = n > 0 ? (size_t)n : 0;
		got = n > 0 ? 0 : failed(e);
	}
	if (got == 0)
		got = hkdf(material, len, purpose, key) == 0 ? secret_set(ret, key, sizeof key, e) : failed(e);
	OPENSSL_clear_free(material, len);
	OPENSSL_cleanse(key, sizeof key);
	return got;
}
