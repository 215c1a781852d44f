#include "pkcs11/key.h"
#include "pkcs11/challenge.h"
#include "pkcs11/ckr.h"
#include "pkcs11/login.h"
#include "pkcs11/object.h"
#include "pkcs11/pubkey.h"

#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_MAX 1024 /* RSA-8192 */

/* A key that is not for signatures, or of another type, is not asked for one. */
static bool could_be(const struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *spki)
{
	const unsigned char *p = spki->data;
	struct blob type = BLOB_INIT;
	CK_KEY_TYPE value;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki->len);
	bool same = true;
	if (key != NULL && p11_attribute_read(t, private_key, CKA_KEY_TYPE, &type) == CKR_OK &&
	    type.len == sizeof value) {
		memcpy(&value, type.data, sizeof value);
		same = (value == CKK_RSA) == (EVP_PKEY_is_a(key, "RSA") == 1);
	}
	blob_free(&type);
	EVP_PKEY_free(key);
	return same && p11_attribute_bool(t, private_key, CKA_SIGN, true);
}

/* Whether a private key belongs to this public key, where its CKA_ID does not tell: by what it shows of itself, else by
 * a signature. */
static int belongs(struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *spki, bool *ret, struct err *e)
{
	struct blob own = BLOB_INIT;
	*ret = false;
	int got = p11_pubkey_read(t, private_key, &own, e);
	if (got == 0 && own.len != 0)
		*ret = blob_equal(&own, spki);
	else if (got == 0 && could_be(t, private_key, spki))
		got = p11_key_fits(t, private_key, spki, ret, e);
	blob_free(&own);
	return got;
}

static int choose(struct p11_token *t, const struct p11_objects *private, const struct blob *spki,
		  CK_OBJECT_HANDLE *ret_private, struct blob *ret_spki, struct err *e)
{
	*ret_private = CK_INVALID_HANDLE;
	for (size_t i = 0; i < private->n && *ret_private == CK_INVALID_HANDLE; i++) {
		bool is_it = false;
		if (belongs(t, private->handle[i], spki, &is_it, e) != 0)
			return -1;
		if (is_it)
			*ret_private = private->handle[i];
	}
	if (*ret_private != CK_INVALID_HANDLE)
		blob_set(ret_spki, spki->data, spki->len);
	return 0;
}

int p11_key_find(struct p11_token *t, const struct blob *cka_id, const struct blob *spki, CK_OBJECT_HANDLE *ret_private,
		 struct blob *ret_spki, bool *ret_shared, struct err *e)
{
	struct p11_objects private = {NULL, 0}, public = {NULL, 0};
	int ret = -1;
	*ret_private = CK_INVALID_HANDLE;
	blob_set(ret_spki, NULL, 0);
	if (p11_object_find(t, CKO_PRIVATE_KEY, cka_id, &private, e) != 0 ||
	    p11_object_find(t, CKO_PUBLIC_KEY, cka_id, &public, e) != 0)
		goto out;
	*ret_shared = private.n > 1;
	if (private.n > 1 && spki->len == 0) {
		err_set(e, ERR_KEY_EXISTS, "token %s has %zu private keys with one CKA_ID", p11_token_name(t),
			private.n);
		goto out;
	}
	if (private.n == 1)
		*ret_private = private.handle[0];
	ret = 0;
	if (public.n >= 1)
		ret = p11_pubkey_read(t, public.handle[0], ret_spki, e);
	if (ret == 0 && ret_spki->len == 0 && private.n == 1)
		ret = p11_pubkey_read(t, private.handle[0], ret_spki, e);
	/* somebody else's may stand beside ours */
	bool told = spki->len == 0 || (private.n == 1 && blob_equal(ret_spki, spki));
	if (ret == 0 && !told)
		ret = choose(t, &private, spki, ret_private, ret_spki, e);
out:
	p11_objects_free(&private);
	p11_objects_free(&public);
	return ret;
}

int p11_key_public(const struct p11_token *t, CK_OBJECT_HANDLE private_key, struct blob *ret_cka_id,
		   struct blob *ret_spki, struct err *e)
{
	struct p11_objects public = {NULL, 0};
	CK_RV rv = p11_attribute_read(t, private_key, CKA_ID, ret_cka_id);
	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot read a key's CKA_ID on token %s", p11_token_name(t));
	blob_set(ret_spki, NULL, 0);
	int ret = ret_cka_id->len != 0 ? p11_object_find(t, CKO_PUBLIC_KEY, ret_cka_id, &public, e) : 0;
	if (ret == 0 && public.n >= 1)
		ret = p11_pubkey_read(t, public.handle[0], ret_spki, e);
	if (ret == 0 && ret_spki->len == 0)
		ret = p11_pubkey_read(t, private_key, ret_spki, e);
	p11_objects_free(&public);
	return ret;
}

int p11_key_find_public(const struct p11_token *t, const struct blob *spki, CK_OBJECT_HANDLE *ret_private,
			struct blob *ret_cka_id, struct err *e)
{
	struct p11_objects private = {NULL, 0};
	*ret_private = CK_INVALID_HANDLE;
	int ret = p11_object_find(t, CKO_PRIVATE_KEY, NULL, &private, e);
	for (size_t i = 0; ret == 0 && i < private.n && *ret_private == CK_INVALID_HANDLE; i++) {
		struct blob there = BLOB_INIT;
		ret = p11_key_public(t, private.handle[i], ret_cka_id, &there, e);
		if (ret == 0 && blob_equal(&there, spki))
			*ret_private = private.handle[i];
		blob_free(&there);
	}
	p11_objects_free(&private);
	return ret;
}

void p11_key_facts(const struct p11_token *t, CK_OBJECT_HANDLE private_key, struct p11_key_facts *ret)
{
	ret->sensitive = p11_attribute_bool(t, private_key, CKA_SENSITIVE, false);
	ret->always_sensitive = p11_attribute_bool(t, private_key, CKA_ALWAYS_SENSITIVE, false);
	/* a token that does not say has not promised anything */
	ret->extractable = p11_attribute_bool(t, private_key, CKA_EXTRACTABLE, true);
	ret->never_extractable = p11_attribute_bool(t, private_key, CKA_NEVER_EXTRACTABLE, false);
	ret->local = p11_attribute_bool(t, private_key, CKA_LOCAL, false);
}

static int ecdsa_to_der(const unsigned char *rs, size_t len, struct blob *ret, struct err *e)
{
	ECDSA_SIG *sig = len != 0 && len % 2 == 0 ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = BN_bin2bn(rs, (int)(len / 2), NULL);
	BIGNUM *s = BN_bin2bn(rs + len / 2, (int)(len / 2), NULL);
	unsigned char *der = NULL;
	int n = -1;
	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return err_set(e, ERR_PROOF, "the token's ECDSA signature has an impossible length of %zu bytes", len);
	blob_set(ret, der, (size_t)n);
	OPENSSL_free(der);
	return 0;
}

int p11_key_sign(struct p11_token *t, CK_OBJECT_HANDLE private_key, bool rsa, const struct blob *digest,
		 struct blob *ret_signature, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	CK_SESSION_HANDLE s = p11_token_session(t);
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
	CK_MECHANISM mech = {CKM_ECDSA, NULL, 0};
	if (rsa)
		mech = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof pss};
	unsigned char sig[SIGNATURE_MAX];
	CK_ULONG len = sizeof sig;
	bool pin_again = p11_login_is_wanted(t, private_key);
	CK_RV rv = f->C_SignInit(s, &mech, private_key);
	if (rv == CKR_OK && pin_again && p11_login_again(t, e) != 0)
		return -1;
	if (rv == CKR_OK)
		rv = f->C_Sign(s, digest->data, digest->len, sig, &len);
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_PROOF, "token %s cannot sign with %s, which OpenVPN needs",
				 p11_token_name(t), rsa ? "CKM_RSA_PKCS_PSS" : "CKM_ECDSA");
	if (len > sizeof sig)
		return err_set(e, ERR_PROOF, "the token's signature has an impossible length of %lu bytes", len);
	if (!rsa)
		return ecdsa_to_der(sig, len, ret_signature, e);
	blob_set(ret_signature, sig, len);
	return 0;
}

int p11_key_fits(struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *spki, bool *ret, struct err *e)
{
	const unsigned char *p = spki->data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki->len);
	struct blob digest = BLOB_INIT, signature = BLOB_INIT;
	if (key == NULL)
		return err_openssl(e, ERR_STORE, "a public key cannot be read");
	int got = p11_login_to_sign(t, e);
	if (got == 0)
		got = challenge_make(key, &digest, e);
	if (got == 0)
		got = p11_key_sign(t, private_key, EVP_PKEY_is_a(key, "RSA"), &digest, &signature, e);
	if (got == 0)
		*ret = challenge_verify(key, &digest, &signature, NULL) == 0;
	blob_free(&digest);
	blob_free(&signature);
	EVP_PKEY_free(key);
	return got;
}
