#include "station/envelope.h"

#include "core/xalloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16

/* The nonce, what is sealed, the tag. */
int envelope_seal(const struct secret *key, const char *whose, const struct secret *pin, struct blob *ret,
		  struct err *e)
{
	unsigned char *out = xcalloc(1, NONCE_BYTES + pin->len + TAG_BYTES);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, end = 0;
	bool ok =
	    key->len == KEY_BYTES && ctx != NULL && RAND_bytes(out, NONCE_BYTES) == 1 &&
	    EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), (const unsigned char *)key->bytes, out, NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)whose, (int)strlen(whose)) == 1 &&
	    EVP_EncryptUpdate(ctx, out + NONCE_BYTES, &n, (const unsigned char *)pin->bytes, (int)pin->len) == 1 &&
	    EVP_EncryptFinal_ex(ctx, out + NONCE_BYTES + n, &end) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + NONCE_BYTES + pin->len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (ok) {
		blob_take(ret, out, NONCE_BYTES + pin->len + TAG_BYTES);
		return 0;
	}
	free(out);
	return err_openssl(e, ERR_FAILED, "a PIN could not be sealed");
}

int envelope_open(const struct secret *key, const char *whose, const struct blob *sealed, struct secret *ret,
		  struct err *e)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const unsigned char *in = sealed->data;
	size_t len = sealed->len >= NONCE_BYTES + TAG_BYTES ? sealed->len - NONCE_BYTES - TAG_BYTES : 0;
	unsigned char tag[TAG_BYTES] = {0};
	int n = 0, end = 0;
	if (len > 0)
		memcpy(tag, in + NONCE_BYTES + len, TAG_BYTES);
	bool ok = key->len == KEY_BYTES && ctx != NULL && len > 0 && len <= SECRET_MAX &&
		  EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), (const unsigned char *)key->bytes, in, NULL) == 1 &&
		  EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)whose, (int)strlen(whose)) == 1 &&
		  EVP_DecryptUpdate(ctx, (unsigned char *)ret->bytes, &n, in + NONCE_BYTES, (int)len) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
		  EVP_DecryptFinal_ex(ctx, (unsigned char *)ret->bytes + n, &end) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (ok) {
		ret->len = len;
		ret->bytes[len] = '\0';
		return 0;
	}
	secret_clear(ret);
	err_set(e, ERR_ESCROW, "a PIN that an earlier station has kept cannot be opened");
	return err_next(e,
			"it was sealed with another CA key, or the database was changed: `tokenroll unblock` gives the "
			"token a new PIN");
}
