#include "core/xalloc.h"
#include "enroll/worker_impl.h"

#include <stdlib.h>
#include <string.h>

int worker_event_begin(struct worker *w, bool asks, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_EVENT);
	rpc_put_u32(&c.in, asks);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_event_end(struct worker *w, enum worker_event *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_EVENT);
	int got = worker_call_wait(w, &c, e);
	uint32_t event = got == 0 ? rpc_get_u32(&c.out) : 0;
	c.out.bad = c.out.bad || event > WORKER_EVENT_FAILED;
	got = worker_call_end(&c, got, e);
	if (got == 0)
		*ret = (enum worker_event)event;
	return got;
}

int worker_fd(const struct worker *w)
{
	return rpc_peer_fd(w->peer);
}

void worker_break_off(struct worker **w)
{
	if (w != NULL && *w != NULL)
		rpc_peer_interrupt((*w)->peer);
	worker_stop(w);
}

int worker_ours(struct worker *w, const struct blob *certificates, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_OURS);
	rpc_put_blob(&c.in, certificates);
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

int worker_id_taken(struct worker *w, const struct blob *cka_id, bool *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_ID_TAKEN);
	rpc_put_blob(&c.in, cka_id);
	int got = worker_call_run(w, &c, e);
	bool taken = got == 0 && rpc_get_u32(&c.out) != 0;
	got = worker_call_end(&c, got, e);
	if (got == 0)
		*ret = taken;
	return got;
}

/* Calls that answer with a key. */
static int call_key(struct worker *w, struct worker_message *c, struct worker_key *ret, struct err *e)
{
	int got = worker_call_run(w, c, e);
	if (got == 0)
		worker_get_key(&c->out, ret);
	return worker_call_end(c, got, e);
}

/* NULL as an empty one. */
static void put_optional(struct rpc_msg *m, const struct blob *b)
{
	rpc_put_bytes(m, b != NULL ? b->data : NULL, b != NULL ? b->len : 0);
}

int worker_key_find(struct worker *w, const struct blob *cka_id, const struct blob *spki, struct worker_key *ret,
		    struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_KEY_FIND);
	rpc_put_blob(&c.in, cka_id);
	put_optional(&c.in, spki);
	return call_key(w, &c, ret, e);
}

int worker_key_generate_begin(struct worker *w, enum keytype type, const struct blob *cka_id, const char *label,
			      struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_KEY_GENERATE);
	rpc_put_u32(&c.in, type);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_str(&c.in, label);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_key_generate_end(struct worker *w, struct worker_key *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_KEY_GENERATE);
	int got = worker_call_wait(w, &c, e);
	if (got == 0)
		worker_get_key(&c.out, ret);
	return worker_call_end(&c, got, e);
}

int worker_key_delete(struct worker *w, const struct blob *cka_id, const struct blob *spki, bool *ret_gone,
		      struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_KEY_DELETE);
	rpc_put_blob(&c.in, cka_id);
	put_optional(&c.in, spki);
	int got = worker_call_run(w, &c, e);
	*ret_gone = got == 0 && rpc_get_u32(&c.out) != 0;
	return worker_call_end(&c, got, e);
}

/* Calls that answer with one blob. */
static int call_blob(struct worker *w, struct worker_message *c, struct blob *ret, struct err *e)
{
	int got = worker_call_run(w, c, e);
	if (got == 0)
		rpc_get_blob(&c->out, ret);
	return worker_call_end(c, got, e);
}

int worker_orphans_mark(struct worker *w, struct blob *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_ORPHANS_MARK);
	return call_blob(w, &c, ret, e);
}

int worker_orphans_delete(struct worker *w, const struct blob *mark, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_ORPHANS_DELETE);
	rpc_put_blob(&c.in, mark);
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

int worker_request(struct worker *w, const struct blob *cka_id, const struct blob *spki, const struct blob *subject,
		   struct blob *ret_csr, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_REQUEST);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_blob(&c.in, spki);
	rpc_put_blob(&c.in, subject);
	return call_blob(w, &c, ret_csr, e);
}

int worker_certificate_write_begin(struct worker *w, const struct blob *cka_id, const char *label,
				   const struct blob *der, bool keep_older, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_CERTIFICATE_WRITE);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_str(&c.in, label);
	rpc_put_blob(&c.in, der);
	rpc_put_u32(&c.in, keep_older);
	int got = rpc_send(w->peer, &c.in, e);
	rpc_msg_free(&c.in);
	return got;
}

int worker_certificate_write_end(struct worker *w, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_CERTIFICATE_WRITE);
	return worker_call_end(&c, worker_call_wait(w, &c, e), e);
}

int worker_certificate_write(struct worker *w, const struct blob *cka_id, const char *label, const struct blob *der,
			     bool keep_older, struct err *e)
{
	return worker_certificate_write_begin(w, cka_id, label, der, keep_older, e) == 0
		   ? worker_certificate_write_end(w, e)
		   : -1;
}

int worker_certificate_find(struct worker *w, const struct blob *der, struct blob *ret_cka_id, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_CERTIFICATE_FIND);
	rpc_put_blob(&c.in, der);
	return call_blob(w, &c, ret_cka_id, e);
}

int worker_prove(struct worker *w, const struct blob *cka_id, const struct blob *der, bool rsa,
		 const struct blob *digest, struct worker_proof *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_PROVE);
	rpc_put_blob(&c.in, cka_id);
	rpc_put_blob(&c.in, der);
	rpc_put_u32(&c.in, rsa);
	rpc_put_blob(&c.in, digest);
	int got = worker_call_run(w, &c, e);
	if (got == 0) {
		worker_get_key(&c.out, &ret->key);
		rpc_get_blob(&c.out, &ret->signature);
		rpc_get_str(&c.out, ret->pkcs11_id, sizeof ret->pkcs11_id);
		rpc_get_str(&c.out, ret->rival, sizeof ret->rival);
	}
	return worker_call_end(&c, got, e);
}

/* ---- the life of a token */

int worker_pins(struct worker *w, const struct worker_token *t, bool brief, struct p11_pin_state ret[PROFILE_PIN_COUNT],
		struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_PINS);
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_u32(&c.in, brief);
	int got = worker_call_run(w, &c, e);
	for (size_t i = 0; got == 0 && i < PROFILE_PIN_COUNT; i++)
		worker_get_pin(&c.out, &ret[i]);
	return worker_call_end(&c, got, e);
}

int worker_change(struct worker *w, const struct worker_token *t, enum profile_operation what,
		  enum profile_secret key_kind, struct secret *key, struct secret *new, bool last_try, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_CHANGE);
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_u32(&c.in, what);
	rpc_put_u32(&c.in, last_try);
	if (key != NULL && new != NULL) {
		rpc_put_u32(&c.in, key_kind);
		rpc_put_u32(&c.in, PROFILE_NEW);
		rpc_put_secret(&c.in, key);
		rpc_put_secret(&c.in, new);
	}
	return worker_call_end(&c, worker_call_run(w, &c, e), e);
}

int worker_reset(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		 struct worker_token *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_RESET);
	struct worker_token now;
	worker_put_token(&c.in, t);
	worker_put_view(w, &c.in);
	rpc_put_str(&c.in, label);
	if (so_pin != NULL)
		rpc_put_secret(&c.in, so_pin);
	int got = worker_call_run(w, &c, e);
	if (got == 0)
		worker_get_token(&c.out, &now);
	got = worker_call_end(&c, got, e);
	if (got == 0)
		*ret = now;
	return got;
}

int worker_objects(struct worker *w, struct p11_listed **ret, size_t *ret_n, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_OBJECTS);
	struct p11_listed *list = NULL;
	size_t n = 0;
	int got = worker_call_run(w, &c, e);
	if (got == 0) {
		size_t claimed = rpc_get_u32(&c.out);
		list = xcalloc(P11_OBJECTS_MAX, sizeof *list);
		for (; n < claimed && n < P11_OBJECTS_MAX && !c.out.bad; n++)
			worker_get_object(&c.out, &list[n]);
	}
	if (worker_call_end(&c, got, e) != 0) {
		p11_listed_free(&list, n);
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int worker_delete_all(struct worker *w, size_t *ret_n, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_DELETE_ALL);
	int got = worker_call_run(w, &c, e);
	if (got == 0)
		*ret_n = rpc_get_u32(&c.out);
	return worker_call_end(&c, got, e);
}

int worker_attestation(struct worker *w, const struct blob *cka_id, struct blob *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_ATTESTATION);
	rpc_put_blob(&c.in, cka_id);
	return call_blob(w, &c, ret, e);
}

int worker_unseal(struct worker *w, const struct p11_uri *key, const struct blob *certs, const struct store_escrow *v,
		  const struct store_token *of, struct secret *ret, struct err *e)
{
	struct worker_message c = worker_call_begin(WORKER_UNSEAL);
	rpc_put_blob(&c.in, &key->id);
	rpc_put_str(&c.in, key->object);
	rpc_put_blob(&c.in, certs);
	rpc_put_str(&c.in, of->manufacturer);
	rpc_put_str(&c.in, of->model);
	rpc_put_str(&c.in, of->serial);
	rpc_put_u32(&c.in, v->kind);
	rpc_put_str(&c.in, v->recipients);
	rpc_put_blob(&c.in, &v->cms);
	int got = worker_call_run(w, &c, e);
	if (got == 0 && c.out.n_secrets != 1)
		c.out.bad = true;
	else if (got == 0)
		got = secret_set(ret, c.out.secrets[0]->bytes, c.out.secrets[0]->len, e);
	return worker_call_end(&c, got, e);
}
