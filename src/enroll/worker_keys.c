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

/* Where a run was cut off while it wrote the certificate, that key may have another CKA_ID. *ret is CK_INVALID_HANDLE
 * if it is not there. */
static int look_aside(struct worker_state *st, const struct blob *id, const struct blob *spki, CK_OBJECT_HANDLE *ret,
		      struct blob *ret_id, struct err *e)
{
	struct blob there = BLOB_INIT;
	bool shared = false;
	if (!st->profile->key.certificate_follows)
		return 0;
	int got = p11_aside_id(id, ret_id, e);
	if (got == 0)
		got = p11_key_find(st->token, ret_id, spki, ret, &there, &shared, e);
	blob_free(&there);
	return got;
}

/* The key with this CKA_ID; with a public key, which may be empty, only if it has that, else the one that has it: some
 * tokens do not keep the CKA_ID they are given. */
static int find_key(struct worker_state *st, const struct blob *id, const struct blob *spki,
		    CK_OBJECT_HANDLE *ret_handle, struct worker_key *ret, struct err *e)
{
	struct blob other_id = BLOB_INIT;
	if (p11_key_find(st->token, id, spki, ret_handle, &ret->spki, &ret->shared, e) != 0)
		return -1;
	blob_set(&ret->cka_id, id->data, id->len);
	bool missing = *ret_handle == CK_INVALID_HANDLE && spki->len != 0;
	int got = missing ? look_aside(st, id, spki, ret_handle, &other_id, e) : 0;
	if (got == 0 && missing && *ret_handle == CK_INVALID_HANDLE)
		got = p11_key_find_public(st->token, spki, ret_handle, &other_id, e);
	ret->found = got == 0 && *ret_handle != CK_INVALID_HANDLE;
	if (missing && ret->found) {
		ret->shared = false;
		blob_set(&ret->spki, spki->data, spki->len);
		blob_set(&ret->cka_id, other_id.data, other_id.len);
	}
	blob_free(&other_id);
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

int worker_do_ours(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	rpc_get_blob(in, &st->known);
	return rpc_msg_done(in) ? 0 : worker_malformed(e);
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
	if (ret == 0)
		ret = p11_certificate_check_place(st->token, &id, &st->known, e);
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

/* Deletes a key of ours, which may be gone, with its public key and certificates. With some modules whoever deletes the
 * key of a place deletes the certificate in it. */
static int delete_ours(struct worker_state *st, CK_OBJECT_HANDLE key, const struct blob *id, const struct blob *spki,
		       struct p11_deleted *ret, struct err *e)
{
	struct err foreign = ERR_INIT;
	if (st->profile->key.id == PROFILE_ID_FIXED &&
	    p11_certificate_check_place(st->token, id, &st->known, &foreign) != 0) {
		ret->kept += foreign.code == ERR_FOREIGN;
		if (foreign.code == ERR_FOREIGN)
			return 0;
		if (e != NULL)
			*e = foreign;
		return -1;
	}
	if (p11_certificate_delete(st->token, id, spki, &st->known, ret, e) != 0)
		return -1;
	return p11_key_delete(st->token, id, key, spki, ret, e);
}

static void note_kept(struct rpc_server *s, const struct p11_deleted *d)
{
	bool one = d->kept == 1;
	if (d->kept != 0)
		rpc_note(s,
			 "%zu object%s on token %s %s the CKA_ID of a key of ours, but tokenroll did not make %s: "
			 "nothing of that is changed",
			 d->kept, one ? "" : "s", p11_token_description(worker_state(s)->token)->serial,
			 one ? "has" : "have", one ? "it" : "them");
}

int worker_do_key_delete(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct worker_key key = WORKER_KEY_INIT;
	struct p11_deleted done = {0, 0};
	struct blob id = BLOB_INIT, spki = BLOB_INIT;
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &spki);
	int ret = worker_ready(st, in, e) ? worker_allow(st, st->profile->key.delete, "delete objects of", e) : -1;
	if (ret == 0 && spki.len == 0)
		ret = p11_key_delete_all(st->token, &id, &done, e);
	else if (ret == 0)
		ret = find_key(st, &id, &spki, &handle, &key, e);
	if (ret == 0 && spki.len != 0)
		ret = delete_ours(st, handle, &key.cka_id, &spki, &done, e);
	if (ret == 0 && spki.len != 0 && !key.found)
		ret = p11_orphans_forget(st->token, &id, e);
	if (ret == 0)
		note_kept(s, &done);
	rpc_put_u32(out, done.gone != 0);
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
	struct p11_deleted done = {0, 0};
	const struct p11_writing want = {.cka_id = &id,
					 .label = label,
					 .der = &der,
					 .known = &st->known,
					 .key_is_old = !st->made_key,
					 .keep_older = keep_older};
	int ret =
	    worker_ready(st, in, e) ? worker_allow(st, st->profile->key.certificate, "put a certificate on", e) : -1;
	if (ret == 0)
		ret = p11_certificate_write(st->token, &want, &done, e);
	if (ret == 0)
		note_kept(s, &done);
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
	struct blob id = BLOB_INIT, der = BLOB_INIT, digest = BLOB_INIT;
	struct worker_proof proof = {.key = WORKER_KEY_INIT};
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &der);
	bool rsa = rpc_get_u32(in) != 0;
	rpc_get_blob(in, &digest);
	int ret = -1;
	if (worker_ready(st, in, e)) {
		struct touch *touch = touch_begin(s, st->profile->key.touch);
		ret = touch_end(&touch, prove(st, &id, rsa, &digest, &proof, e), e);
	}
	if (ret == 0)
		ret = p11_certificate_rival(st->token, &id, &der, &st->known, proof.rival, sizeof proof.rival, e);
	worker_put_key(out, &proof.key);
	rpc_put_blob(out, &proof.signature);
	rpc_put_str(out, proof.pkcs11_id);
	rpc_put_str(out, proof.rival);
	worker_proof_free(&proof);
	blob_free(&id);
	blob_free(&der);
	blob_free(&digest);
	return ret;
}
