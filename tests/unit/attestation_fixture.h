/*
 * attestation_fixture: a vendor that makes tokens, for tests: roots,
 * certificates of devices, and statements of theirs about keys.
 */
#ifndef ATTESTATION_FIXTURE_H
#define ATTESTATION_FIXTURE_H

#include "ca_fixture.h"

#define YUBICO "1.3.6.1.4.1.41482.3."
#define DAY 86400

struct maker {
	const char *cn;
	const char *basic;  /* basicConstraints; NULL: none */
	const char *usage;  /* keyUsage; NULL: none */
	const char *ext[6]; /* "oid=hex"; NULL ends */
	long from, to;      /* days from now; both 0: from -10 to 10 */
};

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

static inline void add_extension(X509 *cert, const char *text)
{
	char oid[64];
	const char *is = strchr(text, '=');
	struct blob value = BLOB_INIT;
	snprintf(oid, sizeof oid, "%.*s", (int)(is - text), text);
	assert_int_equal(hex_decode(&value, is + 1), 0);
	ASN1_OBJECT *name = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(bytes, value.data, (int)value.len);
	X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, name, 0, bytes);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(bytes);
	ASN1_OBJECT_free(name);
	blob_free(&value);
}

static inline void add_standard(X509 *cert, int nid, const char *value)
{
	if (value == NULL)
		return;
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* A certificate for this key, by issuer, or by itself if issuer is NULL. */
static inline X509 *make_certificate(const struct maker *m, EVP_PKEY *key, const struct pair *issuer)
{
	static long serial = 1000;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	bool usual = m->from == 0 && m->to == 0;
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)m->cn, -1, -1, 0);
	X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer->cert) : name);
	ASN1_TIME_adj(X509_getm_notBefore(cert), time(NULL), (int)(usual ? -10 : m->from), 0);
	ASN1_TIME_adj(X509_getm_notAfter(cert), time(NULL), (int)(usual ? 10 : m->to), 0);
	X509_set_pubkey(cert, key);
	add_standard(cert, NID_basic_constraints, m->basic);
	add_standard(cert, NID_key_usage, m->usage);
	for (size_t i = 0; i < sizeof m->ext / sizeof *m->ext && m->ext[i] != NULL; i++)
		add_extension(cert, m->ext[i]);
	assert_true(X509_sign(cert, issuer != NULL ? issuer->key : key, EVP_sha256()) > 0);
	return cert;
}

static inline struct pair make_pair(const struct maker *m, const struct pair *issuer)
{
	struct pair p = {NULL, EVP_EC_gen("P-256")};
	p.cert = make_certificate(m, p.key, issuer);
	return p;
}

static inline void free_pair(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

/* Puts a certificate behind what is there already. */
static inline void append(struct blob *to, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	assert_true(n > 0);
	unsigned char *all = xcalloc(1, to->len + (size_t)n);
	if (to->len != 0)
		memcpy(all, to->data, to->len);
	memcpy(all + to->len, der, (size_t)n);
	blob_take(to, all, to->len + (size_t)n);
	OPENSSL_free(der);
}

static inline void write_pem(const char *path, X509 *const certs[], size_t n)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "some text\n");
		assert_int_equal(PEM_write_X509(f, certs[i]), 1);
	}
	fclose(f);
}

#define MAKER_ROOT                                                                                            \
	{                                                                                                     \
		.cn = "Test PIV Root", .basic = "critical,CA:TRUE,pathlen:1", .usage = "critical,keyCertSign" \
	}
/* as slot F9 of a YubiKey 5 has it */
#define MAKER_DEVICE                                                                                                \
	{                                                                                                           \
		.cn = "Yubico PIV Attestation", .basic = "critical,CA:TRUE,pathlen:0", .ext = { YUBICO "3=050403" } \
	}
/* serial 15732500, PIN once, touch never */
#define MAKER_STATEMENT                             \
	{                                           \
		.cn = "YubiKey PIV Attestation 9a", \
		.ext = { YUBICO "3=050403",         \
			 YUBICO "7=020400F00F14",   \
			 YUBICO "8=0201",           \
			 YUBICO "9=04" }            \
	}
#define STATEMENT_SERIAL "15732500"
#define STATEMENT_TEXT "yubico: serial 15732500, firmware 5.4.3, PIN once, touch never"

#endif
