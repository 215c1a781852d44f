#include "enroll/worker.h"
#include "core/xalloc.h"
#include "enroll/worker_wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct worker {
	struct rpc_peer *peer;
	int timeout_ms;
	bool starting; /* the answer to worker_start is still to come */
	bool loading;  /* the answer to worker_load_begin is still to come */
	bool verbose;
	rpc_note_fn *note;
	void *note_arg;
	const char *reader;            /* "": not known */
	const struct profile *profile; /* NULL: not known */
};

/* One call with its two messages; freed together. */
struct call {
	struct rpc_msg in, out;
};

static struct call call_begin(enum worker_call type)
{
	struct call c = {RPC_MSG_INIT, RPC_MSG_INIT};
	rpc_msg_reset(&c.in, (uint16_t)type);
	return c;
}

/* Frees the call; an answer that does not parse is the same as no answer. */
static int call_end(struct call *c, int got, struct err *e)
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
	struct call c = call_begin(WORKER_START);
	int got = rpc_wait(w->peer, &c.out, w->timeout_ms, e);
	bool confined = got == 0 && rpc_get_u32(&c.out) != 0;
	got = call_end(&c, got, e);
	w->starting = got != 0;
	if (got == 0 && !confined && w->verbose && w->note != NULL)
		w->note(w->note_arg, "the token's module is not kept from the CA's files: for that the kernel has to "
				     "have Landlock, as Linux from 5.19 on");
	return got;
}

/* Making a key takes long; and the wait for a turn, which the worker ends itself, comes before what the module does. */
static int patience(const struct worker *w, uint16_t type)
{
	if (type == WORKER_KEY_GENERATE)
		return w->timeout_ms * 10;
	return w->timeout_ms + (type == WORKER_TURN || type == WORKER_OPEN ? WORKER_TURN_MS : 0);
}

static int call_wait(struct worker *w, struct call *c, struct err *e)
{
	if (w->starting && start_end(w, e) != 0)
		return -1;
	return rpc_wait(w->peer, &c->out, patience(w, c->in.type), e);
}

static int call_run(struct worker *w, struct call *c, struct err *e)
{
	return rpc_send(w->peer, &c->in, e) == 0 ? call_wait(w, c, e) : -1;
}

/* The path of a place as it is known to every process, to be freed; NULL if there is nothing to hide. */
static char *common_path(const struct worker_place *p)
{
	struct stat st;
	if (p->path == NULL || p->kind != WORKER_PLACE_SECRET)
		return p->path != NULL ? xstrdup(p->path) : NULL;
	/* what another process calls /dev/fd/3 is something else, and pipes and terminals are no places */
	return stat(p->path, &st) == 0 && S_ISREG(st.st_mode) ? realpath(p->path, NULL) : NULL;
}

static int start_begin(struct worker *w, const struct worker_settings *settings, struct err *e)
{
	struct call c = call_begin(WORKER_START);
	for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
		char *path = common_path(&settings->places[i]);
		if (path != NULL) {
			rpc_put_u32(&c.in, settings->places[i].kind);
			rpc_put_str(&c.in, path);
		}
		free(path);
	}
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
	w->note = settings->note;
	w->note_arg = settings->note_arg;
	w->reader = "";
	if (start_begin(w, settings, e) != 0) {
		worker_stop(&w);
		return -1;
	}
	*ret = w;
	return 0;
}

void worker_stop(struct worker **w)
{
	if (w == NULL || *w == NULL)
		return;
	rpc_peer_stop(&(*w)->peer);
	free(*w);
	*w = NULL;
}

void worker_know(struct worker *w, const char *reader, const struct profile *profile)
{
	w->reader = reader != NULL ? reader : "";
	w->profile = profile;
}

static void put_view(const struct worker *w, struct rpc_msg *m)
{
	static const struct blob nothing = BLOB_INIT;
	bool from_file = w->profile != NULL && w->profile->file != NULL;
	rpc_put_str(m, w->reader);
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
	struct call c = call_begin(WORKER_MODULES);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_modules_end(struct worker *w, struct worker_module **ret, size_t *ret_n, struct err *e)
{
	struct call c = call_begin(WORKER_MODULES);
	struct worker_module *list = NULL;
	size_t n = 0;
	int got = call_wait(w, &c, e);
	if (got == 0) {
		size_t claimed = rpc_get_u32(&c.out);
		list = xcalloc(256, sizeof *list);
		for (; n < claimed && n < 256 && !c.out.bad; n++) {
			rpc_get_str(&c.out, list[n].name, sizeof list[n].name);
			rpc_get_str(&c.out, list[n].path, sizeof list[n].path);
		}
	}
	if (call_end(&c, got, e) != 0) {
		free(list);
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int worker_load_begin(struct worker *w, const char *module, struct err *e)
{
	struct call c = call_begin(WORKER_LOAD);
	rpc_put_str(&c.in, module);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	w->loading = got == 0;
	return got;
}

static int load_end(struct worker *w, struct err *e)
{
	struct call c = call_begin(WORKER_LOAD);
	if (!w->loading)
		return 0;
	w->loading = false;
	return call_end(&c, call_wait(w, &c, e), e);
}

int worker_tokens_begin(struct worker *w, const char *module, struct err *e)
{
	if (load_end(w, e) != 0)
		return -1;
	struct call c = call_begin(WORKER_TOKENS);
	rpc_put_str(&c.in, module);
	put_view(w, &c.in);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_tokens_end(struct worker *w, struct worker_token **ret, size_t *ret_n, struct err *e)
{
	struct call c = call_begin(WORKER_TOKENS);
	struct worker_token *list = NULL;
	size_t n = 0;
	int got = call_wait(w, &c, e);
	if (got == 0) {
		size_t claimed = rpc_get_u32(&c.out);
		list = xcalloc(256, sizeof *list);
		for (; n < claimed && n < 256 && !c.out.bad; n++)
			worker_get_token(&c.out, &list[n]);
	}
	if (call_end(&c, got, e) != 0) {
		free(list);
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int worker_turn(struct worker *w, const struct worker_token *t, const char *turn, struct err *e)
{
	struct call c = call_begin(WORKER_TURN);
	worker_put_token(&c.in, t);
	rpc_put_str(&c.in, turn);
	return call_end(&c, call_run(w, &c, e), e);
}

/* Calls that answer with a token. */
static int call_token(struct worker *w, struct call *c, struct worker_token *ret, struct err *e)
{
	struct worker_token now;
	int got = call_run(w, c, e);
	if (got == 0)
		worker_get_token(&c->out, &now);
	got = call_end(c, got, e);
	if (got == 0)
		*ret = now;
	return got;
}

int worker_init(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		struct worker_token *ret, struct err *e)
{
	struct call c = call_begin(WORKER_INIT);
	worker_put_token(&c.in, t);
	put_view(w, &c.in);
	rpc_put_str(&c.in, label);
	rpc_put_secret(&c.in, so_pin);
	return call_token(w, &c, ret, e);
}

int worker_init_pin(struct worker *w, const struct worker_token *t, bool must_be_empty, bool last_try,
		    struct secret *so_pin, struct secret *pin, struct worker_token *ret, struct err *e)
{
	struct call c = call_begin(WORKER_INIT_PIN);
	worker_put_token(&c.in, t);
	put_view(w, &c.in);
	rpc_put_u32(&c.in, must_be_empty);
	rpc_put_u32(&c.in, last_try);
	rpc_put_secret(&c.in, so_pin);
	rpc_put_secret(&c.in, pin);
	return call_token(w, &c, ret, e);
}

int worker_open(struct worker *w, const struct worker_token *t, const char *turn, struct err *e)
{
	struct call c = call_begin(WORKER_OPEN);
	worker_put_token(&c.in, t);
	put_view(w, &c.in);
	rpc_put_str(&c.in, turn);
	return call_end(&c, call_run(w, &c, e), e);
}

int worker_login(struct worker *w, bool so, struct secret *secret, bool last_try, struct err *e)
{
	struct call c = call_begin(WORKER_LOGIN);
	rpc_put_u32(&c.in, so);
	rpc_put_u32(&c.in, last_try);
	if (secret != NULL)
		rpc_put_secret(&c.in, secret);
	return call_end(&c, call_run(w, &c, e), e);
}

int worker_id_taken(struct worker *w, const struct blob *cka_id, bool *ret, struct err *e)
{
	struct call c = call_begin(WORKER_ID_TAKEN);
	rpc_put_blob(&c.in, cka_id);
	int got = call_run(w, &c, e);
	bool taken = got == 0 && rpc_get_u32(&c.out) != 0;
	got = call_end(&c, got, e);
	if (got == 0)
		*ret = taken;
	return got;
}

/* Calls that answer with a key. */
static int call_key(struct worker *w, struct call *c, struct worker_key *ret, struct err *e)
{
	int got = call_run(w, c, e);
	if (got == 0)
		worker_get_key(&c->out, ret);
	return call_end(c, got, e);
}

/* NULL as an empty one. */
static void put_optional(struct rpc_msg *m, const struct blob *b)
{
	rpc_put_bytes(m, b != NULL ? b->data : NULL, b != NULL ? b->len : 0);
}

int worker_key_find(struct worker *w, const struct blob *cka_id, const struct blob *spki, struct worker_key *ret,
		    struct err *e)
{
	struct call c = call_begin(WORKER_KEY_FIND);
	rpc_put_blob(&c.in, cka_id);
	put_optional(&c.in, spki);
	return call_key(w, &c, ret, e);
}

int worker_key_generate(struct worker *w, enum keytype type, const struct blob *cka_id, const char *label,
			struct worker_key *ret, struct err *e)
{
	struct call c = call_begin(WORKER_KEY_GENERATE);
	rpc_put_u32(&c.in, type);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_str(&c.in, label);
	return call_key(w, &c, ret, e);
}

int worker_key_delete(struct worker *w, const struct blob *cka_id, const struct blob *spki, bool certificates,
		      struct err *e)
{
	struct call c = call_begin(WORKER_KEY_DELETE);
	rpc_put_blob(&c.in, cka_id);
	put_optional(&c.in, spki);
	rpc_put_u32(&c.in, certificates);
	return call_end(&c, call_run(w, &c, e), e);
}

/* Calls that answer with one blob. */
static int call_blob(struct worker *w, struct call *c, struct blob *ret, struct err *e)
{
	int got = call_run(w, c, e);
	if (got == 0)
		rpc_get_blob(&c->out, ret);
	return call_end(c, got, e);
}

int worker_request(struct worker *w, const struct blob *cka_id, const struct blob *spki, const struct blob *subject,
		   struct blob *ret_csr, struct err *e)
{
	struct call c = call_begin(WORKER_REQUEST);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_blob(&c.in, spki);
	rpc_put_blob(&c.in, subject);
	return call_blob(w, &c, ret_csr, e);
}

int worker_certificate_write(struct worker *w, const struct blob *cka_id, const char *label, const struct blob *der,
			     struct err *e)
{
	struct call c = call_begin(WORKER_CERTIFICATE_WRITE);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_str(&c.in, label);
	rpc_put_blob(&c.in, der);
	return call_end(&c, call_run(w, &c, e), e);
}

int worker_certificate_find(struct worker *w, const struct blob *der, struct blob *ret_cka_id, struct err *e)
{
	struct call c = call_begin(WORKER_CERTIFICATE_FIND);
	rpc_put_blob(&c.in, der);
	return call_blob(w, &c, ret_cka_id, e);
}

int worker_prove(struct worker *w, const struct blob *cka_id, bool rsa, const struct blob *digest,
		 struct worker_proof *ret, struct err *e)
{
	struct call c = call_begin(WORKER_PROVE);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_u32(&c.in, rsa);
	rpc_put_blob(&c.in, digest);
	int got = call_run(w, &c, e);
	if (got == 0) {
		worker_get_key(&c.out, &ret->key);
		rpc_get_blob(&c.out, &ret->signature);
		rpc_get_str(&c.out, ret->pkcs11_id, sizeof ret->pkcs11_id);
	}
	return call_end(&c, got, e);
}

void worker_key_describe(const struct worker_key *k, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s%s%s%s", k->sensitive ? "sensitive " : "",
		 k->always_sensitive ? "always-sensitive " : "", k->extractable ? "extractable " : "",
		 k->never_extractable ? "never-extractable " : "", k->local ? "local " : "");
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
