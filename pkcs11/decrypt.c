/* OpenSSL 3 would have a key elsewhere be a provider's, which is a library for every program; for one key in one
 * process these methods do, as they do in libp11. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pkcs11/decrypt.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"
#include "pkcs11/login.h"
#include "pkcs11/object.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 2048 /* RSA-16384 */
#define POINT_MAX 160  /* P-521, in its OCTET STRING */

struct p11_decrypt {
	struct p11_token *t;
	CK_OBJECT_HANDLE handle;
	EVP_PKEY *key;
	RSA_METHOD *rsa;
	EC_KEY_METHOD *ec;
	struct err failure;
};

static int failed(struct p11_decrypt *d, CK_RV rv, const char *what)
{
	ckr_error(&d->failure, rv, ERR_TOKEN_FAILED, "token %s cannot %s with the recovery key",
		  p11_token_description(d->t)->serial, what);
	return -1;
}

/* ---- RSA */

static CK_RV decrypt(struct p11_decrypt *d, CK_MECHANISM *mech, unsigned char *in, size_t in_len, unsigned char *ret,
		     CK_ULONG *ret_len)
{
	CK_FUNCTION_LIST *f = p11_token_functions(d->t);
	CK_SESSION_HANDLE s = p11_token_session(d->t);
	bool pin_again = p11_login_is_wanted(d->t, d->handle);
	CK_RV rv = f->C_DecryptInit(s, mech, d->handle);
	if (rv == CKR_OK && pin_again && p11_login_again(d->t, &d->failure) != 0)
		return CKR_PIN_INCORRECT;
	return rv == CKR_OK ? f->C_Decrypt(s, in, in_len, ret, ret_len) : rv;
}

/* Whether another mechanism is worth asking for: nothing is tried again that has to do with the PIN, or with a token
 * that is gone. */
static bool is_about_mechanism(CK_RV rv)
{
	return rv != CKR_OK && rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED && rv != CKR_USER_NOT_LOGGED_IN &&
	       rv != CKR_DEVICE_REMOVED && rv != CKR_TOKEN_NOT_PRESENT && rv != CKR_FUNCTION_CANCELED;
}

/* OpenSSL takes a block with its padding, and strips that itself. */
static int pad_again(unsigned char *ret, int size, const unsigned char *text, CK_ULONG len)
{
	return RSA_padding_add_PKCS1_OAEP_mgf1(ret, size, text, (int)len, NULL, 0, EVP_sha256(), EVP_sha256()) == 1
		   ? size
		   : -1;
}

/* By the mechanism that a token in a strict mode has, then by the one that cards have. */
static int decrypt_block(struct p11_decrypt *d, unsigned char *in, size_t len, unsigned char *ret)
{
	CK_RSA_PKCS_OAEP_PARAMS params = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
	CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, &params, sizeof params}, raw = {CKM_RSA_X_509, NULL, 0};
	unsigned char block[BLOCK_MAX];
	CK_ULONG n = sizeof block;
	int got = -1;
	CK_RV rv = decrypt(d, &oaep, in, len, block, &n);
	if (rv == CKR_OK && n <= len) {
		got = pad_again(ret, (int)len, block, n);
	} else if (is_about_mechanism(rv)) {
		CK_RV first = rv;
		n = sizeof block;
		rv = decrypt(d, &raw, in, len, block, &n);
		rv = rv == CKR_MECHANISM_INVALID ? first : rv;
		/* some leave the zeros in front out */
		if (rv == CKR_OK && n <= len) {
			memset(ret, 0, len - n);
			memcpy(ret + len - n, block, n);
			got = (int)len;
		}
	}
	OPENSSL_cleanse(block, sizeof block);
	if (rv != CKR_OK && rv != CKR_PIN_INCORRECT)
		failed(d, rv, "decrypt");
	return got;
}

static int rsa_decrypt(int len, const unsigned char *in, unsigned char *ret, RSA *rsa, int padding)
{
	struct p11_decrypt *d = RSA_get_ex_data(rsa, 0);
	unsigned char block[BLOCK_MAX];
	err_clear(&d->failure);
	if (padding != RSA_NO_PADDING || len != RSA_size(rsa) || len > BLOCK_MAX)
		return -1;
	memcpy(block, in, (size_t)len);
	return decrypt_block(d, block, (size_t)len, ret);
}

static int wrap_rsa(struct p11_decrypt *d, EVP_PKEY *public)
{
	RSA *rsa = EVP_PKEY_get1_RSA(public);
	d->rsa = RSA_meth_dup(RSA_get_default_method());
	bool ok = rsa != NULL && d->rsa != NULL && RSA_meth_set1_name(d->rsa, "token") == 1 &&
		  RSA_meth_set_priv_dec(d->rsa, rsa_decrypt) == 1 && RSA_set_method(rsa, d->rsa) == 1 &&
		  RSA_set_ex_data(rsa, 0, d) == 1 && EVP_PKEY_set1_RSA(d->key, rsa) == 1;
	RSA_free(rsa);
	return ok ? 0 : -1;
}

/* ---- EC */

static CK_RV derive_once(struct p11_decrypt *d, unsigned char *point, size_t len, CK_ULONG size, bool say_size,
			 struct blob *ret)
{
	CK_FUNCTION_LIST *f = p11_token_functions(d->t);
	CK_SESSION_HANDLE s = p11_token_session(d->t);
	CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, len, point};
	CK_MECHANISM mech = {CKM_ECDH1_DERIVE, &params, sizeof params};
	CK_ULONG class = CKO_SECRET_KEY, type = CKK_GENERIC_SECRET;
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
	struct p11_template t = P11_TEMPLATE_INIT;
	p11_template_add_ulong(&t, CKA_CLASS, &class);
	p11_template_add_ulong(&t, CKA_KEY_TYPE, &type);
	p11_template_add_bool(&t, CKA_TOKEN, false);
	p11_template_add_bool(&t, CKA_SENSITIVE, false);
	p11_template_add_bool(&t, CKA_EXTRACTABLE, true);
	if (say_size)
		p11_template_add_ulong(&t, CKA_VALUE_LEN, &size);
	CK_RV rv = f->C_DeriveKey(s, &mech, d->handle, t.a, t.n, &made);
	if (rv == CKR_OK) {
		rv = p11_attribute_read(d->t, made, CKA_VALUE, ret);
		f->C_DestroyObject(s, made);
	}
	return rv;
}

/* The other's point raw or in an OCTET STRING, the secret's length said or not: modules differ (PKCS#11 v2.40 current
 * mechanisms, 2.3.8, allows both points). */
static CK_RV derive(struct p11_decrypt *d, unsigned char *point, size_t len, CK_ULONG size, struct blob *ret)
{
	unsigned char der[POINT_MAX];
	size_t head = len < 128 ? 2 : 3;
	der[0] = 0x04;
	der[1] = len < 128 ? (unsigned char)len : 0x81;
	if (len >= 128)
		der[2] = (unsigned char)len;
	memcpy(der + head, point, len);
	CK_RV rv = CKR_FUNCTION_FAILED;
	for (unsigned way = 0; way < 4 && rv != CKR_OK && is_about_mechanism(rv); way++)
		rv = derive_once(d, way % 2 == 0 ? point : der, way % 2 == 0 ? len : head + len, size, way < 2, ret);
	return rv;
}

/* The shared secret is as long as the field's elements, with its zeros (SEC 1, 3.3.1). */
static int take_shared(unsigned char **ret, size_t *ret_len, const struct blob *shared, size_t size)
{
	if (shared->len == 0 || shared->len > size)
		return 0;
	*ret = OPENSSL_zalloc(size);
	if (*ret == NULL)
		return 0;
	memcpy(*ret + size - shared->len, shared->data, shared->len);
	*ret_len = size;
	return 1;
}

static int ec_derive(unsigned char **ret, size_t *ret_len, const EC_POINT *other, const EC_KEY *ec)
{
	struct p11_decrypt *d = EC_KEY_get_ex_data(ec, 0);
	const EC_GROUP *group = EC_KEY_get0_group(ec);
	size_t size = ((size_t)EC_GROUP_get_degree(group) + 7) / 8;
	unsigned char point[POINT_MAX - 3];
	struct blob shared = BLOB_INIT;
	err_clear(&d->failure);
	size_t len = EC_POINT_point2oct(group, other, POINT_CONVERSION_UNCOMPRESSED, point, sizeof point, NULL);
	if (len == 0)
		return 0;
	CK_RV rv = derive(d, point, len, size, &shared);
	int got = rv == CKR_OK ? take_shared(ret, ret_len, &shared, size) : 0;
	if (rv != CKR_OK)
		failed(d, rv, "agree on a key");
	if (shared.data != NULL)
		OPENSSL_cleanse(shared.data, shared.len);
	blob_free(&shared);
	return got;
}

static int wrap_ec(struct p11_decrypt *d, EVP_PKEY *public)
{
	EC_KEY *ec = EVP_PKEY_get1_EC_KEY(public);
	d->ec = EC_KEY_METHOD_new(EC_KEY_get_default_method());
	bool ok = ec != NULL && d->ec != NULL;
	if (ok) {
		EC_KEY_METHOD_set_compute_key(d->ec, ec_derive);
		ok = EC_KEY_set_method(ec, d->ec) == 1 && EC_KEY_set_ex_data(ec, 0, d) == 1 &&
		     EVP_PKEY_set1_EC_KEY(d->key, ec) == 1;
	}
	EC_KEY_free(ec);
	return ok ? 0 : -1;
}

/* ---- both */

static int wrap(struct p11_decrypt *d, EVP_PKEY *public, struct err *e)
{
	int type = public != NULL ? EVP_PKEY_get_base_id(public) : EVP_PKEY_NONE;
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		return err_openssl(e, ERR_UNSUPPORTED, "the key on token %s is neither RSA nor EC",
				   p11_token_description(d->t)->serial);
	d->key = EVP_PKEY_new();
	if (d->key != NULL && (type == EVP_PKEY_RSA ? wrap_rsa(d, public) : wrap_ec(d, public)) == 0)
		return 0;
	return err_openssl(e, ERR_FAILED, "the key on token %s cannot be used", p11_token_description(d->t)->serial);
}

int p11_decrypt_new(struct p11_decrypt **ret, struct p11_token *t, CK_OBJECT_HANDLE key, const struct blob *spki,
		    struct err *e)
{
	const unsigned char *p = spki->data;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &p, (long)spki->len);
	struct p11_decrypt *d = xcalloc(1, sizeof *d);
	d->t = t;
	d->handle = key;
	int got = wrap(d, public, e);
	EVP_PKEY_free(public);
	if (got != 0)
		p11_decrypt_free(&d);
	*ret = d;
	return got;
}

void p11_decrypt_free(struct p11_decrypt **d)
{
	if (d == NULL || *d == NULL)
		return;
	EVP_PKEY_free((*d)->key);
	RSA_meth_free((*d)->rsa);
	/* alone among its like it takes no NULL */
	if ((*d)->ec != NULL)
		EC_KEY_METHOD_free((*d)->ec);
	free(*d);
	*d = NULL;
}

EVP_PKEY *p11_decrypt_key(const struct p11_decrypt *d)
{
	return d->key;
}

const struct err *p11_decrypt_failure(const struct p11_decrypt *d)
{
	return &d->failure;
}
