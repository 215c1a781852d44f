/*
 * enroller_undo: takes back what was made a moment ago, where the operator sees
 * that it went to the wrong person: revokes the certificate, and empties the
 * token, which has the PIN of before then, if that is known. One that holds
 * somebody else's objects, too, is not emptied.
 */
#include "station/enroller.h"

#include "enroll/preset.h"
#include "life/life.h"

#include <string.h>

/* One under way. */
struct undoing {
	struct enroller *n;
	struct secret *before; /* the PIN that the token had before its enrollment; empty where that is not known */
	bool has_before;       /* it has it again */
};

static int copy(const struct secret *from, struct secret *ret, struct err *e)
{
	return secret_set(ret, from->bytes, from->len, e);
}

static int ui_secret(void *arg, enum life_ask what, const struct worker_token *t, const struct profile *p,
		     const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	struct undoing *u = arg;
	(void)limits;
	switch (what) {
	case LIFE_PIN:
		return u->has_before ? copy(u->before, ret, e) : enroller_ask(u->n, DESK_PIN_NOW, t, p, ret, e);
	case LIFE_NEW_PIN:
		return copy(u->before, ret, e);
	case LIFE_SO_PIN:
		return enroller_ask(u->n, DESK_SO_PIN, t, p, ret, e);
	default:
		return err_set(e, ERR_SECRET_NEEDED, "the station cannot ask for that");
	}
}

static int ui_confirm(void *arg, const struct worker_token *t, const char *what, struct err *e)
{
	(void)arg;
	(void)t;
	(void)what;
	(void)e;
	return 0; /* at the station */
}

static int ui_show(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return 0; /* whoever needs it has it */
}

static void ui_note(void *arg, const char *text)
{
	const struct undoing *u = arg;
	enroller_ui.note(u->n, text);
}

/* The one that all were given; or the factory's, where there is one only. */
static int find_before(struct undoing *u, const struct life *l, struct err *e)
{
	const struct profile *p = l->profile;
	bool was_factory = false, was_own = false;
	if (enroller_ask(u->n, DESK_PIN_BEFORE, &l->token, l->profile, u->before, e) != 0)
		return -1;
	if (u->before->len != 0 || p->pin[PROFILE_PIN].factory.n != 1)
		return 0;
	if (store_audited(l->store, l->token.serial, STORE_PIN_REPLACE, "", &was_factory, e) != 0 ||
	    store_audited(l->store, l->token.serial, STORE_PIN_REPLACE, STORE_PIN_OWN, &was_own, e) != 0)
		return -1;
	return was_factory && !was_own ? preset_value(p, PROFILE_PIN, u->before, e) : 0;
}

static bool cannot_be(const struct err *e)
{
	return e->code == ERR_PIN_RULES || e->code == ERR_UNSUPPORTED;
}

/* While the token is still its person's by the inventory: whatever breaks it off, it is known to be gone on with. Where
 * the PIN is not known, or the token does not take it, it keeps the one that it has. */
static int put_pin_back(struct undoing *u, struct life *l, struct err *e)
{
	struct life_pins pins;
	struct err why = ERR_INIT;
	bool resets = false;
	if (!u->n->order.pin_replaced || life_pin_on_pad(l) || life_on_pad(l, PROFILE_CHANGE_PIN))
		return 0;
	if (life_wipe_resets(l, &resets, e) != 0)
		return -1;
	if (resets)
		return 0;
	if (find_before(u, l, e) != 0)
		return -1;
	if (u->before->len == 0)
		return 0;
	u->has_before = life_pin(l, &pins, &why) == 0;
	if (u->has_before || cannot_be(&why))
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}

static void tell_reset(const struct undoing *u, const struct life *l, const struct life_wiped *w)
{
	char text[300];
	if (!w->reset || (!w->factory && u->n->order.init))
		return;
	if (w->factory)
		snprintf(text, sizeof text, "token %s has the factory's PIN again", l->token.serial);
	else
		snprintf(text, sizeof text,
			 "token %s has no PIN now: start the station with --init, and it sets up such tokens",
			 l->token.serial);
	enroller_ui.note(u->n, text);
}

static int take_back(struct undoing *u, struct life *l, bool *ret_published, struct err *e)
{
	struct life_wiped wiped;
	if (put_pin_back(u, l, e) != 0)
		return -1;
	int ret = life_wipe(l, &wiped, e);
	*ret_published = wiped.n_revoked != 0;
	if (ret == 0)
		tell_reset(u, l, &wiped);
	life_wiped_free(&wiped);
	return ret;
}

static int refuse_foreign(const struct enroller *n, struct err *e)
{
	err_set(e, ERR_FOREIGN, "token %s holds other objects beside ours, so it is not emptied", n->seen.id);
	return err_next(e, "`tokenroll revoke %s` revokes the certificate that was made", n->order.user);
}

int enroller_undo(struct enroller *n, bool *ret_published, struct err *e)
{
	struct enroll_ports ports = enroll_ports_real;
	struct undoing u = {.n = n, .before = secret_new()};
	const struct desk_task *t = &n->task;
	const struct life_options opt = {.serial = enroller_given(n->seen.token.serial),
					 .reader = enroller_given(t->reader),
					 .module = enroller_given(t->module),
					 .pin_given = n->order.pin_given,
					 .so_pin_given = n->order.so_pin_given,
					 .keeps_pin = n->order.keeps_pin,
					 .undoes = true,
					 .verbose = t->verbose};
	const struct life_ui ui = {.arg = &u,
				   .secret = ui_secret,
				   .show = ui_show,
				   .confirm = ui_confirm,
				   .passphrase = enroller_ui.passphrase,
				   .note = ui_note};
	struct life life = {.ports = &ports, .cfg = n->cfg, .opt = &opt, .ui = &ui};
	ports.ca.start = enroller_join_signer;
	int ret = n->seen.foreign != 0 ? refuse_foreign(n, e) : life_open(&life, false, e);
	if (ret == 0 && strcmp(life.owner, n->order.user) != 0)
		ret = err_set(e, ERR_TOKEN_TAKEN, "token %s is not %s's", n->seen.id, n->order.user);
	if (ret == 0)
		ret = take_back(&u, &life, ret_published, e);
	life_close(&life);
	secret_free(&u.before);
	return ret;
}
