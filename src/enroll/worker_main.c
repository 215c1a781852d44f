#include "core/process.h"
#include "enroll/turn.h"
#include "enroll/worker_wire.h"
#include "pkcs11/bridge.h"
#include "pkcs11/key.h"
#include "pkcs11/object.h"
#include "pkcs11/ovpnid.h"
#include "pkcs11/token.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* how long a call may still take once the parent is dead */
#define ORPHAN_SECONDS 30

struct state {
	struct p11_module *module;
	struct p11_token *token;
	struct p11_bridge *bridge;
};

static struct state *state_of(struct rpc_server *s)
{
	return s->state;
}

/* True when the call's fields are whole and, where a token is needed, one is open. */
static bool ready(const struct state *st, const struct rpc_msg *in, struct err *e)
{
	if (!rpc_msg_done(in))
		err_set(e, ERR_FAILED, "a call to the worker is malformed");
	else if (st->token == NULL)
		err_set(e, ERR_FAILED, "a call to the worker came before a token was opened");
	else
		return true;
	return false;
}

static void describe(const struct p11_token_info *i, struct worker_token *ret)
{
	static const struct {
		CK_FLAGS theirs;
		unsigned ours;
	} map[] = {
	    {CKF_TOKEN_INITIALIZED, WORKER_TOKEN_INITIALIZED},         {CKF_WRITE_PROTECTED, WORKER_TOKEN_READ_ONLY},
	    {CKF_PROTECTED_AUTHENTICATION_PATH, WORKER_TOKEN_PIN_PAD}, {CKF_USER_PIN_COUNT_LOW, WORKER_TOKEN_PIN_LOW},
	    {CKF_USER_PIN_FINAL_TRY, WORKER_TOKEN_PIN_LAST_TRY},       {CKF_USER_PIN_LOCKED, WORKER_TOKEN_PIN_LOCKED},
	};
	memset(ret, 0, sizeof *ret);
	ret->slot = i->slot;
	memcpy(ret->reader, i->reader, sizeof ret->reader);
	memcpy(ret->label, i->label, sizeof ret->label);
	memcpy(ret->manufacturer, i->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, i->model, sizeof ret->model);
	memcpy(ret->serial, i->serial, sizeof ret->serial);
	for (size_t k = 0; k < sizeof map / sizeof *map; k++)
		ret->flags |= (i->flags & map[k].theirs) != 0 ? map[k].ours : 0;
	ret->pin_min = i->pin_min < 1024 ? (unsigned)i->pin_min : 0;
	ret->pin_max = i->pin_max < 1024 ? (unsigned)i->pin_max : 1024;
}

static int do_modules(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)s, (void)in;
	struct p11_module_name *list = NULL;
	size_t n = 0;
	if (p11_module_registered(&list, &n, e) != 0)
		return -1;
	rpc_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		rpc_put_str(out, list[i].name);
		rpc_put_str(out, list[i].path);
	}
	free(list);
	return 0;
}

static int do_tokens(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	char path[512];
	struct p11_token_info *list = NULL;
	size_t n = 0;
	rpc_get_str(in, path, sizeof path);
	if (!rpc_msg_done(in))
		return err_set(e, ERR_FAILED, "a call to the worker is malformed");
	if (st->module == NULL && p11_module_load(&st->module, path, e) != 0)
		return -1;
	if (p11_token_list(st->module, &list, &n, e) != 0)
		return -1;
	rpc_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		struct worker_token t;
		describe(&list[i], &t);
		worker_put_token(out, &t);
	}
	free(list);
	return 0;
}

static int do_init(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	char label[128];
	uint64_t slot = rpc_get_u64(in);
	rpc_get_str(in, label, sizeof label);
	if (!rpc_msg_done(in) || in->n_secrets != 2 || st->module == NULL)
		return err_set(e, ERR_FAILED, "a call to the worker is malformed");
	struct p11_token_info info;
	if (p11_token_init(st->module, (CK_SLOT_ID)slot, label, in->secrets[0], in->secrets[1], &info, e) != 0)
		return -1;
	struct worker_token t;
	describe(&info, &t);
	worker_put_token(out, &t);
	return 0;
}

static int do_open(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	struct worker_token want, is;
	worker_get_token(in, &want);
	char turn[1024];
	rpc_get_str(in, turn, sizeof turn);
	bool writable = turn[0] != '\0';
	if (!rpc_msg_done(in) || st->module == NULL)
		return err_set(e, ERR_FAILED, "a call to the worker is malformed");
	p11_token_close(&st->token);
	if (writable && turn_take(s, turn, &want, e) != 0)
		return -1;
	struct p11_token *t = NULL;
	if (p11_token_open(&t, st->module, (CK_SLOT_ID)want.slot, writable, e) != 0)
		return -1;
	describe(p11_token_description(t), &is);
	if (strcmp(want.serial, is.serial) != 0 || strcmp(want.manufacturer, is.manufacturer) != 0) {
		p11_token_close(&t);
		return err_set(e, ERR_REMOVED, "the reader has another token in it now, %s instead of %s", is.serial,
			       want.serial);
	}
	st->token = t;
	return 0;
}

static int do_login(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	bool last_try = rpc_get_u32(in) != 0;
	if (!ready(st, in, e))
		return -1;
	struct secret *pin = in->n_secrets == 1 ? in->secrets[0] : NULL;
	if (pin == NULL)
		rpc_note(s, "enter the PIN on the reader");
	return p11_token_login(st->token, pin, last_try, e);
}

static int do_id_taken(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT;
	bool taken = false;
	rpc_get_blob(in, &id);
	int ret = ready(st, in, e) ? p11_object_id_taken(st->token, &id, &taken, e) : -1;
	rpc_put_u32(out, taken);
	blob_free(&id);
	return ret;
}

static int find_key(struct state *st, const struct blob *id, CK_OBJECT_HANDLE *ret_handle, struct worker_key *ret,
		    struct err *e)
{
	if (p11_key_find(st->token, id, ret_handle, &ret->spki, e) != 0)
		return -1;
	ret->found = *ret_handle != CK_INVALID_HANDLE;
	if (!ret->found)
		return 0;
	struct p11_key_facts facts;
	p11_key_facts(st->token, *ret_handle, &facts);
	ret->sensitive = facts.sensitive;
	ret->always_sensitive = facts.always_sensitive;
	ret->extractable = facts.extractable;
	ret->never_extractable = facts.never_extractable;
	ret->local = facts.local;
	return 0;
}

static int answer_key(struct state *st, const struct blob *id, struct rpc_msg *out, struct err *e)
{
	struct worker_key key = {.spki = BLOB_INIT};
	CK_OBJECT_HANDLE handle;
	int ret = find_key(st, id, &handle, &key, e);
	worker_put_key(out, &key);
	worker_key_free(&key);
	return ret;
}

static int do_key_find(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT;
	rpc_get_blob(in, &id);
	int ret = ready(st, in, e) ? answer_key(st, &id, out, e) : -1;
	blob_free(&id);
	return ret;
}

static int do_key_generate(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT;
	char label[128];
	uint32_t type = rpc_get_u32(in);
	rpc_get_blob(in, &id);
	rpc_get_str(in, label, sizeof label);
	int ret = ready(st, in, e) ? p11_key_generate(st->token, (enum keytype)type, &id, label, e) : -1;
	if (ret == 0)
		ret = answer_key(st, &id, out, e);
	blob_free(&id);
	return ret;
}

static int do_key_delete(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT, spki = BLOB_INIT, there = BLOB_INIT;
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	rpc_get_blob(in, &id);
	bool compare = rpc_get_u32(in) != 0;
	rpc_get_blob(in, &spki);
	bool certificates = rpc_get_u32(in) != 0;
	int ret = ready(st, in, e) ? 0 : -1;
	if (ret == 0 && compare)
		ret = p11_key_find(st->token, &id, &handle, &there, e);
	/* another key under our id: it is not the one we made, so it stays */
	bool other = compare && handle != CK_INVALID_HANDLE && !blob_equal(&there, &spki);
	if (ret == 0 && other && there.len == 0)
		ret =
		    err_set(e, ERR_TOKEN_FAILED, "an old key on token %s cannot be told from another one and was left",
			    p11_token_description(st->token)->serial);
	if (ret == 0 && !other && certificates)
		ret = p11_certificate_delete(st->token, &id, &spki, e);
	if (ret == 0 && !other)
		ret = p11_key_delete(st->token, &id, e);
	blob_free(&id);
	blob_free(&spki);
	blob_free(&there);
	return ret;
}

static int do_request(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT, spki = BLOB_INIT, subject = BLOB_INIT, csr = BLOB_INIT;
	rpc_get_blob(in, &id);
	rpc_get_blob(in, &spki);
	rpc_get_blob(in, &subject);
	int ret = ready(st, in, e) ? 0 : -1;
	if (ret == 0 && st->bridge == NULL)
		ret = p11_bridge_open(&st->bridge, st->module, e);
	if (ret == 0)
		ret = p11_bridge_request(st->bridge, st->token, &id, &spki, &subject, &csr, e);
	rpc_put_blob(out, &csr);
	blob_free(&id);
	blob_free(&spki);
	blob_free(&subject);
	blob_free(&csr);
	return ret;
}

static int do_certificate_write(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT, der = BLOB_INIT;
	char label[128];
	rpc_get_blob(in, &id);
	rpc_get_str(in, label, sizeof label);
	rpc_get_blob(in, &der);
	int ret = ready(st, in, e) ? p11_certificate_write(st->token, &id, label, &der, e) : -1;
	blob_free(&id);
	blob_free(&der);
	return ret;
}

static int do_certificate_find(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob der = BLOB_INIT, id = BLOB_INIT;
	rpc_get_blob(in, &der);
	int ret = ready(st, in, e) ? p11_certificate_find(st->token, &der, &id, e) : -1;
	rpc_put_blob(out, &id);
	blob_free(&der);
	blob_free(&id);
	return ret;
}

static int prove(struct state *st, const struct blob *id, bool rsa, const struct blob *digest, struct worker_proof *ret,
		 struct err *e)
{
	const struct p11_token_info *info = p11_token_description(st->token);
	CK_OBJECT_HANDLE key;
	if (find_key(st, id, &key, &ret->key, e) != 0)
		return -1;
	if (!ret->key.found)
		return err_set(e, ERR_KEY_GONE, "token %s has no private key with the certificate's CKA_ID",
			       info->serial);
	if (p11_key_sign(st->token, key, rsa, digest, &ret->signature, e) != 0)
		return -1;
	if (ovpnid_write(ret->pkcs11_id, sizeof ret->pkcs11_id, info, id) != 0)
		return err_set(e, ERR_PROOF, "the pkcs11-id of token %s is too long", info->serial);
	return 0;
}

static int do_prove(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct blob id = BLOB_INIT, digest = BLOB_INIT;
	struct worker_proof proof = {.pkcs11_id = ""};
	rpc_get_blob(in, &id);
	bool rsa = rpc_get_u32(in) != 0;
	rpc_get_blob(in, &digest);
	int ret = ready(st, in, e) ? prove(st, &id, rsa, &digest, &proof, e) : -1;
	worker_put_key(out, &proof.key);
	rpc_put_blob(out, &proof.signature);
	rpc_put_str(out, proof.pkcs11_id);
	worker_proof_free(&proof);
	blob_free(&id);
	blob_free(&digest);
	return ret;
}

static const struct rpc_op ops[] = {
    {WORKER_MODULES, 0, do_modules},
    {WORKER_TOKENS, 0, do_tokens},
    {WORKER_INIT, 2, do_init},
    {WORKER_OPEN, 0, do_open},
    {WORKER_LOGIN, 1, do_login},
    {WORKER_ID_TAKEN, 0, do_id_taken},
    {WORKER_KEY_FIND, 0, do_key_find},
    {WORKER_KEY_GENERATE, 0, do_key_generate},
    {WORKER_KEY_DELETE, 0, do_key_delete},
    {WORKER_REQUEST, 0, do_request},
    {WORKER_CERTIFICATE_WRITE, 0, do_certificate_write},
    {WORKER_CERTIFICATE_FIND, 0, do_certificate_find},
    {WORKER_PROVE, 0, do_prove},
};

/* The parent was killed: the module may finish the call it is in, which leaves the token in order, but not hang. */
static void on_term(int sig)
{
	(void)sig;
	alarm(ORPHAN_SECONDS);
}

int worker_main(void)
{
	struct state st = {NULL, NULL, NULL};
	struct rpc_server server = {RPC_FD, &st};
	struct err e = ERR_INIT;
	if (process_harden(&e) != 0)
		return EXIT_FAILURE;
	signal(SIGTERM, on_term);
	/* the system's openssl.cnf may name engines; here only the token's own module is to be run */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	int status = rpc_serve(&server, ops, sizeof ops / sizeof *ops);
	p11_token_close(&st.token);
	p11_bridge_free(&st.bridge);
	p11_module_free(&st.module);
	return status;
}
