#include "pkcs11/aside.h"
#include "pkcs11/ckr.h"

#include <openssl/evp.h>

#define ASIDE_LEN 8

int p11_aside_id(const struct blob *cka_id, struct blob *ret, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	if (EVP_Digest(cka_id->data, cka_id->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return err_openssl(e, ERR_FAILED, "SHA-256 failed");
	digest[0] |= 0x80; /* never a leading zero, which some modules cut off */
	blob_set(ret, digest, ASIDE_LEN);
	return 0;
}

int p11_aside_set(const struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *cka_id, struct err *e)
{
	struct p11_template want = P11_TEMPLATE_INIT;
	p11_template_add(&want, CKA_ID, cka_id->data, cka_id->len);
	CK_RV rv = p11_token_functions(t)->C_SetAttributeValue(p11_token_session(t), private_key, want.a, want.n);
	return rv == CKR_OK ? 0
			    : ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot set the CKA_ID of a key of ours on token %s",
					p11_token_name(t));
}
