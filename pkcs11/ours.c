#include "pkcs11/ours.h"

#include <openssl/x509v3.h>
#include <string.h>

static X509 *parse(const struct blob *der)
{
	const unsigned char *p = der->data;
	return d2i_X509(NULL, &p, (long)der->len);
}

static bool has_same_key(X509 *a, X509 *b)
{
	EVP_PKEY *key = X509_get0_pubkey(a);
	return key != NULL && X509_get0_pubkey(b) != NULL && EVP_PKEY_eq(key, X509_get0_pubkey(b)) == 1;
}

static bool has_same_ca(X509 *a, X509 *b)
{
	const ASN1_OCTET_STRING *key = X509_get0_authority_key_id(a), *other = X509_get0_authority_key_id(b);
	return key != NULL && other != NULL && ASN1_OCTET_STRING_cmp(key, other) == 0 &&
	       X509_NAME_cmp(X509_get_issuer_name(a), X509_get_issuer_name(b)) == 0;
}

bool ours_certificate(const struct blob *der, const struct blob *known)
{
	const unsigned char *p = known->data, *end = p + known->len;
	X509 *x = parse(der);
	bool ours = false;
	while (x != NULL && !ours && p < end) {
		const unsigned char *begin = p;
		X509 *k = d2i_X509(NULL, &p, end - p);
		if (k == NULL)
			break;
		size_t len = (size_t)(p - begin);
		bool same = len == der->len && memcmp(begin, der->data, len) == 0;
		ours = same || (has_same_key(x, k) && has_same_ca(x, k));
		X509_free(k);
	}
	X509_free(x);
	return ours;
}

bool ours_is_whole(const struct blob *der)
{
	X509 *x = parse(der);
	X509_free(x);
	return x != NULL;
}
