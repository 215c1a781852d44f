/*
 * oaep: a PKCS#11 module as tokens in a strict mode are: it hands every call on to a real one, but decrypts by
 * CKM_RSA_PKCS_OAEP alone, with SHA-256 and MGF1-SHA-256, and never by CKM_RSA_X_509.
 *
 *   OAEP_MODULE   path of the real module, which has CKM_RSA_X_509
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 2048

static CK_FUNCTION_LIST *real, functions;

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mech, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
	const CK_RSA_PKCS_OAEP_PARAMS *p = mech->pParameter;

	if (mech->mechanism != CKM_RSA_PKCS_OAEP)
		return CKR_MECHANISM_INVALID;
	if (mech->ulParameterLen != sizeof(*p) || p->hashAlg != CKM_SHA256 || p->mgf != CKG_MGF1_SHA256 ||
	    p->source != CKZ_DATA_SPECIFIED || p->ulSourceDataLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return real->C_DecryptInit(session, &raw, key);
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *ret_len)
{
	unsigned char block[BLOCK_MAX], text[BLOCK_MAX];
	CK_ULONG len = sizeof(block);
	CK_RV rv = real->C_Decrypt(session, in, in_len, block, &len);

	/* what was encrypted for another key may be greater than this one's modulus: SoftHSM2 has no word for that */
	if (rv != CKR_OK)
		return rv == CKR_GENERAL_ERROR ? CKR_ENCRYPTED_DATA_INVALID : rv;
	int n = RSA_padding_check_PKCS1_OAEP_mgf1(text, sizeof(text), block, (int)len, (int)len, NULL, 0, EVP_sha256(),
						  EVP_sha256());
	if (n < 0)
		return CKR_ENCRYPTED_DATA_INVALID;
	if ((CK_ULONG)n > *ret_len)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(out, text, (size_t)n);
	*ret_len = (CK_ULONG)n;
	return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
	const char *path = getenv("OAEP_MODULE");
	void *handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = NULL;

	if (handle)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	functions = *real;
	functions.C_DecryptInit = decrypt_init;
	functions.C_Decrypt = decrypt;
	*ret = &functions;
	return CKR_OK;
}
