#include "enroll/describe.h"
#include "enroll/worker_state.h"
#include "pkcs11/attest.h"
#include "pkcs11/listing.h"
#include "pkcs11/login.h"
#include "pkcs11/pins.h"

#include <string.h>

/* A call about a token that is not open: its slot, and what is known of it. */
struct about {
	struct p11_token_info want;
	struct worker_view view;
};

static void get_about(struct rpc_msg *in, struct about *ret)
{
	struct worker_token t;
	worker_get_token(in, &t);
	describe_wanted(&t, &ret->want);
	worker_get_view(in, &ret->view);
}

/* Takes the profile; the token has to be there, and be the one that is meant. */
static int take_about(struct worker_state *st, struct about *a, bool whole, struct err *e)
{
	struct p11_token_info is;
	if (worker_take_profile(st, &a->view, e) != 0)
		return -1;
	if (!whole || st->module == NULL)
		return worker_malformed(e);
	worker_forget_listing(st);
	if (p11_token_read(st->module, a->want.slot, &is, e) != 0)
		return -1;
	return p11_token_same(&a->want, &is, e);
}

static bool begins_with(const struct profile_apdus *list, const struct profile_apdus *first)
{
	if (list->n == 0)
		return true;
	const struct profile_template *a = &list->v[0], *b = &first->v[0];
	return first->n == 1 && a->n == 1 && b->n == 1 && a->piece[0].len == b->piece[0].len &&
	       memcmp(a->literal, b->literal, a->piece[0].len) == 0;
}

/* Whether asking for tries and factory values has done what the profile's deselect does, too. */
static bool deselects(const struct profile *p)
{
	bool asked = p->pin[PROFILE_PIN].tries_apdu.n != 0 && p->key.deselect.n != 0;
	for (size_t i = 0; i < PROFILE_PIN_COUNT && asked; i++)
		asked = begins_with(&p->pin[i].tries_apdu, &p->key.deselect) &&
			begins_with(&p->pin[i].factory_apdu, &p->key.deselect);
	return asked;
}

/* What was listed a moment ago is as good as asking again. */
static int take_listed(struct worker_state *st, struct about *a, bool whole, const struct p11_token_info **ret,
		       struct err *e)
{
	*ret = st->token == NULL ? worker_listed(st, a->want.slot) : NULL;
	if (!whole || *ret == NULL || p11_token_same(&a->want, *ret, NULL) != 0) {
		*ret = NULL;
		return take_about(st, a, whole, e);
	}
	return worker_take_profile(st, &a->view, e);
}

int worker_do_pins(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	struct about a;
	get_about(in, &a);
	const struct p11_token_info *known = NULL;
	bool brief = rpc_get_u32(in) != 0;
	if (take_listed(st, &a, rpc_msg_done(in), &known, e) != 0)
		return -1;
	/* commands to the card end the logins */
	p11_token_close(&st->token);
	if (p11_pins_read(st->module, st->profile, a.want.slot, known, a.view.reader, brief, pins, e) != 0)
		return -1;
	st->deselected = deselects(st->profile);
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++)
		worker_put_pin(out, &pins[i]);
	return 0;
}

/* While there is a read-only session, as the request's is, the SO cannot log in (PKCS#11 v2.40, 5.6). */
static void make_room_for_so(struct worker_state *st, enum profile_operation what)
{
	bool is_so = st->token != NULL && p11_login_who(st->token) == PROFILE_SO;
	if (st->profile->call[what].login != PROFILE_SO || is_so || st->bridge == NULL)
		return;
	p11_token_close(&st->token);
	p11_bridge_let_go(st->bridge);
}

int worker_do_change(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	(void)out;
	struct worker_state *st = worker_state(s);
	struct profile_secrets v = {{NULL}};
	struct about a;
	get_about(in, &a);
	uint32_t what = rpc_get_u32(in);
	bool last_try = rpc_get_u32(in) != 0, known = what < PROFILE_OPERATION_COUNT;
	for (unsigned i = 0; i < in->n_secrets; i++) {
		uint32_t which = rpc_get_u32(in);
		known = known && which < PROFILE_SECRET_COUNT;
		if (known)
			v.v[which] = in->secrets[i];
	}
	if (take_about(st, &a, rpc_msg_done(in) && known && (in->n_secrets == 0) == (v.v[PROFILE_NEW] == NULL), e) != 0)
		return -1;
	if (in->n_secrets == 0)
		worker_tell_change(s, &a.want, (enum profile_operation)what);
	if (st->profile->call[what].how == PROFILE_HOW_APDU)
		p11_token_close(&st->token);
	make_room_for_so(st, (enum profile_operation)what);
	return p11_pins_change(st->module, st->profile, st->token, a.want.slot, a.view.reader,
			       (enum profile_operation)what, &v, last_try, e);
}

int worker_do_reset(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct p11_token_info made;
	struct worker_token t;
	struct about a;
	char label[128];
	get_about(in, &a);
	rpc_get_str(in, label, sizeof label);
	if (take_about(st, &a, rpc_msg_done(in), e) != 0)
		return -1;
	p11_token_close(&st->token);
	if (in->n_secrets == 0)
		worker_tell_reset(s, &a.want);
	if (p11_token_reset(st->module, &a.want, label, in->secrets[0], &made, e) != 0) {
		p11_pins_tell_tries(st->module, st->profile, a.want.slot, a.view.reader, NULL, PROFILE_SO_PIN, e);
		return -1;
	}
	describe(&made, &t);
	worker_put_token(out, &t);
	return 0;
}

int worker_do_objects(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct p11_listed *list = NULL;
	size_t n = 0;
	if (!worker_ready(st, in, e) || p11_listing_read(st->token, &st->known, &list, &n, e) != 0)
		return -1;
	rpc_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		worker_put_object(out, &list[i]);
	p11_listed_free(&list, n);
	return 0;
}

int worker_do_delete_all(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	size_t n = 0;
	if (!worker_ready(st, in, e) || worker_allow(st, st->profile->key.delete, "delete objects of", e) != 0)
		return -1;
	int ret = p11_listing_delete_all(st->token, &n, e);
	rpc_put_u32(out, (uint32_t)n);
	return ret;
}

int worker_do_attestation(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	struct blob id = BLOB_INIT, proof = BLOB_INIT;
	rpc_get_blob(in, &id);
	int ret = worker_ready(st, in, e) ? p11_attestation_read(st->token, &id, &proof, e) : -1;
	rpc_put_blob(out, &proof);
	blob_free(&id);
	blob_free(&proof);
	return ret;
}
