/*
 * tokenfill MODULE SERIAL PIN-FILE USER: puts on a token what somebody else may have there, for tests that nothing of
 * it is touched:
 *
 *     an RSA key pair with its certificate, label "Qualified signature", CKA_ID 45
 *     a P-256 key pair with its certificate, label USER, CKA_ID 46
 *     the certificate of a CA, with an empty CKA_ID
 *     a private data object
 */
#include "session.h"

#include <err.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define MODULUS_BITS 2048

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* the OID prime256v1 in DER */
static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static void check(int ok, const char *what)
{
	if (!ok)
		errx(1, "OpenSSL: %s", what);
}

struct pair {
	CK_KEY_TYPE type;
	CK_BYTE id;
	const char *label;
};

static CK_OBJECT_HANDLE generate(const struct session *s, const struct pair *p)
{
	CK_MECHANISM mechanism = {p->type == CKK_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ULONG bits = MODULUS_BITS;
	CK_BYTE exponent[] = {1, 0, 1};
	CK_BYTE id = p->id;
	char label[64];
	CK_ULONG label_len = (CK_ULONG)snprintf(label, sizeof(label), "%s", p->label);
	CK_ATTRIBUTE public_templ[] = {
	    {CKA_TOKEN, &yes, sizeof(yes)},      {CKA_VERIFY, &yes, sizeof(yes)},
	    {CKA_ID, &id, sizeof(id)},           {CKA_LABEL, label, label_len},
	    {CKA_EC_PARAMS, p256, sizeof(p256)}, {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
	};
	CK_ATTRIBUTE private_templ[] = {
	    {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_PRIVATE, &yes, sizeof(yes)},   {CKA_SENSITIVE, &yes, sizeof(yes)},
	    {CKA_SIGN, &yes, sizeof(yes)},  {CKA_EXTRACTABLE, &no, sizeof(no)}, {CKA_ID, &id, sizeof(id)},
	    {CKA_LABEL, label, label_len},
	};
	CK_OBJECT_HANDLE public_key, private_key;

	/* what differs stands last: the curve, or modulus length and exponent */
	if (p->type == CKK_RSA)
		public_templ[4] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)};
	must(s->p11->C_GenerateKeyPair(s->handle, &mechanism, public_templ, p->type == CKK_RSA ? 6 : 5, private_templ,
				       7, &public_key, &private_key),
	     "C_GenerateKeyPair");
	return public_key;
}

/* Makes an EVP_PKEY of what the builder holds, and frees the builder. */
static EVP_PKEY *build_key(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	check(params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1,
	      "public key");
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	return key;
}

static EVP_PKEY *rsa_public_key(const struct session *s, CK_OBJECT_HANDLE object)
{
	CK_BYTE modulus[MODULUS_BITS / 8], exponent[8];
	CK_ATTRIBUTE a[] = {{CKA_MODULUS, modulus, sizeof(modulus)}, {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)}};
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n, *e;
	EVP_PKEY *key;

	must(s->p11->C_GetAttributeValue(s->handle, object, a, 2), "C_GetAttributeValue(CKA_MODULUS)");
	n = BN_bin2bn(modulus, (int)a[0].ulValueLen, NULL);
	e = BN_bin2bn(exponent, (int)a[1].ulValueLen, NULL);
	check(b && n && e && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
		  OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e),
	      "RSA key");
	key = build_key("RSA", b);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *ec_public_key(const struct session *s, CK_OBJECT_HANDLE object)
{
	CK_BYTE point[80];
	CK_ATTRIBUTE a = {CKA_EC_POINT, point, sizeof(point)};
	const unsigned char *der = point;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	ASN1_OCTET_STRING *raw;
	EVP_PKEY *key;

	must(s->p11->C_GetAttributeValue(s->handle, object, &a, 1), "C_GetAttributeValue(CKA_EC_POINT)");
	raw = d2i_ASN1_OCTET_STRING(NULL, &der, (long)a.ulValueLen);
	check(raw && b && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
		  OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, ASN1_STRING_get0_data(raw),
						   (size_t)ASN1_STRING_length(raw)),
	      "EC key");
	key = build_key("EC", b);
	ASN1_OCTET_STRING_free(raw);
	return key;
}

/* A certificate for that key, by a CA that nobody has heard of. */
static X509 *certify(EVP_PKEY *key, EVP_PKEY *ca, const char *name, long serial)
{
	X509 *x = X509_new();

	check(x && X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) &&
		  X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
		  X509_gmtime_adj(X509_getm_notAfter(x), 365L * 24 * 3600) && X509_set_pubkey(x, key) &&
		  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name,
					     -1, -1, 0) &&
		  X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_UTF8,
					     (const unsigned char *)"Foreign CA", -1, -1, 0) &&
		  X509_sign(x, ca, EVP_sha256()),
	      "certificate");
	return x;
}

/* id may be NULL for an empty CKA_ID */
static void write_certificate(const struct session *s, X509 *x, const CK_BYTE *id, const char *name)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BYTE id_copy = id ? *id : 0;
	char label[64];
	CK_ULONG label_len = (CK_ULONG)snprintf(label, sizeof(label), "%s", name);
	unsigned char *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	int der_len = i2d_X509(x, &der), subject_len = i2d_X509_NAME(X509_get_subject_name(x), &subject);
	int issuer_len = i2d_X509_NAME(X509_get_issuer_name(x), &issuer);
	int serial_len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &serial);
	CK_OBJECT_HANDLE object;

	check(der_len > 0 && subject_len > 0 && issuer_len > 0 && serial_len > 0, "DER");
	CK_ATTRIBUTE templ[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_CERTIFICATE_TYPE, &type, sizeof(type)},
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &no, sizeof(no)},
	    {CKA_LABEL, label, label_len},
	    {CKA_ID, &id_copy, id ? 1 : 0},
	    {CKA_SUBJECT, subject, (CK_ULONG)subject_len},
	    {CKA_ISSUER, issuer, (CK_ULONG)issuer_len},
	    {CKA_SERIAL_NUMBER, serial, (CK_ULONG)serial_len},
	    {CKA_VALUE, der, (CK_ULONG)der_len},
	};
	must(s->p11->C_CreateObject(s->handle, templ, sizeof(templ) / sizeof(templ[0]), &object), "C_CreateObject");
	OPENSSL_free(der);
	OPENSSL_free(subject);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
}

static void write_data(const struct session *s)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	char label[] = "Somebody's notes", application[] = "another application", value[] = "do not touch";
	CK_ATTRIBUTE templ[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &yes, sizeof(yes)},
	    {CKA_LABEL, label, strlen(label)},
	    {CKA_APPLICATION, application, strlen(application)},
	    {CKA_VALUE, value, strlen(value)},
	};
	CK_OBJECT_HANDLE object;

	must(s->p11->C_CreateObject(s->handle, templ, sizeof(templ) / sizeof(templ[0]), &object), "C_CreateObject");
}

int main(int argc, char **argv)
{
	struct session s;
	EVP_PKEY *ca = EVP_EC_gen("P-256");
	X509 *x;

	if (argc != 5)
		errx(2, "usage: tokenfill MODULE SERIAL PIN-FILE USER");
	check(ca != NULL, "CA key");
	session_open(&s, argv[1], argv[2], argv[3]);
	const struct pair pairs[] = {{CKK_RSA, 0x45, "Qualified signature"}, {CKK_EC, 0x46, argv[4]}};
	for (int i = 0; i < 2; i++) {
		CK_OBJECT_HANDLE object = generate(&s, &pairs[i]);
		EVP_PKEY *key = pairs[i].type == CKK_RSA ? rsa_public_key(&s, object) : ec_public_key(&s, object);

		x = certify(key, ca, pairs[i].label, i + 2);
		write_certificate(&s, x, &pairs[i].id, pairs[i].label);
		X509_free(x);
		EVP_PKEY_free(key);
	}
	x = certify(ca, ca, "Foreign CA", 1);
	write_certificate(&s, x, NULL, "Foreign CA");
	X509_free(x);
	EVP_PKEY_free(ca);
	write_data(&s);
	session_close(&s);
	return 0;
}
