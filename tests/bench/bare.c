/*
 * bare: the least that an enrollment can take: the PKCS#11 calls for a P-256 key pair, one signature and a
 * certificate on the token, and one signature with the CA key. No request, no journal, no checks, no files.
 *
 * usage: bare MODULE PIN-FILE CA-KEY CA-PASS-FILE
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                      \
	do {                                                                             \
		CK_RV rv_ = (call);                                                      \
		if (rv_ != CKR_OK) {                                                     \
			fprintf(stderr, "bare: %s: 0x%lx\n", #call, (unsigned long)rv_); \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

static void fail(const char *what)
{
	fprintf(stderr, "bare: %s\n", what);
	exit(1);
}

static void read_line(char *ret, size_t size, const char *path)
{
	FILE *f = fopen(path, "r");
	if (f == NULL || fgets(ret, (int)size, f) == NULL)
		fail(path);
	ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

static CK_FUNCTION_LIST *load(const char *path)
{
	CK_FUNCTION_LIST *f;
	void *so = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;
	if (so != NULL)
		*(void **)&get = dlsym(so, "C_GetFunctionList");
	if (get == NULL)
		fail(path);
	CHECK(get(&f));
	CHECK(f->C_Initialize(NULL));
	return f;
}

static CK_SESSION_HANDLE log_in(CK_FUNCTION_LIST *f, const char *pin_file)
{
	char pin[256];
	CK_SLOT_ID slots[16];
	CK_ULONG n = sizeof slots / sizeof *slots;
	CK_SESSION_HANDLE session;
	read_line(pin, sizeof pin, pin_file);
	CHECK(f->C_GetSlotList(CK_TRUE, slots, &n));
	if (n == 0)
		fail("there is no token");
	CHECK(f->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	CHECK(f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));
	return session;
}

static CK_OBJECT_HANDLE make_key(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE id[] = {1}, p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE public_key[] = {
	    {CKA_TOKEN, &yes, sizeof yes}, {CKA_ID, id, sizeof id}, {CKA_EC_PARAMS, p256, sizeof p256}};
	CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
				      {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_SIGN, &yes, sizeof yes},
				      {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_ID, id, sizeof id}};
	CK_OBJECT_HANDLE pub, key;
	CHECK(f->C_GenerateKeyPair(session, &mechanism, public_key, 3, private_key, 6, &pub, &key));
	return key;
}

static void sign(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	CK_BYTE digest[32] = {1}, signature[64];
	CK_ULONG len = sizeof signature;
	CHECK(f->C_SignInit(session, &mechanism, key));
	CHECK(f->C_Sign(session, digest, sizeof digest, signature, &len));
}

/* A certificate's size and attributes; what is in it does not matter to the token. */
static void write_certificate(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session)
{
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BYTE id[] = {1}, subject[] = {0x30, 0x00}, value[600] = {0x30};
	CK_ATTRIBUTE certificate[] = {
	    {CKA_CLASS, &class, sizeof class},      {CKA_CERTIFICATE_TYPE, &type, sizeof type},
	    {CKA_TOKEN, &yes, sizeof yes},          {CKA_ID, id, sizeof id},
	    {CKA_SUBJECT, subject, sizeof subject}, {CKA_VALUE, value, sizeof value}};
	CK_OBJECT_HANDLE object;
	CHECK(f->C_CreateObject(session, certificate, 6, &object));
}

static void ca_sign(const char *key_file, const char *pass_file)
{
	char pass[1024];
	unsigned char tbs[600] = {0x30}, signature[1024];
	size_t len = sizeof signature;
	read_line(pass, sizeof pass, pass_file);
	FILE *file = fopen(key_file, "r");
	EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, pass) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (key == NULL || ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &len, tbs, sizeof tbs) != 1)
		fail(key_file);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		fail("usage: bare MODULE PIN-FILE CA-KEY CA-PASS-FILE");
	CK_FUNCTION_LIST *f = load(argv[1]);
	CK_SESSION_HANDLE session = log_in(f, argv[2]);
	sign(f, session, make_key(f, session));
	ca_sign(argv[3], argv[4]);
	write_certificate(f, session);
	CHECK(f->C_Finalize(NULL));
	return 0;
}
