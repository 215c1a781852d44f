/*
 * template: lists of CK_ATTRIBUTE, reading attributes of a size that is not
 * known, and leaving optional ones out for tokens that refuse them. Worker
 * process only. A template borrows the memory that its values point to.
 */
#ifndef PKCS11_TEMPLATE_H
#define PKCS11_TEMPLATE_H

#include "core/blob.h"
#include "pkcs11/token.h"

#define P11_TEMPLATE_MAX 24

struct p11_template {
	CK_ATTRIBUTE a[P11_TEMPLATE_MAX];
	CK_ULONG n;
};

#define P11_TEMPLATE_INIT         \
	{                         \
		{{0, NULL, 0}}, 0 \
	}

void p11_template_add(struct p11_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len);
void p11_template_add_bool(struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool value);
void p11_template_add_ulong(struct p11_template *t, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value);

/* Takes an attribute out; nothing happens if it is not there. */
void p11_template_drop(struct p11_template *t, CK_ATTRIBUTE_TYPE type);

/* Reads one attribute. Returns CKR_OK; CKR_ATTRIBUTE_TYPE_INVALID where the object has none, cannot show it, or
 * claims more than P11_VALUE_MAX bytes; else the module's own value. */
CK_RV p11_attribute_read(const struct p11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct blob *ret);

/* A CK_BBOOL; `otherwise` where the object does not say. */
bool p11_attribute_bool(const struct p11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise);

#endif
