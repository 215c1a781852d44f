#include "pkcs11/object.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define FIND_STEP 64

static CK_RV collect(const struct p11_token *t, struct p11_objects *ret)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	for (;;) {
		CK_ULONG got = 0;
		ret->handle = xrealloc(ret->handle, ret->n + FIND_STEP, sizeof *ret->handle);
		CK_RV rv = f->C_FindObjects(p11_token_session(t), ret->handle + ret->n, FIND_STEP, &got);
		if (rv != CKR_OK || got == 0)
			return rv;
		if (got > FIND_STEP || ret->n + got > P11_OBJECTS_MAX)
			return CKR_GENERAL_ERROR;
		ret->n += got;
	}
}

int p11_object_find(const struct p11_token *t, CK_OBJECT_CLASS class, const struct blob *cka_id,
		    struct p11_objects *ret, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	CK_SESSION_HANDLE s = p11_token_session(t);
	struct p11_template want = P11_TEMPLATE_INIT;
	struct p11_objects found = {NULL, 0};
	if (class != P11_CLASS_ANY)
		p11_template_add_ulong(&want, CKA_CLASS, &class);
	if (cka_id != NULL)
		p11_template_add(&want, CKA_ID, cka_id->data, cka_id->len);
	CK_RV rv = f->C_FindObjectsInit(s, want.a, want.n);
	if (rv == CKR_OK) {
		rv = collect(t, &found);
		CK_RV end = f->C_FindObjectsFinal(s);
		if (rv == CKR_OK)
			rv = end;
	}
	if (rv != CKR_OK) {
		p11_objects_free(&found);
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot search token %s", p11_token_name(t));
	}
	*ret = found;
	return 0;
}

void p11_objects_free(struct p11_objects *o)
{
	free(o->handle);
	o->handle = NULL;
	o->n = 0;
}

int p11_object_delete(const struct p11_token *t, CK_OBJECT_HANDLE object, struct err *e)
{
	CK_RV rv = p11_token_functions(t)->C_DestroyObject(p11_token_session(t), object);
	if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID)
		return 0;
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot delete an object of ours from token %s", p11_token_name(t));
}

/* The CN of a certificate's subject, from malloc; NULL if there is none. */
static char *common_name(const struct p11_token *t, CK_OBJECT_HANDLE object)
{
	struct blob der = BLOB_INIT;
	char *ret = NULL;
	if (p11_attribute_read(t, object, CKA_VALUE, &der) == CKR_OK) {
		const unsigned char *p = der.data;
		X509 *x = d2i_X509(NULL, &p, (long)der.len);
		char cn[256];
		if (x != NULL &&
		    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof cn) >= 0)
			ret = xstrdup(cn);
		X509_free(x);
	}
	blob_free(&der);
	return ret;
}

bool p11_object_is_nobodys(const struct p11_token *t, CK_OBJECT_HANDLE object)
{
	struct blob class = BLOB_INIT, id = BLOB_INIT, label = BLOB_INIT;
	struct profile_object o = {.class = P11_CLASS_ANY, .id = &id};
	const struct profile *p = p11_token_profile(t);
	if (p11_attribute_read(t, object, CKA_CLASS, &class) == CKR_OK && class.len == sizeof o.class)
		memcpy(&o.class, class.data, sizeof o.class);
	blob_free(&class);
	if (p->n_ignore == 0 || profile_class_describes(o.class))
		return profile_ignores(p, &o);
	o.token = p11_attribute_bool(t, object, CKA_TOKEN, true);
	(void)p11_attribute_read(t, object, CKA_ID, &id);
	(void)p11_attribute_read(t, object, CKA_LABEL, &label);
	/* a blob has no NUL behind it */
	char *text = xasprintf("%.*s", (int)label.len, label.len != 0 ? (const char *)label.data : "");
	char *subject = o.class == CKO_CERTIFICATE ? common_name(t, object) : NULL;
	o.label = text;
	o.subject = subject;
	bool nobodys = profile_ignores(p, &o);
	free(subject);
	free(text);
	blob_free(&label);
	blob_free(&id);
	return nobodys;
}

int p11_object_id_taken(const struct p11_token *t, const struct blob *cka_id, bool *ret, struct err *e)
{
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(t, P11_CLASS_ANY, cka_id, &found, e) != 0)
		return -1;
	*ret = false;
	for (size_t i = 0; i < found.n && !*ret; i++)
		*ret = !p11_object_is_nobodys(t, found.handle[i]);
	p11_objects_free(&found);
	return 0;
}
