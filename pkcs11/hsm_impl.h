/*
 * hsm_impl: what hsm.c and hsm_find.c share.
 */
#ifndef PKCS11_HSM_IMPL_H
#define PKCS11_HSM_IMPL_H

#include "pkcs11/bridge.h"
#include "pkcs11/hsm.h"

struct p11_hsm {
	const struct p11_uri *uri; /* borrowed */
	struct p11_module *module;
	struct p11_bridge *bridge;
	struct profile *profile;
	struct p11_token *token;
	char name[80];
};

/* An object as people and URIs know it. Owns what it points to. */
struct hsm_object {
	CK_OBJECT_HANDLE handle;
	struct blob id;
	char *label;
};

void hsm_object_free(struct hsm_object *o);

/* As p11_hsm_public; the error is the module's. */
int hsm_public(const struct p11_hsm *h, struct blob *ret_spki, struct err *e);

/* Whether there is a private key that the URI can mean. */
int hsm_has_private(const struct p11_hsm *h, bool *ret, struct err *e);

/* The one private key that the URI means. */
int hsm_private(const struct p11_hsm *h, struct hsm_object *ret, struct err *e);

#endif
