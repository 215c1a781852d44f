#include "pkcs11/attest.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"
#include "pkcs11/object.h"

#include <string.h>

/* The certificate with this CKA_ID that is made up by the module (CKA_TOKEN false), or that is on the token. */
static int read_certificate(const struct p11_token *t, const struct blob *cka_id, bool on_token, struct blob *ret,
			    struct err *e)
{
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(t, CKO_CERTIFICATE, cka_id, &found, e) != 0)
		return -1;
	CK_RV rv = CKR_OK;
	for (size_t i = 0; rv == CKR_OK && ret->len == 0 && i < found.n; i++) {
		if (p11_attribute_bool(t, found.handle[i], CKA_TOKEN, true) == on_token)
			rv = p11_attribute_read(t, found.handle[i], CKA_VALUE, ret);
	}
	p11_objects_free(&found);
	if (rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return 0;
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot read the attestation of a key on token %s",
			 p11_token_name(t));
}

static void join(struct blob *ret, const struct blob *a, const struct blob *b)
{
	unsigned char *both = xcalloc(1, a->len + b->len + 1);
	memcpy(both, a->data, a->len);
	if (b->len != 0)
		memcpy(both + a->len, b->data, b->len);
	blob_take(ret, both, a->len + b->len);
}

int p11_attestation_read(const struct p11_token *t, const struct blob *cka_id, struct blob *ret, struct err *e)
{
	const struct profile_key *k = &p11_token_profile(t)->key;
	struct blob statement = BLOB_INIT, issuer = BLOB_INIT;
	blob_set(ret, NULL, 0);
	if (k->attestation == PROFILE_ATTEST_NONE)
		return 0;
	int got = read_certificate(t, cka_id, false, &statement, e);
	if (got == 0 && statement.len != 0 && k->attestation_issuer.len != 0)
		got = read_certificate(t, &k->attestation_issuer, true, &issuer, e);
	if (got == 0 && statement.len != 0 && statement.len + issuer.len <= P11_ATTESTATION_MAX)
		join(ret, &statement, &issuer);
	blob_free(&statement);
	blob_free(&issuer);
	return got;
}
