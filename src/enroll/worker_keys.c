#include "enroll/touch.h"
#include "enroll/worker_state.h"
#include "pkcs11/aside.h"
#include "pkcs11/key.h"
#include "pkcs11/login.h"
#include "pkcs11/object.h"
#include "pkcs11/orphan.h"
#include "pkcs11/ovpnid.h"
#include "pkcs11/pubkey.h"

int worker_allow(struct worker_state *st, enum profile_who who, const char *what, struct err *e)
{
	if (who != PROFILE_NOBODY)
		return p11_login_as(st->token, who, e);
	err_set(e, ERR_UNSUPPORTED, "through %s nothing can %s token %s (profile %s)", p11_module_path(st->module),
		what, p11_token_description(st->token)->serial, st->profile->id);
	return err_next(e, "use the module that its profile names, or another token");
}

int worker_do_id_taken(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob id = BLOB_INIT;
	bool taken = false;
	rpc_get_blob(in, &id);
	int ret = worker_ready(st, in, e) ? p11_object_id_taken(st->token, &id, &taken, e) : -1;
	rpc_put_u32(out, taken);
	blob_free(&id);
	return ret;
}

static void add_facts(struct worker_state *st, CK_OBJECT_HANDLE handle, struct worker_key *ret)
{
	struct p11_key_facts facts;
	p11_key_facts(st->token, handle, &facts);
	ret->sensitive = facts.sensitive;
	ret->always_sensitive = facts.always_sensitive;
	ret->extractable = facts.extractable;
	ret->never_extractable = facts.never_extractable;
	ret->local = facts.local;
}

/* The key with this CKA_ID. One that shows no public key is asked to sign, so that it is known whether it has this one.
 */
static int look_under(struct worker_state *st, const struct blob *id, const struct blob *spki,
		      CK_OBJECT_HANDLE *ret_handle, struct blob *ret_spki, struct err *e)
{
	bool fits = false;
	if (p11_key_find(st->token, id, ret_handle, ret_spki, e) != 0)
		return -1;
	bool untold = *ret_handle != CK_INVALID_HANDLE && ret_spki->len == 0 && spki->len != 0;
	if (untold && p11_key_fits(st->token, *ret_handle, spki, &fits, e) != 0)
		return -1;
	if (fits)
		blob_set(ret_spki, spki->data, spki->len);
	return 0;
}

/* Where a run was cut off while it wrote the certificate, that key may have another CKA_ID; it shows a public key only
 * if its certificate was there. *ret is CK_INVALID_HANDLE if it is not there. */
static int look_aside(struct worker_state *st, const struct blob *id, const struct blob *spki, CK_OBJECT_HANDLE *ret,
		      struct blob *ret_id, struct err *e)
{
	struct blob there = BLOB_INIT;
	if (!st->profile->key.certificate_follows)
		return 0;
	int got = p11_aside_id(id, ret_id, e);
	if (got == 0)
		got = look_under(st, ret_id, spki, ret, &there, e);
	if (!blob_equal(&there, spki))
		*ret = CK_INVALID_HANDLE;
	blob_free(&there);
	return got;
}

/* The key with this CKA_ID; and if it has another public key than spki, which may be empty, the one that has that:
 * some tokens do not keep the CKA_ID they are given. */
static int find_key(struct worker_state *st, const struct blob *id, const struct blob *spki,
		    CK_OBJECT_HANDLE *ret_handle, struct worker_key *ret, struct err *e)
{
	CK_OBJECT_HANDLE other = CK_INVALID_HANDLE;
	struct blob other_id = BLOB_INIT;
	if (look_under(st, id, spki, ret_handle, &ret->spki, e) != 0)
		return -1;
	blob_set(&ret->cka_id, id->data, id->len);
	bool meant = *ret_handle != CK_INVALID_HANDLE && (spki->len == 0 || blob_equal(&ret->spki, spki));
	int got = 0;
	if (!meant && spki->len != 0)
		got = look_aside(st, id, spki, &other, &other_id, e);
	if (got == 0 && !meant && spki->len != 0 && other == CK_INVALID_HANDLE)
		got = p11_key_find_public(st->token, spki, &other, &other_id, e);
	if (got == 0 && other != CK_INVALID_HANDLE) {
		*ret_handle = other;
		blob_set(&ret->spki, spki->data, spki->len);
		blob_set(&ret->cka_id, other_id.data, other_id.len);
	}
	blob_free(&other_id);
	ret->found = got == 0 && *ret_handle != CK_INVALID_HANDLE;
	if (ret->found)
		add_facts(st, *ret_handle, ret);
	return got;
}

/* A key that was put aside gets the CKA_ID back that the profiles name. */
static int take_back(struct worker_state *st, const struct blob *id, CK_OBJECT_HANDLE handle, struct worker_key *key,
		     struct err *e)
{
	struct blob aside = BLOB_INIT;
	if (!st->profile->key.certificate_follows || !key->found)
		return 0;
	int ret = p11_aside_id(id, &aside, e);
	if (ret == 0 && blob_equal(&key->cka_id, &aside)) {
		ret = p11_aside_set(st->token, handle, id, e);
		if (ret == 0)
			blob_set(&key->cka_id, id->data, id->len);
	}
	blob_free(&aside);
	return ret;
}

int worker_do_key_find(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct worker_key key = WORKER_KEY_INIT;
	struct blob id = BLOB_INIT, spki = BLOB_INIT;
	CK_OBJECT_HANDLE handle;
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &spki);
	int ret = worker_ready(st, in, e) ? find_key(st, &id, &spki, &handle, &key, e) : -1;
	if (ret == 0)
		ret = take_back(st, &id, handle, &key, e);
	worker_put_key(out, &key);
	worker_key_free(&key);
	blob_free(&id);
	blob_free(&spki);
	return ret;
}

/* The pair that was made just now. */
static int read_made(struct worker_state *st, const struct p11_key_pair *made, const struct blob *id,
		     struct worker_key *ret, struct err *e)
{
	CK_OBJECT_HANDLE handle;
	struct blob spki = BLOB_INIT;
	/* the module's own word on which public key it is counts only where the CKA_ID does not find the pair */
	int got = find_key(st, id, &spki, &handle, ret, e);
	if (got == 0 && !ret->found)
		got = p11_pubkey_read(st->token, made->public, &spki, e);
	if (got == 0 && spki.len != 0)
		got = find_key(st, id, &spki, &handle, ret, e);
	blob_free(&spki);
	return got;
}

int worker_do_key_generate(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct worker_key key = WORKER_KEY_INIT;
	struct p11_key_pair made = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
	struct blob id = BLOB_INIT;
	char label[128];
	uint32_t type = rpc_get_u32(in);
	rpc_get_blob(in, &id);
	rpc_get_str(in, label, sizeof label);
	int ret = worker_ready(st, in, e) ? worker_allow(st, st->profile->key.generate, "make keys on", e) : -1;
	st->made_key = true;
	if (ret == 0)
		ret = p11_key_generate(st->token, (enum keytype)type, &id, label, &made, e);
	if (ret == 0)
		ret = read_made(st, &made, &id, &key, e);
	worker_put_key(out, &key);
	worker_key_free(&key);
	blob_free(&id);
	return ret;
}

/* Deletes the pair that was found, and its certificates, unless it is another one than the one we made. */
static int delete_found(struct worker_state *st, const struct worker_key *key, const struct blob *spki,
			bool certificates, struct err *e)
{
	bool other = spki->len != 0 && key->found && !blob_equal(&key->spki, spki);
	if (other && key->spki.len == 0)
		return err_set(e, ERR_TOKEN_FAILED,
			       "an old key on token %s cannot be told from another one and was left",
			       p11_token_description(st->token)->serial);
	if (other)
		return 0;
	if (certificates && p11_certificate_delete(st->token, &key->cka_id, spki, e) != 0)
		return -1;
	return p11_key_delete(st->token, &key->cka_id, e);
}

int worker_do_key_delete(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	struct worker_key key = WORKER_KEY_INIT;
	struct blob id = BLOB_INIT, spki = BLOB_INIT;
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &spki);
	bool certificates = rpc_get_u32(in) != 0;
	int ret = worker_ready(st, in, e) ? worker_allow(st, st->profile->key.delete, "delete objects of", e) : -1;
	if (ret == 0 && spki.len != 0)
		ret = find_key(st, &id, &spki, &handle, &key, e);
	else
		blob_set(&key.cka_id, id.data, id.len);
	if (ret == 0)
		ret = delete_found(st, &key, &spki, certificates, e);
	if (ret == 0 && spki.len != 0 && !key.found)
		ret = p11_orphans_forget(st->token, &id, e);
	worker_key_free(&key);
	blob_free(&id);
	blob_free(&spki);
	return ret;
}

int worker_do_orphans_mark(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob mark = BLOB_INIT;
	int ret = worker_ready(st, in, e) ? p11_orphans_mark(st->token, &mark, e) : -1;
	rpc_put_blob(out, &mark);
	blob_free(&mark);
	return ret;
}

int worker_do_orphans_delete(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	struct blob mark = BLOB_INIT;
	rpc_get_blob(in, &mark);
	int ret = worker_ready(st, in, e) ? p11_orphans_delete(st->token, &mark, e) : -1;
	blob_free(&mark);
	return ret;
}

static int request(struct worker_state *st, const struct blob *id, const struct blob *spki, const struct blob *subject,
		   struct blob *ret_csr, struct err *e)
{
	if (p11_login_to_sign(st->token, e) != 0)
		return -1;
	if (st->bridge == NULL && p11_bridge_open(&st->bridge, st->module, e) != 0)
		return -1;
	return p11_bridge_request(st->bridge, st->token, id, spki, subject, ret_csr, e);
}

int worker_do_request(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob id = BLOB_INIT, spki = BLOB_INIT, subject = BLOB_INIT, csr = BLOB_INIT;
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &spki);
	rpc_get_blob(in, &subject);
	int ret = -1;
	if (worker_ready(st, in, e)) {
		struct touch *touch = touch_begin(s, st->profile->key.touch);
		ret = touch_end(&touch, request(st, &id, &spki, &subject, &csr, e), e);
	}
	rpc_put_blob(out, &csr);
	blob_free(&id);
	blob_free(&spki);
	blob_free(&subject);
	blob_free(&csr);
	return ret;
}

int worker_do_certificate_write(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	struct blob id = BLOB_INIT, der = BLOB_INIT;
	char label[128];
	rpc_get_blob(in, &id);
	rpc_get_str(in, label, sizeof label);
	rpc_get_blob(in, &der);
	bool keep_older = rpc_get_u32(in) != 0;
	int ret =
	    worker_ready(st, in, e) ? worker_allow(st, st->profile->key.certificate, "put a certificate on", e) : -1;
	if (ret == 0)
		ret = p11_certificate_write(st->token, &id, label, &der, !st->made_key, keep_older, e);
	blob_free(&id);
	blob_free(&der);
	return ret;
}

int worker_do_certificate_find(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob der = BLOB_INIT, id = BLOB_INIT;
	rpc_get_blob(in, &der);
	int ret = worker_ready(st, in, e) ? p11_certificate_find(st->token, &der, &id, e) : -1;
	rpc_put_blob(out, &id);
	blob_free(&der);
	blob_free(&id);
	return ret;
}

static int prove(struct worker_state *st, const struct blob *id, bool rsa, const struct blob *digest,
		 struct worker_proof *ret, struct err *e)
{
	static const struct blob any = BLOB_INIT;
	const struct p11_token_info *info = p11_token_description(st->token);
	CK_OBJECT_HANDLE key;
	if (find_key(st, id, &any, &key, &ret->key, e) != 0)
		return -1;
	if (!ret->key.found)
		return err_set(e, ERR_KEY_GONE, "token %s has no private key with the certificate's CKA_ID",
			       p11_token_name(st->token));
	ret->key.pin_each_time = p11_login_is_wanted(st->token, key);
	if (p11_login_to_sign(st->token, e) != 0 || p11_key_sign(st->token, key, rsa, digest, &ret->signature, e) != 0)
		return -1;
	if (ovpnid_write(ret->pkcs11_id, sizeof ret->pkcs11_id, info, id) == 0)
		return 0;
	return err_set(e, ERR_PROOF, "the pkcs11-id of token %s is too long", p11_token_name(st->token));
}

int worker_do_prove(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob id = BLOB_INIT, digest = BLOB_INIT;
	struct worker_proof proof = {.key = WORKER_KEY_INIT};
	rpc_get_blob(in, &id);
	bool rsa = rpc_get_u32(in) != 0;
	rpc_get_blob(in, &digest);
	int ret = -1;
	if (worker_ready(st, in, e)) {
		struct touch *touch = touch_begin(s, st->profile->key.touch);
		ret = touch_end(&touch, prove(st, &id, rsa, &digest, &proof, e), e);
	}
	worker_put_key(out, &proof.key);
	rpc_put_blob(out, &proof.signature);
	rpc_put_str(out, proof.pkcs11_id);
	worker_proof_free(&proof);
	blob_free(&id);
	blob_free(&digest);
	return ret;
}
