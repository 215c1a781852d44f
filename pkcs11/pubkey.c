#include "pkcs11/pubkey.h"
#include "pkcs11/ckr.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

/* Reads one attribute; what the object does not show is left empty. */
static int read_or_empty(const struct p11_token *t, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, struct blob *ret,
			 struct err *e)
{
	CK_RV rv = p11_attribute_read(t, key, type, ret);
	if (rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return 0;
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot read a public key on token %s", p11_token_name(t));
}

static void to_spki(const char *algorithm, OSSL_PARAM *params, struct blob *ret)
{
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1) {
		int n = i2d_PUBKEY(key, &der);
		if (n > 0)
			blob_set(ret, der, (size_t)n);
	}
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

static int read_rsa(const struct p11_token *t, CK_OBJECT_HANDLE key, struct blob *ret, struct err *e)
{
	struct blob modulus = BLOB_INIT, exponent = BLOB_INIT;
	int got = read_or_empty(t, key, CKA_MODULUS, &modulus, e);
	if (got == 0)
		got = read_or_empty(t, key, CKA_PUBLIC_EXPONENT, &exponent, e);
	if (got == 0 && modulus.len != 0 && exponent.len != 0) {
		BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
		BIGNUM *x = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
		OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, x);
		OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
		to_spki("RSA", params, ret);
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(b);
		BN_free(n);
		BN_free(x);
	}
	blob_free(&modulus);
	blob_free(&exponent);
	return got;
}

/* "prime256v1" from the DER of its OID; NULL for anything else. */
static const char *curve_name(const struct blob *params)
{
	const unsigned char *p = params->data;
	ASN1_OBJECT *o = p != NULL ? d2i_ASN1_OBJECT(NULL, &p, (long)params->len) : NULL;
	int nid = o != NULL ? OBJ_obj2nid(o) : NID_undef;
	ASN1_OBJECT_free(o);
	return nid != NID_undef ? OBJ_nid2sn(nid) : NULL;
}

static void ec_to_spki(const char *curve, const unsigned char *point, size_t len, struct blob *ret)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, len);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	to_spki("EC", params, ret);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
}

static int read_ec(const struct p11_token *t, CK_OBJECT_HANDLE key, struct blob *ret, struct err *e)
{
	struct blob params = BLOB_INIT, point = BLOB_INIT;
	int got = read_or_empty(t, key, CKA_EC_PARAMS, &params, e);
	if (got == 0)
		got = read_or_empty(t, key, CKA_EC_POINT, &point, e);
	const char *curve = curve_name(&params);
	if (got == 0 && curve != NULL && point.len != 0) {
		const unsigned char *p = point.data;
		ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &p, (long)point.len);
		if (inner != NULL && p == point.data + point.len)
			ec_to_spki(curve, ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner), ret);
		else
			ec_to_spki(curve, point.data, point.len, ret);
		ASN1_OCTET_STRING_free(inner);
	}
	blob_free(&params);
	blob_free(&point);
	return got;
}

/* CKA_KEY_TYPE; CKK_VENDOR_DEFINED where the object does not show it. */
static int read_type(const struct p11_token *t, CK_OBJECT_HANDLE key, CK_KEY_TYPE *ret, struct err *e)
{
	struct blob value = BLOB_INIT;
	int got = read_or_empty(t, key, CKA_KEY_TYPE, &value, e);
	*ret = CKK_VENDOR_DEFINED;
	if (got == 0 && value.len == sizeof *ret)
		memcpy(ret, value.data, sizeof *ret);
	blob_free(&value);
	return got;
}

int p11_pubkey_read(const struct p11_token *t, CK_OBJECT_HANDLE key, struct blob *ret_spki, struct err *e)
{
	CK_KEY_TYPE type;
	blob_set(ret_spki, NULL, 0);
	if (read_type(t, key, &type, e) != 0)
		return -1;
	if (type == CKK_RSA)
		return read_rsa(t, key, ret_spki, e);
	if (type == CKK_EC)
		return read_ec(t, key, ret_spki, e);
	return 0;
}
