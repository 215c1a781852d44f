#include "core/process.h"
#include "enroll/describe.h"
#include "enroll/hide.h"
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
	struct turn *turn;
	bool started;
	struct pathset hidden; /* what the module is shut off from; empty where the kernel cannot do that */
};

static struct state *state_of(struct rpc_server *s)
{
	return s->state;
}

static int malformed(struct err *e)
{
	return err_set(e, ERR_FAILED, "a call to the worker is malformed");
}

/* True when the call's fields are whole and, where a token is needed, one is open. */
static bool ready(const struct state *st, const struct rpc_msg *in, struct err *e)
{
	if (!rpc_msg_done(in))
		malformed(e);
	else if (st->token == NULL)
		err_set(e, ERR_FAILED, "a call to the worker came before a token was opened");
	else
		return true;
	return false;
}

static int do_start(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	bool took_effect = false;
	if (st->started || hide_start(in, &st->hidden, &took_effect) != 0)
		return malformed(e);
	st->started = true;
	rpc_put_u32(out, took_effect);
	return 0;
}

static int do_modules(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct p11_module_name *list = NULL;
	size_t n = 0;
	if (!rpc_msg_done(in) || !state_of(s)->started)
		return malformed(e);
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

/* Before any of the module's code runs, this process is shut off. */
static int load(struct state *st, const char *path, struct err *e)
{
	if (!st->started)
		return malformed(e);
	return hide_check_module(&st->hidden, path, e) == 0 ? p11_module_load(&st->module, path, e) : -1;
}

static int do_load(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	char path[512];
	rpc_get_str(in, path, sizeof path);
	return rpc_msg_done(in) && st->module == NULL ? load(st, path, e) : malformed(e);
}

static int do_tokens(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	char path[512];
	struct p11_token_info *list = NULL;
	size_t n = 0;
	rpc_get_str(in, path, sizeof path);
	if (!rpc_msg_done(in))
		return malformed(e);
	if ((st->module == NULL && load(st, path, e) != 0) || p11_module_initialize(st->module, e) != 0 ||
	    p11_token_list(st->module, &list, &n, e) != 0)
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

static void answer_token(const struct p11_token_info *info, struct rpc_msg *out)
{
	struct worker_token t;
	describe(info, &t);
	worker_put_token(out, &t);
}

static int do_turn(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	struct worker_token t;
	char path[1024];
	worker_get_token(in, &t);
	rpc_get_str(in, path, sizeof path);
	if (!rpc_msg_done(in) || st->turn != NULL)
		return malformed(e);
	return turn_take_setup(&st->turn, s, path, &t, e);
}

static void get_wanted(struct rpc_msg *in, struct p11_token_info *ret)
{
	struct worker_token t;
	worker_get_token(in, &t);
	describe_wanted(&t, ret);
}

static int do_init(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	char label[128];
	struct p11_token_info want, info;
	get_wanted(in, &want);
	rpc_get_str(in, label, sizeof label);
	if (!rpc_msg_done(in) || in->n_secrets != 1 || st->module == NULL)
		return malformed(e);
	if (p11_token_init(st->module, &want, label, in->secrets[0], &info, e) != 0)
		return -1;
	answer_token(&info, out);
	return 0;
}

static int do_init_pin(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = state_of(s);
	struct p11_token_info want, info;
	get_wanted(in, &want);
	bool must_be_empty = rpc_get_u32(in) != 0;
	bool last_try = rpc_get_u32(in) != 0;
	if (!rpc_msg_done(in) || in->n_secrets != 2 || st->module == NULL)
		return malformed(e);
	if (p11_token_init_pin(st->module, &want, must_be_empty, last_try, in->secrets[0], in->secrets[1], &info, e) !=
	    0)
		return -1;
	answer_token(&info, out);
	return 0;
}

static int do_open(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct state *st = state_of(s);
	struct worker_token t;
	struct p11_token_info want;
	char turn[1024];
	worker_get_token(in, &t);
	rpc_get_str(in, turn, sizeof turn);
	bool writable = turn[0] != '\0';
	if (!rpc_msg_done(in) || st->module == NULL)
		return malformed(e);
	describe_wanted(&t, &want);
	p11_token_close(&st->token);
	turn_give(&st->turn);
	if (writable && turn_take(&st->turn, s, turn, &t, e) != 0)
		return -1;
	if (p11_token_open(&st->token, st->module, want.slot, writable, e) != 0)
		return -1;
	if (p11_token_same(&want, p11_token_description(st->token), e) == 0)
		return 0;
	p11_token_close(&st->token);
	return -1;
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
    {WORKER_START, 0, do_start},
    {WORKER_MODULES, 0, do_modules},
    {WORKER_LOAD, 0, do_load},
    {WORKER_TOKENS, 0, do_tokens},
    {WORKER_TURN, 0, do_turn},
    {WORKER_INIT, 1, do_init},
    {WORKER_INIT_PIN, 2, do_init_pin},
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
	struct state st = {.hidden = PATHSET_INIT};
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
	turn_give(&st.turn);
	pathset_free(&st.hidden);
	return status;
}
