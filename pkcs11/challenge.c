#include "pkcs11/challenge.h"
#include "core/keytype.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>

#define NONCE_LEN 32

int challenge_make(EVP_PKEY *key, struct blob *ret_digest, struct err *e)
{
	unsigned char nonce[NONCE_LEN], digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const EVP_MD *md = keytype_digest(keytype_of(key));
	if (RAND_bytes(nonce, sizeof nonce) != 1 || EVP_Digest(nonce, sizeof nonce, digest, &len, md, NULL) != 1)
		return err_openssl(e, ERR_FAILED, "the random generator failed");
	blob_set(ret_digest, digest, len);
	return 0;
}

int challenge_verify(EVP_PKEY *key, const struct blob *digest, const struct blob *signature, struct err *e)
{
	const EVP_MD *md = keytype_digest(keytype_of(key));
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	int ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
	if (ok && EVP_PKEY_is_a(key, "RSA"))
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		     EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
	if (ok)
		ok = EVP_PKEY_verify(ctx, signature->data, signature->len, digest->data, digest->len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : err_openssl(e, ERR_PROOF, "the token's signature does not fit the certificate");
}
