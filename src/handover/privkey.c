#include "handover/privkey.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#define DER_SEQUENCE 0x30

/* PEM says it on one line: "-----BEGIN RSA PRIVATE KEY-----" and its like. */
static bool is_in_pem(const struct blob *b)
{
	static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY-----";
	const char *p = (const char *)b->data, *stop = p + b->len;
	while ((p = memmem(p, (size_t)(stop - p), begin, sizeof begin - 1)) != NULL) {
		const char *lf = memchr(p, '\n', (size_t)(stop - p));
		if (memmem(p, (size_t)((lf != NULL ? lf : stop) - p), end, sizeof end - 1) != NULL)
			return true;
		p += sizeof begin - 1;
	}
	return false;
}

/* PKCS#8 by its form, whatever kind of key it is. */
static bool is_pkcs8(const struct blob *b)
{
	const unsigned char *p = b->data;
	PKCS8_PRIV_KEY_INFO *key = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)b->len);
	PKCS8_PRIV_KEY_INFO_free(key);
	return key != NULL;
}

static bool is_encrypted_pkcs8(const struct blob *b)
{
	const unsigned char *p = b->data;
	const X509_ALGOR *how = NULL;
	const ASN1_OBJECT *oid = NULL;
	X509_SIG *sig = d2i_X509_SIG(NULL, &p, (long)b->len);
	if (sig != NULL) {
		X509_SIG_get0(sig, &how, NULL);
		X509_ALGOR_get0(&oid, NULL, NULL, how);
	}
	/* the same form, with the name of a digest, is the inside of a signature */
	bool ret = oid != NULL && EVP_PBE_find(EVP_PBE_TYPE_OUTER, OBJ_obj2nid(oid), NULL, NULL, NULL) == 1;
	X509_SIG_free(sig);
	return ret;
}

static bool is_traditional(const struct blob *b)
{
	const unsigned char *p = b->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)b->len);
	EVP_PKEY_free(key);
	return key != NULL;
}

static bool is_pkcs12(const struct blob *b)
{
	const unsigned char *p = b->data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)b->len);
	PKCS12_free(p12);
	return p12 != NULL;
}

bool privkey_is_in(const struct blob *b)
{
	if (b->len == 0)
		return false;
	bool ret = is_in_pem(b) || (b->data[0] == DER_SEQUENCE &&
				    (is_pkcs8(b) || is_encrypted_pkcs8(b) || is_traditional(b) || is_pkcs12(b)));
	ERR_clear_error();
	return ret;
}
