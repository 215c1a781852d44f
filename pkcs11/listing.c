#include "pkcs11/listing.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"
#include "pkcs11/object.h"
#include "pkcs11/ours.h"
#include "pkcs11/pubkey.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static void read_text(const struct p11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, char *ret,
		      size_t size)
{
	struct blob text = BLOB_INIT;
	if (p11_attribute_read(t, object, type, &text) == CKR_OK && text.len != 0)
		snprintf(ret, size, "%.*s", (int)text.len, (const char *)text.data);
	blob_free(&text);
}

static void read_certificate(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *known,
			     struct p11_listed *ret)
{
	struct blob der = BLOB_INIT;
	unsigned char *spki = NULL;
	struct tm tm;
	if (p11_attribute_read(t, object, CKA_VALUE, &der) != CKR_OK)
		return;
	const unsigned char *p = der.data;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	if (x != NULL) {
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, ret->subject,
						sizeof ret->subject);
		if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
			ret->not_after = timegm(&tm);
		int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
		blob_set(&ret->spki, spki, n > 0 ? (size_t)n : 0);
	}
	OPENSSL_free(spki);
	X509_free(x);
	ret->strange = !ours_certificate(&der, known);
	blob_free(&der);
}

static int read_one(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *known,
		    struct p11_listed *ret, struct err *e)
{
	struct blob class = BLOB_INIT;
	ret->class = P11_CLASS_ANY;
	if (p11_attribute_read(t, object, CKA_CLASS, &class) == CKR_OK && class.len == sizeof ret->class)
		memcpy(&ret->class, class.data, sizeof ret->class);
	blob_free(&class);
	ret->nobodys = p11_object_is_nobodys(t, object);
	ret->private = p11_attribute_bool(t, object, CKA_PRIVATE, false);
	(void)p11_attribute_read(t, object, CKA_ID, &ret->id);
	read_text(t, object, CKA_LABEL, ret->label, sizeof ret->label);
	if (ret->class == CKO_CERTIFICATE)
		read_certificate(t, object, known, ret);
	return ret->class == CKO_PUBLIC_KEY ? p11_pubkey_read(t, object, &ret->spki, e) : 0;
}

int p11_listing_read(const struct p11_token *t, const struct blob *known, struct p11_listed **ret, size_t *ret_n,
		     struct err *e)
{
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(t, P11_CLASS_ANY, NULL, &found, e) != 0)
		return -1;
	struct p11_listed *list = xcalloc(found.n, sizeof *list);
	int got = 0;
	for (size_t i = 0; got == 0 && i < found.n; i++)
		got = read_one(t, found.handle[i], known, &list[i], e);
	if (got == 0) {
		*ret = list;
		*ret_n = found.n;
	} else {
		p11_listed_free(&list, found.n);
	}
	p11_objects_free(&found);
	return got;
}

static bool describes_token(const struct p11_token *t, CK_OBJECT_HANDLE object)
{
	struct blob class = BLOB_INIT;
	CK_OBJECT_CLASS value = P11_CLASS_ANY;
	if (p11_attribute_read(t, object, CKA_CLASS, &class) == CKR_OK && class.len == sizeof value)
		memcpy(&value, class.data, sizeof value);
	blob_free(&class);
	return profile_class_describes(value);
}

int p11_listing_delete_all(const struct p11_token *t, size_t *ret_n, struct err *e)
{
	struct p11_objects found = {NULL, 0};
	*ret_n = 0;
	if (p11_object_find(t, P11_CLASS_ANY, NULL, &found, e) != 0)
		return -1;
	int got = 0;
	for (size_t i = 0; got == 0 && i < found.n; i++) {
		if (describes_token(t, found.handle[i]))
			continue;
		got = p11_object_delete(t, found.handle[i], e);
		*ret_n += got == 0;
	}
	p11_objects_free(&found);
	return got;
}
