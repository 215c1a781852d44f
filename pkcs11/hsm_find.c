/* hsm_find: the objects on an HSM that a URI can mean. */
#include "core/xalloc.h"
#include "pkcs11/hsm_impl.h"
#include "pkcs11/object.h"
#include "pkcs11/pubkey.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct hsm_objects {
	struct hsm_object *list;
	size_t n;
};

void hsm_object_free(struct hsm_object *o)
{
	blob_free(&o->id);
	free(o->label);
	*o = (struct hsm_object){.label = NULL};
}

static void free_all(struct hsm_objects *o)
{
	for (size_t i = 0; i < o->n; i++)
		hsm_object_free(&o->list[i]);
	free(o->list);
}

static void describe(const struct p11_hsm *h, CK_OBJECT_HANDLE handle, struct hsm_object *ret)
{
	struct blob label = BLOB_INIT;
	*ret = (struct hsm_object){.handle = handle, .id = BLOB_INIT};
	(void)p11_attribute_read(h->token, handle, CKA_ID, &ret->id);
	(void)p11_attribute_read(h->token, handle, CKA_LABEL, &label);
	ret->label = xasprintf("%.*s", (int)label.len, label.len != 0 ? (const char *)label.data : "");
	blob_free(&label);
}

/* All of a class that the URI can mean; with any, all there are. */
static int collect(const struct p11_hsm *h, CK_OBJECT_CLASS class, bool any, struct hsm_objects *ret, struct err *e)
{
	const struct p11_uri *u = h->uri;
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(h->token, class, !any && u->id.len != 0 ? &u->id : NULL, &found, e) != 0)
		return -1;
	ret->list = xcalloc(found.n + 1, sizeof *ret->list);
	ret->n = 0;
	for (size_t i = 0; i < found.n; i++) {
		struct hsm_object *o = &ret->list[ret->n];
		describe(h, found.handle[i], o);
		if (any || u->object[0] == '\0' || strcmp(u->object, o->label) == 0)
			ret->n++;
		else
			hsm_object_free(o);
	}
	p11_objects_free(&found);
	return 0;
}

#define ID_SHOWN 20 /* bytes of a CKA_ID: that of a digest, as is usual */

/* As a URI has it: %01%AB */
static void id_text(char ret[3 * ID_SHOWN + 1], const struct blob *id)
{
	ret[0] = '\0';
	for (size_t i = 0; i < id->len && i < ID_SHOWN; i++)
		snprintf(ret + 3 * i, 4, "%%%02X", id->data[i]);
}

/* "label" (id=%01), "other" (id=%02) */
static void list_objects(char *ret, size_t size, const struct hsm_objects *o)
{
	size_t len = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < o->n && len < size; i++) {
		char id[3 * ID_SHOWN + 1];
		id_text(id, &o->list[i].id);
		int added =
		    snprintf(ret + len, size - len, "%s\"%s\" (id=%s)", len > 0 ? ", " : "", o->list[i].label, id);
		len += added > 0 ? (size_t)added : 0;
	}
}

static int not_the_one(const struct p11_hsm *h, const struct hsm_objects *fit, struct err *e)
{
	char text[400];
	struct hsm_objects all = {NULL, 0};
	if (fit->n > 1) {
		list_objects(text, sizeof text, fit);
		err_set(e, ERR_CA_HSM, "%zu private keys on it fit [ca] key: %s", fit->n, text);
		return err_next(e, "add object= or id= of the one that is the CA's");
	}
	if (collect(h, CKO_PRIVATE_KEY, true, &all, e) != 0)
		return -1;
	list_objects(text, sizeof text, &all);
	free_all(&all);
	err_set(e, ERR_CA_HSM, "no private key on it fits [ca] key; %s%s", text[0] != '\0' ? "there is " : "",
		text[0] != '\0' ? text : "there is none at all");
	return err_next(e, "correct object= and id= in [ca] key");
}

int hsm_has_private(const struct p11_hsm *h, bool *ret, struct err *e)
{
	struct hsm_objects found = {NULL, 0};
	if (collect(h, CKO_PRIVATE_KEY, false, &found, e) != 0)
		return -1;
	*ret = found.n > 0;
	free_all(&found);
	return 0;
}

int hsm_private(const struct p11_hsm *h, struct hsm_object *ret, struct err *e)
{
	struct hsm_objects found = {NULL, 0};
	if (collect(h, CKO_PRIVATE_KEY, false, &found, e) != 0)
		return -1;
	int got = found.n == 1 ? 0 : not_the_one(h, &found, e);
	if (got == 0) {
		*ret = found.list[0];
		found.n = 0;
	}
	free_all(&found);
	return got;
}

static void spki_of_certificate(const struct p11_hsm *h, CK_OBJECT_HANDLE object, struct blob *ret)
{
	struct blob der = BLOB_INIT;
	unsigned char *spki = NULL;
	if (p11_attribute_read(h->token, object, CKA_VALUE, &der) == CKR_OK) {
		const unsigned char *p = der.data;
		X509 *x = d2i_X509(NULL, &p, (long)der.len);
		int n = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki) : 0;
		if (n > 0)
			blob_set(ret, spki, (size_t)n);
		OPENSSL_free(spki);
		X509_free(x);
	}
	blob_free(&der);
	ERR_clear_error();
}

int hsm_public(const struct p11_hsm *h, struct blob *ret_spki, struct err *e)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE};
	bool named = h->uri->id.len != 0 || h->uri->object[0] != '\0', several = false;
	int got = 0;
	blob_set(ret_spki, NULL, 0);
	for (size_t i = 0; got == 0 && named && !several && ret_spki->len == 0 && i < 2; i++) {
		struct hsm_objects found = {NULL, 0};
		got = collect(h, classes[i], false, &found, e);
		if (got == 0 && found.n == 1 && classes[i] == CKO_PUBLIC_KEY)
			got = p11_pubkey_read(h->token, found.list[0].handle, ret_spki, e);
		else if (got == 0 && found.n == 1)
			spki_of_certificate(h, found.list[0].handle, ret_spki);
		several = found.n > 1;
		free_all(&found);
	}
	return got;
}
