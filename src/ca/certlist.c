#include "ca/certlist.h"

#include "core/xalloc.h"

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* TBSCertList; the entries are one SEQUENCE, left in DER */
typedef struct {
	ASN1_ENCODING enc;
	ASN1_INTEGER *version;
	X509_ALGOR *algorithm;
	X509_NAME *issuer;
	ASN1_TIME *this_update, *next_update;
	ASN1_STRING *entries;
	STACK_OF(X509_EXTENSION) * extensions;
} TBS_LIST;

typedef struct {
	TBS_LIST *tbs;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
} CERT_LIST;

/* NOLINTBEGIN(cppcoreguidelines-*, bugprone-sizeof-expression): OpenSSL's own macros */
ASN1_SEQUENCE_enc(TBS_LIST, enc, NULL) =
    {
	ASN1_OPT(TBS_LIST, version, ASN1_INTEGER),
	ASN1_SIMPLE(TBS_LIST, algorithm, X509_ALGOR),
	ASN1_SIMPLE(TBS_LIST, issuer, X509_NAME),
	ASN1_SIMPLE(TBS_LIST, this_update, ASN1_TIME),
	ASN1_OPT(TBS_LIST, next_update, ASN1_TIME),
	ASN1_OPT(TBS_LIST, entries, ASN1_SEQUENCE),
	ASN1_EXP_SEQUENCE_OF_OPT(TBS_LIST, extensions, X509_EXTENSION, 0),
	/* cppcheck-suppress unknownMacro */
} static_ASN1_SEQUENCE_END_ref(TBS_LIST, TBS_LIST)

	ASN1_SEQUENCE(CERT_LIST) =
	    {
		ASN1_SIMPLE(CERT_LIST, tbs, TBS_LIST),
		ASN1_SIMPLE(CERT_LIST, algorithm, X509_ALGOR),
		ASN1_SIMPLE(CERT_LIST, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(CERT_LIST)
    /* NOLINTEND */

    struct certlist {
	CERT_LIST *asn1;
};

static struct certlist *wrap(CERT_LIST *asn1)
{
	if (asn1 == NULL)
		return NULL;
	struct certlist *l = xcalloc(1, sizeof *l);
	l->asn1 = asn1;
	return l;
}

static void unwrap(CERT_LIST *asn1)
{
	ASN1_item_free((ASN1_VALUE *)asn1, ASN1_ITEM_rptr(CERT_LIST));
}

/* The SEQUENCE around them; a list without entries has none (RFC 5280, 5.1.2.6). */
static int put_entries(TBS_LIST *tbs, const struct blob *entries)
{
	if (entries->len == 0)
		return 1;
	int size = ASN1_object_size(1, (int)entries->len, V_ASN1_SEQUENCE);
	unsigned char *der = OPENSSL_malloc((size_t)size), *p = der;
	tbs->entries = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	if (der == NULL || tbs->entries == NULL) {
		OPENSSL_free(der);
		return 0;
	}
	ASN1_put_object(&p, 1, (int)entries->len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, entries->data, entries->len);
	ASN1_STRING_set0(tbs->entries, der, size);
	return 1;
}

static int fill(TBS_LIST *tbs, const struct certlist_head *head)
{
	ASN1_TIME_free(tbs->this_update);
	tbs->version = ASN1_INTEGER_new();
	tbs->this_update = ASN1_STRING_dup(head->this_update);
	tbs->next_update = ASN1_STRING_dup(head->next_update);
	tbs->extensions = sk_X509_EXTENSION_deep_copy(head->extensions, X509_EXTENSION_dup, X509_EXTENSION_free);
	return tbs->version != NULL && tbs->this_update != NULL && tbs->next_update != NULL &&
	       tbs->extensions != NULL && ASN1_INTEGER_set(tbs->version, X509_CRL_VERSION_2) == 1 &&
	       X509_NAME_set(&tbs->issuer, head->issuer) == 1;
}

struct certlist *certlist_make(const struct certlist_head *head, struct blob *entries, EVP_PKEY *key, const EVP_MD *md)
{
	CERT_LIST *made = (CERT_LIST *)ASN1_item_new(ASN1_ITEM_rptr(CERT_LIST));
	int ok = made != NULL && fill(made->tbs, head) && put_entries(made->tbs, entries);
	blob_free(entries);
	if (ok && ASN1_item_sign(ASN1_ITEM_rptr(TBS_LIST), made->tbs->algorithm, made->algorithm, made->signature,
				 made->tbs, key, md) > 0)
		return wrap(made);
	unwrap(made);
	return NULL;
}

struct certlist *certlist_read(const void *text, size_t len)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long n = 0;
	CERT_LIST *got = NULL;
	BIO *in = BIO_new_mem_buf(text, (int)len);
	while (in != NULL && got == NULL && PEM_read_bio(in, &name, &header, &der, &n) == 1) {
		const unsigned char *p = der;
		bool is_crl = strcmp(name, PEM_STRING_X509_CRL) == 0;
		if (is_crl)
			got = (CERT_LIST *)ASN1_item_d2i(NULL, &p, n, ASN1_ITEM_rptr(CERT_LIST));
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
		if (is_crl)
			break;
	}
	BIO_free(in);
	ERR_clear_error();
	return wrap(got);
}

int certlist_write(BIO *out, const struct certlist *l)
{
	unsigned char *der = NULL;
	int n = ASN1_item_i2d((const ASN1_VALUE *)l->asn1, &der, ASN1_ITEM_rptr(CERT_LIST));
	int ok = n > 0 && PEM_write_bio(out, PEM_STRING_X509_CRL, "", der, n) > 0;
	OPENSSL_free(der);
	return ok;
}

void certlist_free(struct certlist **l)
{
	if (l == NULL || *l == NULL)
		return;
	unwrap((*l)->asn1);
	free(*l);
	*l = NULL;
}

bool certlist_verify(const struct certlist *l, EVP_PKEY *key)
{
	const CERT_LIST *c = l->asn1;
	/* both say how it is signed, and only one of them is signed (RFC 5280, 5.1.1.2) */
	bool good = X509_ALGOR_cmp(c->algorithm, c->tbs->algorithm) == 0 &&
		    ASN1_item_verify(ASN1_ITEM_rptr(TBS_LIST), c->algorithm, c->signature, c->tbs, key) == 1;
	ERR_clear_error();
	return good;
}

/* The bytes that are signed, of a list that was read. */
bool certlist_equal(const struct certlist *a, const struct certlist *b)
{
	const ASN1_ENCODING *x = &a->asn1->tbs->enc, *y = &b->asn1->tbs->enc;
	return x->len == y->len && memcmp(x->enc, y->enc, (size_t)x->len) == 0;
}

struct certlist_head certlist_head(const struct certlist *l)
{
	const TBS_LIST *tbs = l->asn1->tbs;
	return (struct certlist_head){tbs->issuer, tbs->this_update, tbs->next_update, tbs->extensions};
}

BIGNUM *certlist_number(const struct certlist *l)
{
	ASN1_INTEGER *n = X509V3_get_d2i(l->asn1->tbs->extensions, NID_crl_number, NULL, NULL);
	BIGNUM *ret = n != NULL ? ASN1_INTEGER_to_BN(n, NULL) : NULL;
	ASN1_INTEGER_free(n);
	return ret;
}

/* Goes into what stands at *p up to end: true if it is of that tag, and *ret_len bytes of content follow. */
static bool enter(const unsigned char **p, const unsigned char *end, int tag, long *ret_len)
{
	int got = 0, class = 0;
	return *p < end && (ASN1_get_object(p, ret_len, &got, &class, end - *p) & 0x80) == 0 && got == tag &&
	       *ret_len <= end - *p;
}

/* Goes through the entries' serial numbers, which begin each; *at is NULL before the first. */
static bool next_serial(const ASN1_STRING *entries, const unsigned char **at, const unsigned char **ret, long *ret_len)
{
	const unsigned char *begin = ASN1_STRING_get0_data(entries), *end = begin + ASN1_STRING_length(entries);
	long len = 0;
	if (*at == NULL) {
		*at = begin;
		if (!enter(at, end, V_ASN1_SEQUENCE, &len))
			return false;
	}
	if (!enter(at, end, V_ASN1_SEQUENCE, &len))
		return false;
	*ret = *at;
	*at += len;
	return enter(ret, *at, V_ASN1_INTEGER, ret_len);
}

size_t certlist_count(const struct certlist *l)
{
	const ASN1_STRING *entries = l->asn1->tbs->entries;
	const unsigned char *at = NULL, *serial;
	size_t n = 0;
	long len;
	while (entries != NULL && next_serial(entries, &at, &serial, &len))
		n++;
	return n;
}

bool certlist_next(const struct certlist *l, const unsigned char **at, const unsigned char **ret, size_t *ret_len)
{
	const ASN1_STRING *entries = l->asn1->tbs->entries;
	long len;
	if (entries == NULL || !next_serial(entries, at, ret, &len))
		return false;
	/* a zero stands before what would else be negative */
	bool padded = len > 1 && (*ret)[0] == 0;
	*ret += padded;
	*ret_len = (size_t)len - padded;
	return true;
}

bool certlist_has(const struct certlist *l, const char *serial)
{
	const unsigned char *at = NULL, *found;
	struct blob want = BLOB_INIT;
	bool has = false;
	size_t len, zeros = 0;
	if (hex_decode(&want, serial) != 0)
		return false;
	while (zeros + 1 < want.len && want.data[zeros] == 0)
		zeros++;
	while (!has && certlist_next(l, &at, &found, &len))
		has = len == want.len - zeros && memcmp(found, want.data + zeros, len) == 0;
	blob_free(&want);
	return has;
}
