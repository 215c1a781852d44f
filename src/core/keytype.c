#include "core/keytype.h"

#include <openssl/core_names.h>
#include <stdbool.h>
#include <string.h>

struct keytype_info {
	const char *name, *curve;
	unsigned rsa_bits;
};

static const struct keytype_info types[KEYTYPE_COUNT] = {
    [KEYTYPE_NONE] = {"none", NULL, 0},
    [KEYTYPE_EC_P256] = {"ec:P-256", "prime256v1", 0},
    [KEYTYPE_EC_P384] = {"ec:P-384", "secp384r1", 0},
    [KEYTYPE_RSA_2048] = {"rsa:2048", NULL, 2048},
    [KEYTYPE_RSA_3072] = {"rsa:3072", NULL, 3072},
    [KEYTYPE_RSA_4096] = {"rsa:4096", NULL, 4096},
};

static const struct keytype_info *info(enum keytype t)
{
	return t > KEYTYPE_NONE && t < KEYTYPE_COUNT ? &types[t] : &types[KEYTYPE_NONE];
}

const char *keytype_name(enum keytype t)
{
	return info(t)->name;
}

void keytype_names(unsigned set, char *ret, size_t size)
{
	size_t n = 0;
	*ret = '\0';
	for (int k = KEYTYPE_NONE + 1; k < KEYTYPE_COUNT && n < size; k++) {
		if ((set & KEYTYPE_BIT(k)) != 0)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n != 0 ? ", " : "",
					      keytype_name((enum keytype)k));
	}
}

int keytype_parse(enum keytype *ret, const char *name, struct err *e)
{
	for (int t = KEYTYPE_NONE + 1; t < KEYTYPE_COUNT; t++) {
		if (strcmp(types[t].name, name) == 0) {
			*ret = (enum keytype)t;
			return 0;
		}
	}
	err_set(e, ERR_USAGE, "'%s' is not a key type", name);
	return err_next(e, "use one of ec:P-256, ec:P-384, rsa:2048, rsa:3072, rsa:4096");
}

enum keytype keytype_of(const EVP_PKEY *key)
{
	char curve[64] = "";
	size_t len;
	bool ec = EVP_PKEY_is_a(key, "EC") == 1;
	if (ec)
		EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, &len);
	else if (EVP_PKEY_is_a(key, "RSA") != 1)
		return KEYTYPE_NONE;
	for (int t = KEYTYPE_NONE + 1; t < KEYTYPE_COUNT; t++) {
		const struct keytype_info *k = &types[t];
		if (ec ? k->curve != NULL && strcmp(k->curve, curve) == 0
		       : k->rsa_bits != 0 && (int)k->rsa_bits == EVP_PKEY_get_bits(key))
			return (enum keytype)t;
	}
	return KEYTYPE_NONE;
}

unsigned keytype_rsa_bits(enum keytype t)
{
	return info(t)->rsa_bits;
}

const char *keytype_curve(enum keytype t)
{
	return info(t)->curve;
}

const EVP_MD *keytype_digest(enum keytype t)
{
	return t == KEYTYPE_EC_P384 ? EVP_sha384() : EVP_sha256();
}
