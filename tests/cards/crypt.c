#include "crypt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define DAYS (24L * 60 * 60)

EVP_PKEY *crypt_generate(const char *type)
{
	if (strcmp(type, "ec:P-256") == 0 || strcmp(type, "ec:P-384") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", type + strlen("ec:"));
	if (strncmp(type, "rsa:", 4) == 0 && strspn(type + 4, "0123456789") == strlen(type + 4))
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(type + 4, NULL, 10));
	return NULL;
}

int crypt_save_key(EVP_PKEY *key, struct buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	return n > 0 ? 0 : -1;
}

EVP_PKEY *crypt_load_key(struct bytes der)
{
	const unsigned char *p = der.p;

	return d2i_AutoPrivateKey(NULL, &p, (long)der.n);
}

bool crypt_is_rsa(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA");
}

/* Lets an initialized context sign what it is given as it is. */
static int sign_as_is(EVP_PKEY_CTX *ctx, struct bytes data, struct buf *out)
{
	size_t at = out->n, n;

	if (EVP_PKEY_sign(ctx, NULL, &n, data.p, data.n) != 1)
		return -1;
	buf_resize(out, at + n);
	if (out->failed || EVP_PKEY_sign(ctx, out->p + at, &n, data.p, data.n) != 1)
		return -1;
	buf_resize(out, at + n);
	return 0;
}

/* md NULL: no hash is known to the context. padding 0: it is no RSA key. */
static int sign(EVP_PKEY *key, int padding, const char *md, struct bytes data, struct buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int rc = -1;

	if (!ctx || EVP_PKEY_sign_init(ctx) != 1)
		goto out;
	if (padding && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		goto out;
	if (md && EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(md)) != 1)
		goto out;
	if (padding == RSA_PKCS1_PSS_PADDING && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)
		goto out;
	rc = sign_as_is(ctx, data, out);
out:
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

static const char *hash_of_length(size_t n)
{
	static const struct {
		size_t n;
		const char *name;
	} hashes[] = {{20, "SHA1"}, {28, "SHA224"}, {32, "SHA256"}, {48, "SHA384"}, {64, "SHA512"}};

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].n == n)
			return hashes[i].name;
	return NULL;
}

int crypt_rsa_raw(EVP_PKEY *key, struct bytes block, struct buf *out)
{
	if (!crypt_is_rsa(key) || block.n != (size_t)EVP_PKEY_get_size(key))
		return -1;
	return sign(key, RSA_NO_PADDING, NULL, block, out);
}

int crypt_rsa_pss(EVP_PKEY *key, struct bytes digest, struct buf *out)
{
	const char *hash = hash_of_length(digest.n);

	return crypt_is_rsa(key) && hash ? sign(key, RSA_PKCS1_PSS_PADDING, hash, digest, out) : -1;
}

int crypt_ecdsa(EVP_PKEY *key, struct bytes digest, struct buf *out)
{
	return crypt_is_rsa(key) || digest.n == 0 ? -1 : sign(key, 0, NULL, digest, out);
}

int crypt_hash(const char *name, struct bytes data, struct buf *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n;

	if (EVP_Q_digest(NULL, name, NULL, data.p, data.n, digest, &n) != 1)
		return -1;
	buf_put(out, digest, n);
	return 0;
}

/* The public key of somebody else on the curve of ours. */
static EVP_PKEY *peer_of(EVP_PKEY *key, struct bytes point)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	if (peer && (EVP_PKEY_copy_parameters(peer, key) != 1 ||
		     EVP_PKEY_set1_encoded_public_key(peer, point.p, point.n) != 1)) {
		EVP_PKEY_free(peer);
		peer = NULL;
	}
	return peer;
}

int crypt_ecdh(EVP_PKEY *key, struct bytes point, struct buf *out)
{
	EVP_PKEY *peer = crypt_is_rsa(key) ? NULL : peer_of(key, point);
	EVP_PKEY_CTX *ctx = peer ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	size_t at = out->n, n = 0;
	int rc = -1;

	if (ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	    EVP_PKEY_derive(ctx, NULL, &n) == 1) {
		buf_resize(out, at + n);
		if (!out->failed && EVP_PKEY_derive(ctx, out->p + at, &n) == 1)
			rc = 0;
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return rc;
}

int crypt_block(const char *cipher, struct bytes key, struct bytes data, struct buf *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *kind = EVP_CIPHER_fetch(NULL, cipher, NULL);
	size_t at = out->n;
	int n = 0, rc = -1;

	buf_resize(out, at + data.n);
	if (ctx && kind && !out->failed && EVP_CIPHER_get_key_length(kind) == (int)key.n &&
	    EVP_EncryptInit_ex2(ctx, kind, key.p, NULL, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_EncryptUpdate(ctx, out->p + at, &n, data.p, (int)data.n) == 1 && n == (int)data.n)
		rc = 0;
	EVP_CIPHER_free(kind);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

/* r and s side by side, each as long as the field, from DER. */
static int put_plain(EVP_PKEY *key, struct bytes der, struct buf *out)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	size_t at = out->n, half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	int rc = -1;

	buf_resize(out, at + 2 * half);
	if (signature && !out->failed &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out->p + at, (int)half) == (int)half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out->p + at + half, (int)half) == (int)half)
		rc = 0;
	ECDSA_SIG_free(signature);
	return rc;
}

int crypt_sign(EVP_PKEY *key, struct bytes data, struct buf *out)
{
	struct buf digest = {0}, der = {0};
	int rc = crypt_hash("SHA256", data, &digest);

	if (rc == 0 && crypt_is_rsa(key))
		rc = sign(key, RSA_PKCS1_PADDING, "SHA256", buf_bytes(&digest), out);
	else if (rc == 0)
		rc = crypt_ecdsa(key, buf_bytes(&digest), &der) == 0 ? put_plain(key, buf_bytes(&der), out) : -1;
	buf_free(&digest);
	buf_free(&der);
	return rc;
}

static int put_number(EVP_PKEY *key, const char *name, struct buf *out)
{
	BIGNUM *number = NULL;
	size_t at = out->n;
	int rc = -1;

	if (EVP_PKEY_get_bn_param(key, name, &number) == 1) {
		buf_resize(out, at + (size_t)BN_num_bytes(number));
		rc = out->failed ? -1 : 0;
	}
	if (rc == 0)
		BN_bn2bin(number, out->p + at);
	BN_free(number);
	return rc;
}

int crypt_rsa_public(EVP_PKEY *key, struct buf *modulus, struct buf *exponent)
{
	if (put_number(key, OSSL_PKEY_PARAM_RSA_N, modulus) == -1)
		return -1;
	return put_number(key, OSSL_PKEY_PARAM_RSA_E, exponent);
}

int crypt_ec_point(EVP_PKEY *key, struct buf *point)
{
	unsigned char *encoded = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(key, &encoded);

	buf_put(point, encoded, n);
	OPENSSL_free(encoded);
	return n > 0 ? 0 : -1;
}

int crypt_ec_prime(const char *type, struct buf *prime)
{
	EC_GROUP *group = NULL;
	size_t at = prime->n;
	int nid, rc = -1;

	if (strncmp(type, "ec:", 3) != 0)
		return -1;
	nid = EC_curve_nist2nid(type + 3);
	group = nid == NID_undef ? NULL : EC_GROUP_new_by_curve_name(nid);
	if (group) {
		buf_resize(prime, at + (size_t)BN_num_bytes(EC_GROUP_get0_field(group)));
		rc = prime->failed ? -1 : 0;
	}
	if (rc == 0)
		BN_bn2bin(EC_GROUP_get0_field(group), prime->p + at);
	EC_GROUP_free(group);
	return rc;
}

static bool fill_certificate(X509 *x, EVP_PKEY *key, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, name) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), -DAYS) &&
	       X509_gmtime_adj(X509_getm_notAfter(x), 3650 * DAYS) && X509_set_pubkey(x, key) == 1 &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

int crypt_certificate(EVP_PKEY *key, const char *cn, struct buf *out)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int n = x && fill_certificate(x, key, cn) ? i2d_X509(x, &der) : -1;

	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	return n > 0 ? 0 : -1;
}
