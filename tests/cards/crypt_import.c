#include "crypt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

#define PUBLIC_EXPONENT 65537

/* A key pair of what has been put into the builder; checked, because OpenSSL takes any numbers. */
static EVP_PKEY *build(const char *algorithm, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL), *check = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	if (key)
		check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!check || EVP_PKEY_pairwise_check(check) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* n = p q, and d = 1/e modulo (p - 1)(q - 1). */
static bool complete(BN_CTX *ctx, const BIGNUM *p, const BIGNUM *q, const BIGNUM *e, BIGNUM *n, BIGNUM *d)
{
	BIGNUM *p1 = BN_dup(p), *q1 = BN_dup(q), *order = BN_new();
	bool done = p1 && q1 && order && BN_mul(n, p, q, ctx) && BN_sub_word(p1, 1) && BN_sub_word(q1, 1) &&
		    BN_mul(order, p1, q1, ctx) && BN_mod_inverse(d, e, order, ctx);

	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(order);
	return done;
}

EVP_PKEY *crypt_rsa_from(const struct crypt_rsa_parts *parts)
{
	static const char *const names[] = {
	    OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,      OSSL_PKEY_PARAM_RSA_EXPONENT1,
	    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	const struct bytes values[] = {parts->p, parts->q, parts->dp, parts->dq, parts->qinv};
	BN_CTX *ctx = BN_CTX_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *part[5], *e = BN_new(), *n = BN_new(), *d = BN_new();
	bool fine = ctx && builder && e && n && d && BN_set_word(e, PUBLIC_EXPONENT);
	EVP_PKEY *key = NULL;

	for (size_t i = 0; i < 5; i++) {
		part[i] = BN_bin2bn(values[i].p, (int)values[i].n, NULL);
		fine = fine && part[i] && OSSL_PARAM_BLD_push_BN(builder, names[i], part[i]);
	}
	if (fine && complete(ctx, part[0], part[1], e, n, d) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, d))
		key = build("RSA", builder);
	for (size_t i = 0; i < 5; i++)
		BN_clear_free(part[i]);
	BN_free(e);
	BN_free(n);
	BN_clear_free(d);
	OSSL_PARAM_BLD_free(builder);
	BN_CTX_free(ctx);
	return key;
}

/* The uncompressed public point of a scalar. Returns its length, 0 if there is none. */
static size_t public_point(const char *curve, const BIGNUM *scalar, unsigned char *ret, size_t size)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(curve));
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	size_t n = 0;

	if (point && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1)
		n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret, size, NULL);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return n;
}

EVP_PKEY *crypt_ec_from(const char *type, struct bytes scalar)
{
	const char *curve = type + strlen("ec:");
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *number = BN_bin2bn(scalar.p, (int)scalar.n, NULL);
	unsigned char point[2 * 66 + 1];
	EVP_PKEY *key = NULL;
	size_t n = builder && number ? public_point(curve, number, point, sizeof(point)) : 0;

	if (n > 1 && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number))
		key = build("EC", builder);
	BN_clear_free(number);
	OSSL_PARAM_BLD_free(builder);
	return key;
}
