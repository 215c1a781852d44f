#include "enroll/worker.h"
#include "core/xalloc.h"
#include "enroll/worker_impl.h"
#include "pkcs11/reader.h"

#include <stdlib.h>
#include <string.h>

struct worker_message worker_call_begin(enum worker_call type)
{
	struct worker_message c = {RPC_MSG_INIT, RPC_MSG_INIT};
	rpc_msg_reset(&c.in, (uint16_t)type);
	return c;
}

int worker_call_end(struct worker_message *c, int got, struct err *e)
{
	if (got == 0 && !rpc_msg_done(&c->out))
		got = err_set(e, ERR_MODULE,
			      "the process that runs the token's module gave an answer that makes no sense");
	rpc_msg_free(&c->in);
	rpc_msg_free(&c->out);
	return got;
}

/* Answers come in the order of the calls, so that of worker_start is the first. */
static int start_end(struct worker *w, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_START);
	int got = rpc_wait(w->peer, &c.out, w->timeout_ms, e);
	bool confined = got == 0 && rpc_get_u32(&c.out) != 0;
	got = worker_call_end(&c, got, e);
	w->starting = got != 0;
	if (got == 0 && !confined && w->verbose && w->note != NULL)
		w->note(w->note_arg, WORKER_NOT_KEPT);
	return got;
}

/* Calls without the secrets that they are about: a person is at the reader's PIN pad. */
static bool is_about_secrets(uint16_t type)
{
	return type == WORKER_LOGIN || type == WORKER_CHANGE || type == WORKER_INIT || type == WORKER_INIT_PIN ||
	       type == WORKER_RESET;
}

/* Making a key takes long; and the wait for a turn, which the worker ends itself, comes before what the module does. */
static int patience(const struct worker *w, const struct rpc_msg *m)
{
	uint16_t type = m->type;
	if (type == WORKER_KEY_GENERATE)
		return w->timeout_ms * 10;
	if (m->n_secrets == 0 && is_about_secrets(type))
		return w->timeout_ms + WORKER_PAD_MS;
	return w->timeout_ms + (type == WORKER_TURN || type == WORKER_OPEN ? WORKER_TURN_MS : 0);
}

/* One of PC/SC; of another slot nobody knows. */
static bool has_lost_its_card(const char *name)
{
	struct reader *list = NULL;
	size_t n = 0;
	if (reader_list(&list, &n, NULL) != 0)
		return false;
	const struct reader *r = reader_find(list, n, name);
	bool lost = r != NULL && !r->present;
	free(list);
	return lost;
}

/* libp11 waits for ever for a session on a token that is gone: so a module that hangs, or has crashed, may have lost
 * its token. */
static int failed(const struct worker *w, struct err *e)
{
	if (e == NULL || e->code != ERR_MODULE || w->reader[0] == '\0' || !has_lost_its_card(w->reader))
		return -1;
	e->code = ERR_REMOVED;
	err_prefix(e, "the token was pulled out of '%s'", w->reader);
	return err_next(e, "%s", "");
}

int worker_call_wait(struct worker *w, struct worker_message *c, struct err *e)
{
	if (w->starting && start_end(w, e) != 0)
		return -1;
	return rpc_wait(w->peer, &c->out, patience(w, &c->in), e) == 0 ? 0 : failed(w, e);
}

int worker_call_run(struct worker *w, struct worker_message *c, struct err *e)
{
	return rpc_send(w->peer, &c->in, e) == 0 ? worker_call_wait(w, c, e) : -1;
}

static int start_begin(struct worker *w, const struct worker_settings *settings, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_START);
	size_t n = 0;
	while (n < HIDDEN_PLACES_MAX && settings->places[n].path != NULL)
		n++;
	hidden_put(&c.in, settings->places, n);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	w->starting = got == 0;
	return got;
}

int worker_start(struct worker **ret, const struct worker_settings *settings, struct err *e)
{
	struct rpc_peer *peer = NULL;
	if (rpc_peer_start(&peer, "worker", settings->verbose, e) != 0)
		return -1;
	rpc_peer_on_note(peer, settings->note, settings->note_arg);
	struct worker *w = xcalloc(1, sizeof *w);
	w->peer = peer;
	w->timeout_ms = settings->timeout_s * 1000;
	w->verbose = settings->verbose;
	w->reads_only = settings->reads_only;
	w->note = settings->note;
	w->note_arg = settings->note_arg;
	w->reader = "";
	w->cards = xstrdup(settings->cards != NULL ? settings->cards : "");
	if (start_begin(w, settings, e) != 0) {
		worker_stop(&w);
		return -1;
	}
	*ret = w;
	return 0;
}

void worker_dismiss(struct worker *w)
{
	if (w != NULL)
		rpc_peer_dismiss(w->peer);
}

void worker_stop(struct worker **w)
{
	if (w == NULL || *w == NULL)
		return;
	rpc_peer_stop(&(*w)->peer);
	free((*w)->cards);
	free(*w);
	*w = NULL;
}

void worker_know(struct worker *w, const char *reader, const struct profile *profile)
{
	w->reader = reader != NULL ? reader : "";
	w->profile = profile;
}

void worker_name(struct worker *w, const char *serial)
{
	snprintf(w->name, sizeof w->name, "%s", serial);
}

void worker_put_view(const struct worker *w, struct rpc_msg *m)
{
	static const struct blob nothing = BLOB_INIT;
	bool from_file = w->profile != NULL && w->profile->file != NULL;
	rpc_put_str(m, w->reader);
	rpc_put_str(m, w->cards);
	rpc_put_str(m, from_file ? w->profile->file : "");
	rpc_put_blob(m, from_file ? &w->profile->text : &nothing);
}

bool worker_same_token(const struct worker_token *a, const struct worker_token *b)
{
	return strcmp(a->serial, b->serial) == 0 && strcmp(a->manufacturer, b->manufacturer) == 0 &&
	       strcmp(a->model, b->model) == 0;
}

int worker_modules_begin(struct worker *w, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_MODULES);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_modules_end(struct worker *w, struct worker_module **ret, size_t *ret_n, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_MODULES);
	struct worker_module *list = NULL;
	size_t n = 0;
	int got = worker_call_wait(w, &c, e);
	if (got == 0) {
		size_t claimed = rpc_get_u32(&c.out);
		list = xcalloc(256, sizeof *list);
		for (; n < claimed && n < 256 && !c.out.bad; n++) {
			rpc_get_str(&c.out, list[n].name, sizeof list[n].name);
			rpc_get_str(&c.out, list[n].path, sizeof list[n].path);
		}
	}
	if (worker_call_end(&c, got, e) != 0) {
		free(list);
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int worker_load_begin(struct worker *w, const char *module, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_LOAD);
	rpc_put_str(&c.in, module);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	w->loading = got == 0;
	return got;
}

static int load_end(struct worker *w, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_LOAD);
	if (!w->loading)
		return 0;
	w->loading = false;
	return worker_call_end(&c, worker_call_wait(w, &c, e), e);
}

int worker_tokens_begin(struct worker *w, const char *module, struct err *e)
{
	if (load_end(w, e) != 0)
		return -1;
	struct worker_message c = worker_call_begin(WORKER_TOKENS);
	rpc_put_str(&c.in, module);
	worker_put_view(w, &c.in);
	rpc_put_u32(&c.in, w->reads_only);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_tokens_end(struct worker *w, struct worker_token **ret, size_t *ret_n, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_TOKENS);
	struct worker_token *list = NULL;
	size_t n = 0;
	int got = worker_call_wait(w, &c, e);
	if (got == 0) {
		size_t claimed = rpc_get_u32(&c.out);
		list = xcalloc(256, sizeof *list);
		for (; n < claimed && n < 256 && !c.out.bad; n++)
			worker_get_token(&c.out, &list[n]);
	}
	if (worker_call_end(&c, got, e) != 0) {
		free(list);
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int worker_turn(struct worker *w, const struct worker_token *t, const char *turn, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_TURN);
	worker_put_token(&c.in, t);
	rpc_put_str(&c.in, turn);
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

/* Calls that answer with a token. */
static int call_token(struct worker *w, struct worker_message *c, struct worker_token *ret, struct err *e)
{
	struct worker_token now;
	int got = worker_call_run(w, c, e);
	if (got == 0)
		worker_get_token(&c->out, &now);
	got = worker_call_end(c, got, e);
	if (got == 0)
		*ret = now;
	return got;
}

int worker_init(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		struct worker_token *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_INIT);
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_str(&c.in, label);
	if (so_pin != NULL)
		rpc_put_secret(&c.in, so_pin);
	return call_token(w, &c, ret, e);
}

int worker_init_pin(struct worker *w, const struct worker_token *t, bool ours, bool last_try, struct secret *so_pin,
		    struct secret *pin, struct worker_token *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_INIT_PIN);
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_u32(&c.in, ours);
	rpc_put_u32(&c.in, last_try);
	if (so_pin != NULL && pin != NULL) {
		rpc_put_secret(&c.in, so_pin);
		rpc_put_secret(&c.in, pin);
	}
	return call_token(w, &c, ret, e);
}

int worker_open(struct worker *w, const struct worker_token *t, const char *turn, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_OPEN);
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_str(&c.in, turn);
	rpc_put_str(&c.in, w->name);
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

int worker_login(struct worker *w, bool so, struct secret *secret, bool last_try, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_LOGIN);
	rpc_put_u32(&c.in, so);
	rpc_put_u32(&c.in, last_try);
	if (secret != NULL)
		rpc_put_secret(&c.in, secret);
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

void worker_key_describe(const struct worker_key *k, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s%s%s%s%s", k->sensitive ? "sensitive " : "",
		 k->always_sensitive ? "always-sensitive " : "", k->extractable ? "extractable " : "",
		 k->never_extractable ? "never-extractable " : "", k->local ? "local " : "",
		 k->pin_each_time ? WORKER_PIN_EACH_TIME " " : "");
	size_t n = strlen(ret);
	if (n > 0)
		ret[n - 1] = '\0';
}

void worker_key_free(struct worker_key *k)
{
	blob_free(&k->spki);
	blob_free(&k->cka_id);
	memset(k, 0, sizeof *k);
}

void worker_proof_free(struct worker_proof *p)
{
	worker_key_free(&p->key);
	blob_free(&p->signature);
	memset(p, 0, sizeof *p);
}
