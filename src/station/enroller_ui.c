/*
 * enroller_ui: the person in charge, as the state machine knows them, is the
 * station.
 */
#include "station/enroller.h"

#include "core/xalloc.h"

#include <string.h>

/* Somebody may have to be fetched who knows the PIN. */
#define ANSWER_MS (24 * 3600 * 1000)

int enroller_call(struct enroller *n, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	int ret = rpc_call(n->station, in, out, ANSWER_MS, e);
	rpc_msg_free(in);
	return ret;
}

/* One whose answer has nothing in it. */
static int tell(struct enroller *n, struct rpc_msg *in, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int ret = enroller_call(n, in, &out, e);
	if (ret == 0 && !rpc_msg_done(&out))
		ret = err_set(e, ERR_FAILED, "the station gave an answer that cannot be read");
	rpc_msg_free(&out);
	return ret;
}

static int send_ask(struct enroller *n, const struct desk_ask *a, struct secret *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_ASK);
	desk_put_ask(&in, a);
	int got = enroller_call(n, &in, &out, e);
	if (got == 0 && (!rpc_msg_done(&out) || out.n_secrets != 1))
		got = err_set(e, ERR_FAILED, "the station gave an answer that cannot be read");
	if (got == 0)
		got = secret_set(ret, out.secrets[0]->bytes, out.secrets[0]->len, e);
	rpc_msg_free(&out);
	return got;
}

static struct desk_ask ask_of(enum desk_secret what, const struct profile_limits *l)
{
	struct desk_ask a = {.what = what,
			     .min = (unsigned)l->min,
			     .max = (unsigned)l->max,
			     .multiple = (unsigned)l->pin->multiple,
			     .alphabet = l->pin->alphabet};
	if (l->max < SECRET_MAX)
		profile_limits_text(a.rule, sizeof a.rule, l);
	return a;
}

static void put_factory(struct desk_ask *a, const struct profile_list *factory)
{
	for (size_t i = 0; i < factory->n && a->n_factory < DESK_FACTORY_MAX; i++) {
		if (strlen(factory->v[i]) < sizeof *a->factory)
			snprintf(a->factory[a->n_factory++], sizeof *a->factory, "%s", factory->v[i]);
	}
}

/* A new one, by the rules of the token's profile. */
static int ask_new(struct enroller *n, enum desk_secret what, const struct profile_limits *l, struct secret *ret,
		   struct err *e)
{
	struct desk_ask a = ask_of(what, l);
	if (what == DESK_PIN_NEW && !n->order.keep_factory_pins)
		put_factory(&a, &l->pin->factory);
	return send_ask(n, &a, ret, e) == 0 ? profile_pin_check(l, ret, e) : -1;
}

static struct profile_limits limits_of(const struct profile *p, const struct worker_token *t, enum profile_secret which)
{
	struct profile_limits l;
	profile_limits_of(&l, p, which, t->pin_min, t->pin_max);
	return l;
}

int enroller_ask(struct enroller *n, enum desk_secret what, const struct worker_token *t, const struct profile *p,
		 struct secret *ret, struct err *e)
{
	struct profile_limits l;
	profile_limits_possible(&l, p, what == DESK_SO_PIN ? PROFILE_SO_PIN : PROFILE_PIN, t->pin_min, t->pin_max);
	const struct desk_ask a = ask_of(what, &l);
	return send_ask(n, &a, ret, e);
}

static int ui_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e)
{
	return enroller_ask(arg, DESK_PIN_NOW, t, p, ret, e);
}

static int ui_so_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		     struct err *e)
{
	struct profile_limits l = limits_of(p, t, PROFILE_SO_PIN);
	return ask_new(arg, DESK_SO_PIN, &l, ret, e);
}

/* The station has no recovery key: what is in escrow is for another day. */
static int ui_no_recovery(struct err *e)
{
	return err_set(e, ERR_SECRET_NEEDED, "the station uses no recovery key");
}

static int ui_recovery_passphrase(void *arg, struct secret *ret, struct err *e)
{
	(void)arg;
	(void)ret;
	return ui_no_recovery(e);
}

static int ui_recovery_pin(void *arg, const struct worker_token *t, struct secret *ret, struct err *e)
{
	(void)arg;
	(void)t;
	(void)ret;
	return ui_no_recovery(e);
}

static int new_pin(struct enroller *n, const struct worker_token *t, const struct profile *p, struct secret *ret,
		   struct err *e)
{
	const struct desk_ask kept = {.what = DESK_PIN_KEPT, .multiple = 1};
	struct profile_limits l = limits_of(p, t, PROFILE_PIN);
	if (n->order.pin != CONFIG_PINS_RANDOM)
		return ask_new(n, DESK_PIN_NEW, &l, ret, e);
	/* the token may have got that one */
	if (send_ask(n, &kept, ret, e) != 0)
		return -1;
	if (ret->len != 0)
		return 0;
	if (profile_pin_random(&l, ret, e) != 0)
		return -1;
	secret_free(&n->made);
	n->made = secret_new();
	return secret_set(n->made, ret->bytes, ret->len, e);
}

static int ui_new_pins(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret_so_pin,
		       struct secret *ret_pin, struct err *e)
{
	struct enroller *n = arg;
	struct profile_limits l = limits_of(p, t, PROFILE_SO_PIN);
	if (ret_so_pin->len == 0 && ask_new(n, DESK_SO_PIN, &l, ret_so_pin, e) != 0)
		return -1;
	return ret_pin->len != 0 ? 0 : new_pin(n, t, p, ret_pin, e);
}

static int ui_new_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		      struct err *e)
{
	return new_pin(arg, t, p, ret, e);
}

/* From here on the token may have it. */
static int ui_show_pins(void *arg, struct err *e)
{
	struct enroller *n = arg;
	struct rpc_msg in = RPC_MSG_INIT;
	if (n->made == NULL)
		return 0;
	rpc_msg_reset(&in, DESK_READY);
	rpc_put_secret(&in, n->made);
	int ret = tell(n, &in, e);
	secret_free(&n->made);
	return ret;
}

static int ui_confirm_init(void *arg, const struct worker_token *t, struct err *e)
{
	const struct enroller *n = arg;
	if (n->order.init)
		return 0;
	err_set(e, ERR_TOKEN_BLANK, "the token in '%s' was never initialized", t->reader);
	return err_next(e, "start the station with --init, and it sets up such tokens; or put in one that has a PIN");
}

static int ui_confirm_revoked(void *arg, const char *serial, struct err *e)
{
	const struct enroller *n = arg;
	err_set(e, ERR_REVOKED, "certificate %s of %s was revoked: the station gives nobody a new one", serial,
		n->order.user);
	return err_next(e, "if %s may have one, run `tokenroll %s`, which asks", n->order.user, n->order.user);
}

static int ui_confirm_last_try(void *arg, const struct worker_token *t, struct err *e)
{
	(void)arg;
	err_set(e, ERR_PIN_LAST_TRY, "token %s has one PIN try left, which the station does not spend", t->serial);
	return err_next(e, "`tokenroll unblock --serial %s` gives it a new PIN", t->serial);
}

/* The station has unlocked it, or it is locked again. */
static int ui_passphrase(void *arg, const struct ca_info *ca, unsigned attempt, struct secret *ret, struct err *e)
{
	(void)arg;
	(void)ca;
	(void)attempt;
	(void)ret;
	return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the station's signer has not unlocked the CA key");
}

/* The place is one reader; a card with several PINs is shown as several tokens. */
static int ui_choose(void *arg, const struct enroll_candidate *list, size_t n, size_t *ret_index, struct err *e)
{
	const struct enroller *self = arg;
	size_t found = n;
	for (size_t i = 0; i < n; i++) {
		const struct worker_token *t = &list[i].token;
		bool same =
		    strcmp(t->serial, self->seen.token.serial) == 0 && strcmp(t->label, self->seen.token.label) == 0;
		found = same && found == n ? i : found;
	}
	*ret_index = found;
	return found < n ? 0
			 : err_set(e, ERR_REMOVED, "token %s is no longer in '%s'", self->seen.token.serial,
				   self->seen.token.reader);
}

static void ui_chosen(void *arg, const struct worker_token *t)
{
	(void)arg;
	(void)t;
}

static void ui_taken(void *arg)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_TAKEN);
	(void)tell(arg, &in, NULL);
}

/* The station shows it; what it answers, that there is a station no more, shows at the next question. */
static void ui_begin(void *arg, const char *step)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_BEGIN);
	rpc_put_str(&in, step);
	(void)tell(arg, &in, NULL);
}

static void ui_end(void *arg, bool ok, const char *detail)
{
	struct rpc_msg in = RPC_MSG_INIT;
	const struct enroller *n = arg;
	rpc_msg_reset(&in, DESK_END);
	rpc_put_u32(&in, ok);
	rpc_put_str(&in, detail);
	rpc_put_u32(&in, n->result != NULL && n->result->proved);
	(void)tell(arg, &in, NULL);
}

static void send_note(struct enroller *n, const char *text, bool shared)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_NOTE);
	rpc_put_str(&in, text);
	rpc_put_u32(&in, shared);
	(void)tell(n, &in, NULL);
}

static void ui_note(void *arg, const char *text)
{
	send_note(arg, text, false);
}

static void ui_note_shared(void *arg, const char *text)
{
	send_note(arg, text, true);
}

const struct enroll_ui enroller_ui = {
    .pin = ui_pin,
    .so_pin = ui_so_pin,
    .recovery_passphrase = ui_recovery_passphrase,
    .recovery_pin = ui_recovery_pin,
    .new_pins = ui_new_pins,
    .new_pin = ui_new_pin,
    .show_pins = ui_show_pins,
    .confirm_init = ui_confirm_init,
    .confirm_revoked = ui_confirm_revoked,
    .confirm_last_try = ui_confirm_last_try,
    .passphrase = ui_passphrase,
    .choose = ui_choose,
    .chosen = ui_chosen,
    .taken = ui_taken,
    .begin = ui_begin,
    .end = ui_end,
    .note = ui_note,
    .note_shared = ui_note_shared,
};
