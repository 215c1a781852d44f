#include "core/xalloc.h"
#include "enroll/touch.h"
#include "enroll/worker_state.h"
#include "pkcs11/decrypt.h"
#include "pkcs11/key.h"
#include "pkcs11/login.h"
#include "pkcs11/object.h"
#include "store/escrow.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* What came with the call. */
struct sealed {
	struct blob id; /* of the key; empty: any */
	char object[256];
	struct blob certs;
	struct store_token of;
	struct store_escrow value;
};

static void get_sealed(struct rpc_msg *in, struct sealed *ret, bool *ret_good)
{
	rpc_get_blob(in, &ret->id);
	rpc_get_str(in, ret->object, sizeof ret->object);
	rpc_get_blob(in, &ret->certs);
	rpc_get_str(in, ret->of.manufacturer, sizeof ret->of.manufacturer);
	rpc_get_str(in, ret->of.model, sizeof ret->of.model);
	rpc_get_str(in, ret->of.serial, sizeof ret->of.serial);
	uint32_t kind = rpc_get_u32(in);
	ret->value.kind = kind < ESCROW_KIND_COUNT ? (enum escrow_kind)kind : ESCROW_SO_PIN;
	ret->value.recipients = rpc_get_strdup(in, 65536);
	rpc_get_blob(in, &ret->value.cms);
	*ret_good = kind < ESCROW_KIND_COUNT;
}

static void sealed_free(struct sealed *s)
{
	blob_free(&s->id);
	blob_free(&s->certs);
	blob_free(&s->value.cms);
	free(s->value.recipients);
}

/* ---- which key, and whose */

static bool is_for(X509 *cert, const struct blob *spki)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool same = n > 0 && (size_t)n == spki->len && memcmp(der, spki->data, spki->len) == 0;
	OPENSSL_free(der);
	return same;
}

/* Of those that came with the call; NULL if it is none of them. */
static X509 *find_given(const struct blob *certs, const struct blob *spki)
{
	const unsigned char *p = certs->data, *end = p + certs->len;
	X509 *cert = NULL;
	while (p < end && (cert = d2i_X509(NULL, &p, end - p)) != NULL) {
		if (is_for(cert, spki))
			return cert;
		X509_free(cert);
	}
	return NULL;
}

static X509 *read_certificate(const struct p11_token *t, CK_OBJECT_HANDLE object)
{
	struct blob der = BLOB_INIT;
	X509 *cert = NULL;
	if (p11_attribute_read(t, object, CKA_VALUE, &der) == CKR_OK) {
		const unsigned char *p = der.data;
		cert = d2i_X509(NULL, &p, (long)der.len);
	}
	blob_free(&der);
	return cert;
}

/* The certificate of a key, on the token: by its public key or, where that is not known, by the CKA_ID. */
static X509 *find_beside(const struct p11_token *t, const struct blob *id, const struct blob *spki)
{
	struct p11_objects found = {NULL, 0};
	X509 *cert = NULL;
	if (p11_object_find(t, CKO_CERTIFICATE, spki->len != 0 ? NULL : id, &found, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < found.n && cert == NULL; i++) {
		cert = read_certificate(t, found.handle[i]);
		if (cert != NULL && spki->len != 0 && !is_for(cert, spki)) {
			X509_free(cert);
			cert = NULL;
		}
	}
	p11_objects_free(&found);
	return cert;
}

/* A private key, its public key, and its certificate or NULL. */
struct candidate {
	CK_OBJECT_HANDLE handle;
	struct blob spki;
	X509 *cert;
};

static int read_candidate(const struct p11_token *t, CK_OBJECT_HANDLE key, const struct sealed *s,
			  struct candidate *ret, struct err *e)
{
	struct blob id = BLOB_INIT;
	*ret = (struct candidate){key, BLOB_INIT, NULL};
	int got = p11_key_public(t, key, &id, &ret->spki, e);
	if (got == 0 && ret->spki.len != 0)
		ret->cert = find_given(&s->certs, &ret->spki);
	if (got == 0 && ret->cert == NULL && (ret->spki.len != 0 || id.len != 0))
		ret->cert = find_beside(t, &id, &ret->spki);
	if (ret->cert != NULL && ret->spki.len == 0) {
		unsigned char *der = NULL;
		int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ret->cert), &der);
		blob_set(&ret->spki, der, n > 0 ? (size_t)n : 0);
		OPENSSL_free(der);
	}
	blob_free(&id);
	return got;
}

static void candidate_free(struct candidate *c)
{
	blob_free(&c->spki);
	X509_free(c->cert);
}

static bool is_named(const struct p11_token *t, CK_OBJECT_HANDLE key, const char *object)
{
	struct blob label = BLOB_INIT;
	bool named = object[0] == '\0' || (p11_attribute_read(t, key, CKA_LABEL, &label) == CKR_OK &&
					   label.len == strlen(object) && memcmp(label.data, object, label.len) == 0);
	blob_free(&label);
	return named;
}

/* ---- opening */

static int open_by(struct worker_state *st, const struct sealed *s, const struct candidate *c, struct secret *ret,
		   struct err *e)
{
	struct p11_decrypt *d = NULL;
	if (p11_decrypt_new(&d, st->token, c->handle, &c->spki, e) != 0)
		return -1;
	int got = escrow_open_with(ret, &s->value, &s->of, p11_decrypt_key(d), c->cert, e);
	/* what the token said is nearer to the cause */
	if (got != 0 && p11_decrypt_failure(d)->code != ERR_NONE) {
		*e = *p11_decrypt_failure(d);
		if (e->code == ERR_TOKEN_FAILED || e->code == ERR_UNSUPPORTED)
			err_next(e, "see that the key may decrypt (RSA, CKA_DECRYPT) or derive (EC, CKA_DERIVE), and "
				    "that its module can do CKM_RSA_PKCS_OAEP, CKM_RSA_X_509 or CKM_ECDH1_DERIVE");
	}
	p11_decrypt_free(&d);
	ERR_clear_error();
	return got;
}

static int no_key(const struct worker_state *st, const struct sealed *s, struct err *e)
{
	char hex[130];
	const char *serial = p11_token_description(st->token)->serial;
	hex_encode(hex, sizeof hex, s->id.data, s->id.len);
	err_set(e, ERR_RECOVERY_KEY, "there is no private key%s%s%s%s%s on token %s",
		s->object[0] != '\0' ? " named '" : "", s->object, s->object[0] != '\0' ? "'" : "",
		s->id.len != 0 ? " with the CKA_ID " : "", hex, serial);
	return err_next(e, "`pkcs11-tool --login --list-objects --type privkey` shows those that there are");
}

static int no_public(const struct worker_state *st, struct err *e)
{
	err_set(e, ERR_RECOVERY_KEY, "no private key on token %s shows its public key",
		p11_token_description(st->token)->serial);
	return err_next(e, "put the recovery certificate onto the token, with the CKA_ID of its key");
}

/* Keys whose certificate is known first: of those it is clear without the token whether they are a recipient's. */
static int open_any(struct worker_state *st, const struct sealed *s, const struct candidate *list, size_t n,
		    struct secret *ret, struct err *e)
{
	no_public(st, e);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			if (list[i].spki.len == 0 || (list[i].cert != NULL) != (pass == 0))
				continue;
			if (open_by(st, s, &list[i], ret, e) == 0)
				return 0;
			if (e->code != ERR_RECOVERY_KEY && e->code != ERR_UNSUPPORTED)
				return -1;
		}
	}
	return -1;
}

static int unseal(struct worker_state *st, const struct sealed *s, struct secret *ret, struct err *e)
{
	struct p11_objects keys = {NULL, 0};
	size_t n = 0;
	if (p11_object_find(st->token, CKO_PRIVATE_KEY, s->id.len != 0 ? &s->id : NULL, &keys, e) != 0)
		return -1;
	struct candidate *list = xcalloc(keys.n, sizeof *list);
	int got = 0;
	for (size_t i = 0; got == 0 && i < keys.n; i++) {
		if (is_named(st->token, keys.handle[i], s->object))
			got = read_candidate(st->token, keys.handle[i], s, &list[n++], e);
	}
	if (got == 0)
		got = n != 0 ? open_any(st, s, list, n, ret, e) : no_key(st, s, e);
	for (size_t i = 0; i < n; i++)
		candidate_free(&list[i]);
	free(list);
	p11_objects_free(&keys);
	return got;
}

int worker_do_unseal(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct sealed sealed = {.value = {.id = 0}};
	struct secret *value = secret_new();
	bool good = false;
	int ret = -1;
	get_sealed(in, &sealed, &good);
	if (!good)
		worker_malformed(e);
	else if (worker_ready(st, in, e)) {
		struct touch *touch = touch_begin(s, st->profile->key.touch);
		ret = touch_end(&touch, unseal(st, &sealed, value, e), e);
	}
	if (ret == 0)
		rpc_give_secret(out, &value);
	secret_free(&value);
	sealed_free(&sealed);
	return ret;
}
