#include "core/process.h"
#include "enroll/describe.h"
#include "enroll/hide.h"
#include "enroll/worker_state.h"
#include "pkcs11/apdu.h"
#include "pkcs11/login.h"
#include "pkcs11/opensc.h"
#include "pkcs11/pins.h"
#include "pkcs11/reader.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* how long a call may still take once the parent is dead */
#define ORPHAN_SECONDS 30

struct worker_state *worker_state(struct rpc_server *s)
{
	return s->state;
}

int worker_malformed(struct err *e)
{
	return err_set(e, ERR_FAILED, "a call to the worker is malformed");
}

bool worker_ready(const struct worker_state *st, const struct rpc_msg *in, struct err *e)
{
	if (!rpc_msg_done(in))
		worker_malformed(e);
	else if (st->token == NULL)
		err_set(e, ERR_FAILED, "a call to the worker came before a token was opened");
	else
		return true;
	return false;
}

void worker_forget_listing(struct worker_state *st)
{
	free(st->listed);
	st->listed = NULL;
	st->n_listed = 0;
	st->deselected = false;
}

const struct p11_token_info *worker_listed(const struct worker_state *st, CK_SLOT_ID slot)
{
	for (size_t i = 0; i < st->n_listed; i++) {
		if (st->listed[i].slot == slot && p11_token_is_fresh(&st->listed[i]))
			return &st->listed[i];
	}
	return NULL;
}

void worker_get_view(struct rpc_msg *in, struct worker_view *ret)
{
	ret->text = (struct blob)BLOB_INIT;
	rpc_get_str(in, ret->reader, sizeof ret->reader);
	rpc_get_str(in, ret->cards, sizeof ret->cards);
	rpc_get_str(in, ret->path, sizeof ret->path);
	rpc_get_blob(in, &ret->text);
}

int worker_take_profile(struct worker_state *st, struct worker_view *v, struct err *e)
{
	struct profile *p = NULL;
	int ret = 0;
	worker_take_reader(st, v->reader);
	/* a token that is open goes on with what it has */
	bool known = st->profile != NULL && blob_equal(&st->profile->text, &v->text);
	if (!known && v->text.len == 0)
		p = profile_builtin();
	else if (!known)
		ret = profile_parse(&p, v->path, v->text.data, v->text.len, e);
	if (p != NULL) {
		p11_token_close(&st->token);
		profile_free(&st->profile);
		st->profile = p;
	}
	blob_free(&v->text);
	return ret;
}

static int do_start(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	bool took_effect = false;
	if (st->started || hide_start(in, &st->hidden, &took_effect) != 0)
		return worker_malformed(e);
	st->started = true;
	rpc_put_u32(out, took_effect);
	return 0;
}

static int do_modules(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct p11_module_name *list = NULL;
	size_t n = 0;
	if (!rpc_msg_done(in) || !worker_state(s)->started)
		return worker_malformed(e);
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
static int load(struct worker_state *st, const char *path, struct err *e)
{
	if (!st->started)
		return worker_malformed(e);
	return hide_check_module(&st->hidden, path, e) == 0 ? p11_module_load(&st->module, path, e) : -1;
}

static int do_load(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	char path[512];
	rpc_get_str(in, path, sizeof path);
	return rpc_msg_done(in) && st->module == NULL ? load(st, path, e) : worker_malformed(e);
}

/* OpenSC reads its configuration when it is initialized. */
static int initialize(struct worker_state *st, const char *path, const struct worker_view *v, struct err *e)
{
	if (st->module == NULL && load(st, path, e) != 0)
		return -1;
	if (opensc_configure(v->reader[0] != '\0' ? v->reader : NULL, v->cards, st->profile, e) != 0)
		return -1;
	p11_module_know_reader(st->module, opensc_is_module(path) ? v->reader : "");
	return p11_module_initialize(st->module, e);
}

/* Of other tokens that the module shows it does not matter. */
static int correct(const struct worker_state *st, struct p11_token_info *t, struct err *e)
{
	struct err why = ERR_INIT;
	if (p11_token_correct(t, st->profile, &why) == 0 || strcmp(t->reader, st->reader) != 0)
		return 0;
	*e = why;
	return -1;
}

static int do_tokens(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	char path[512];
	struct worker_view v;
	rpc_get_str(in, path, sizeof path);
	worker_get_view(in, &v);
	bool reads_only = rpc_get_u32(in) != 0, whole = rpc_msg_done(in);
	if (worker_take_profile(st, &v, e) != 0)
		return -1;
	if (!whole)
		return worker_malformed(e);
	worker_forget_listing(st);
	if (initialize(st, path, &v, e) != 0 || p11_token_list(st->module, &st->listed, &st->n_listed, e) != 0)
		return -1;
	rpc_put_u32(out, (uint32_t)st->n_listed);
	for (size_t i = 0; i < st->n_listed; i++) {
		struct worker_token t;
		if (!reads_only && correct(st, &st->listed[i], e) != 0)
			return -1;
		describe(&st->listed[i], &t);
		worker_put_token(out, &t);
	}
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
	struct worker_state *st = worker_state(s);
	struct worker_token t;
	char path[1024];
	worker_get_token(in, &t);
	rpc_get_str(in, path, sizeof path);
	if (!rpc_msg_done(in) || st->turn != NULL)
		return worker_malformed(e);
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
	struct worker_state *st = worker_state(s);
	char label[128];
	struct p11_token_info want, info;
	struct worker_view v;
	get_wanted(in, &want);
	worker_get_view(in, &v);
	rpc_get_str(in, label, sizeof label);
	bool whole = rpc_msg_done(in);
	if (worker_take_profile(st, &v, e) != 0)
		return -1;
	if (!whole || st->module == NULL)
		return worker_malformed(e);
	worker_forget_listing(st);
	if (in->n_secrets == 0)
		worker_tell_init(s);
	if (p11_token_init(st->module, st->profile, &want, label, in->secrets[0], &info, e) != 0)
		return -1;
	answer_token(&info, out);
	return 0;
}

static int do_init_pin(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct p11_token_info want, info;
	struct worker_view v;
	get_wanted(in, &want);
	worker_get_view(in, &v);
	bool ours = rpc_get_u32(in) != 0;
	bool last_try = rpc_get_u32(in) != 0;
	bool whole = rpc_msg_done(in);
	if (worker_take_profile(st, &v, e) != 0)
		return -1;
	if (!whole || in->n_secrets == 1 || st->module == NULL)
		return worker_malformed(e);
	worker_forget_listing(st);
	if (in->n_secrets == 0)
		worker_tell_init_pin(s, &want);
	if (p11_token_init_pin(st->module, st->profile, &want, ours, last_try, in->secrets[0], in->secrets[1], &info,
			       e) != 0)
		return -1;
	answer_token(&info, out);
	return 0;
}

static const struct profile_secrets no_secrets = {{NULL}};

/* Whether the card itself says the serial number that the module has shown. One that does not say is believed. */
static int check_serial(const struct worker_state *st, struct err *e)
{
	const struct p11_token_info *is = p11_token_description(st->token);
	struct apdu_answer a;
	char serial[24];
	uint64_t number = 0;
	if (st->profile->serial_apdu.n == 0)
		return 0;
	if (apdu_run(is->reader, &st->profile->serial_apdu, &no_secrets, &a, e) != 0)
		return -1;
	if (a.sw != 0x9000 || a.len == 0 || a.len > sizeof number)
		return 0;
	for (size_t i = 0; i < a.len; i++)
		number = number << 8 | a.data[i];
	snprintf(serial, sizeof serial, "%" PRIu64, number);
	if (strcmp(serial, is->serial) == 0)
		return 0;
	err_set(e, ERR_REMOVED, "%s says that the token in '%s' has the serial number %s, but the token says %s",
		p11_module_path(st->module), is->reader, is->serial, serial);
	return err_next(e, "pull it out, put it in again and run the same command; nothing was changed");
}

/* What comes between opening and the login: a card forgets a login when it is asked. */
static int settle(const struct worker_state *st, bool deselected, struct err *e)
{
	struct apdu_answer a;
	if (check_serial(st, e) != 0)
		return -1;
	if (st->profile->key.deselect.n == 0 || deselected)
		return 0;
	return apdu_run(p11_token_description(st->token)->reader, &st->profile->key.deselect, &no_secrets, &a, e);
}

static int do_open(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	struct worker_token t;
	struct p11_token_info want;
	struct worker_view v;
	char turn[1024], name[sizeof t.serial];
	worker_get_token(in, &t);
	worker_get_view(in, &v);
	rpc_get_str(in, turn, sizeof turn);
	rpc_get_str(in, name, sizeof name);
	bool writable = turn[0] != '\0', whole = rpc_msg_done(in);
	if (worker_take_profile(st, &v, e) != 0)
		return -1;
	if (!whole || st->module == NULL)
		return worker_malformed(e);
	describe_wanted(&t, &want);
	p11_token_close(&st->token);
	turn_give(&st->turn);
	if (writable && turn_take(&st->turn, s, turn, &t, e) != 0)
		return -1;
	int opened = p11_token_open(&st->token, st->module, st->profile, want.slot, worker_listed(st, want.slot),
				    name[0] != '\0' ? name : NULL, writable, e);
	bool deselected = st->deselected;
	worker_forget_listing(st);
	st->made_key = false;
	if (opened != 0)
		return -1;
	if (p11_token_same(&want, p11_token_description(st->token), e) == 0 &&
	    (!writable || settle(st, deselected, e) == 0))
		return 0;
	p11_token_close(&st->token);
	return -1;
}

static int do_login(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	enum profile_who who = rpc_get_u32(in) != 0 ? PROFILE_SO : PROFILE_USER;
	bool last_try = rpc_get_u32(in) != 0;
	if (!worker_ready(st, in, e))
		return -1;
	if (in->n_secrets == 0)
		worker_tell_login(s, who);
	if (p11_login(st->token, who, in->secrets[0], last_try, e) == 0)
		return 0;
	/* nobody is logged in now, so that asking the card ends no login */
	p11_pins_tell_tries(st->module, st->profile, p11_token_slot(st->token), st->reader, p11_token_name(st->token),
			    who == PROFILE_SO ? PROFILE_SO_PIN : PROFILE_PIN, e);
	return -1;
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
    {WORKER_ID_TAKEN, 0, worker_do_id_taken},
    {WORKER_KEY_FIND, 0, worker_do_key_find},
    {WORKER_KEY_GENERATE, 0, worker_do_key_generate},
    {WORKER_KEY_DELETE, 0, worker_do_key_delete},
    {WORKER_REQUEST, 0, worker_do_request},
    {WORKER_CERTIFICATE_WRITE, 0, worker_do_certificate_write},
    {WORKER_CERTIFICATE_FIND, 0, worker_do_certificate_find},
    {WORKER_PROVE, 0, worker_do_prove},
    {WORKER_PINS, 0, worker_do_pins},
    {WORKER_CHANGE, 2, worker_do_change},
    {WORKER_RESET, 1, worker_do_reset},
    {WORKER_OBJECTS, 0, worker_do_objects},
    {WORKER_DELETE_ALL, 0, worker_do_delete_all},
    {WORKER_ATTESTATION, 0, worker_do_attestation},
    {WORKER_ORPHANS_MARK, 0, worker_do_orphans_mark},
    {WORKER_ORPHANS_DELETE, 0, worker_do_orphans_delete},
    {WORKER_UNSEAL, 0, worker_do_unseal},
    {WORKER_OURS, 0, worker_do_ours},
    {WORKER_EVENT, 0, worker_do_event},
};

/* The parent was killed: the module may finish the call it is in, which leaves the token in order, but not hang. */
static void on_term(int sig)
{
	(void)sig;
	alarm(ORPHAN_SECONDS);
}

int worker_main(void)
{
	struct worker_state st = {.hidden = PATHSET_INIT};
	struct rpc_server server = {.fd = RPC_FD, .state = &st, .explain = worker_explain};
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
	profile_free(&st.profile);
	blob_free(&st.known);
	turn_give(&st.turn);
	worker_forget_listing(&st);
	pathset_free(&st.hidden);
	return status;
}
