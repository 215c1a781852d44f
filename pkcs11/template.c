#include "pkcs11/template.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

void p11_template_add(struct p11_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	if (t->n == P11_TEMPLATE_MAX)
		abort(); /* a mistake in our own code */
	/* PKCS#11 has no const; a template's values are only read */
	t->a[t->n].type = type;
	memcpy(&t->a[t->n].pValue, &value, sizeof value);
	t->a[t->n].ulValueLen = len;
	t->n++;
}

void p11_template_add_bool(struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
	p11_template_add(t, type, value ? &yes : &no, sizeof yes);
}

void p11_template_add_ulong(struct p11_template *t, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value)
{
	p11_template_add(t, type, value, sizeof *value);
}

void p11_template_drop(struct p11_template *t, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG kept = 0;
	for (CK_ULONG i = 0; i < t->n; i++) {
		if (t->a[i].type != type)
			t->a[kept++] = t->a[i];
	}
	t->n = kept;
}

CK_RV p11_attribute_read(const struct p11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct blob *ret)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	CK_ATTRIBUTE a = {type, NULL, 0};
	CK_RV rv = f->C_GetAttributeValue(p11_token_session(t), object, &a, 1);
	if (rv == CKR_ATTRIBUTE_SENSITIVE)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (a.ulValueLen > P11_VALUE_MAX)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	unsigned char *value = xcalloc(1, a.ulValueLen + 1);
	CK_ULONG room = a.ulValueLen;
	a.pValue = value;
	rv = room != 0 ? f->C_GetAttributeValue(p11_token_session(t), object, &a, 1) : CKR_OK;
	if (rv != CKR_OK || a.ulValueLen > room) {
		free(value);
		return rv != CKR_OK ? rv : CKR_ATTRIBUTE_TYPE_INVALID;
	}
	blob_take(ret, value, a.ulValueLen);
	return CKR_OK;
}

bool p11_attribute_bool(const struct p11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	CK_BBOOL v = CK_FALSE;
	CK_ATTRIBUTE a = {type, &v, sizeof v};
	CK_RV rv = p11_token_functions(t)->C_GetAttributeValue(p11_token_session(t), object, &a, 1);
	return rv == CKR_OK && a.ulValueLen == sizeof v ? v != CK_FALSE : otherwise;
}
