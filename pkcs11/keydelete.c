#include "pkcs11/key.h"
#include "pkcs11/pubkey.h"

static int delete_one(const struct p11_token *t, CK_OBJECT_HANDLE object, struct p11_deleted *ret, struct err *e)
{
	if (p11_object_delete(t, object, e) != 0)
		return -1;
	ret->gone++;
	return 0;
}

/* alone: it is the only one with its CKA_ID, and so was our private key. */
static int delete_public(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *spki, bool alone,
			 struct p11_deleted *ret, struct err *e)
{
	struct blob own = BLOB_INIT;
	int got = p11_pubkey_read(t, object, &own, e);
	bool ours = own.len != 0 ? blob_equal(&own, spki) : alone;
	blob_free(&own);
	if (got != 0)
		return -1;
	ret->kept += !ours;
	return ours ? delete_one(t, object, ret, e) : 0;
}

int p11_key_delete(const struct p11_token *t, const struct blob *cka_id, CK_OBJECT_HANDLE private_key,
		   const struct blob *spki, struct p11_deleted *ret, struct err *e)
{
	struct p11_objects private = {NULL, 0}, public = {NULL, 0};
	bool had_key = private_key != CK_INVALID_HANDLE;
	int got = p11_object_find(t, CKO_PRIVATE_KEY, cka_id, &private, e);
	if (got == 0 && had_key)
		got = delete_one(t, private_key, ret, e);
	if (got == 0)
		got = p11_object_find(t, CKO_PUBLIC_KEY, cka_id, &public, e);
	bool alone = had_key && private.n == 1 && public.n == 1;
	for (size_t i = 0; got == 0 && i < public.n; i++)
		got = delete_public(t, public.handle[i], spki, alone, ret, e);
	if (got == 0 && private.n > had_key)
		ret->kept += private.n - had_key;
	p11_objects_free(&private);
	p11_objects_free(&public);
	return got;
}

int p11_key_delete_all(const struct p11_token *t, const struct blob *cka_id, struct p11_deleted *ret, struct err *e)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	for (size_t c = 0; c < 2; c++) {
		struct p11_objects found = {NULL, 0};
		if (p11_object_find(t, classes[c], cka_id, &found, e) != 0)
			return -1;
		int got = 0;
		for (size_t i = 0; got == 0 && i < found.n; i++)
			got = delete_one(t, found.handle[i], ret, e);
		p11_objects_free(&found);
		if (got != 0)
			return -1;
	}
	return 0;
}
