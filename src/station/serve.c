/*
 * serve: what an enroller asks and tells.
 */
#include "station/station_impl.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "station/letters.h"
#include "station/teller.h"
#include "store/pin_trail.h"
#include "store/timing.h"

#include <stdlib.h>
#include <string.h>

static void answer_nothing(struct place *p)
{
	struct rpc_msg out = RPC_MSG_INIT;
	rpc_peer_answer(p->enroller, &out);
	rpc_msg_free(&out);
}

static char *copy(const char *text)
{
	return xstrdup(text != NULL ? text : "");
}

static void refuse_call(struct place *p)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_FAILED, "the station got a call that it does not expect");
	rpc_peer_refuse(p->enroller, &e);
}

static void on_hello(struct station *s, struct place *p)
{
	struct rpc_msg out = RPC_MSG_INIT;
	const struct station_options *o = s->set.opt;
	struct desk_task t = {.config_path = xstrdup(s->set.cfg->path),
			      .reader = copy(place_serial(p)[0] == '\0' ? p->name : NULL),
			      .serial = copy(place_serial(p)),
			      .module = copy(o->module),
			      .verbose = o->verbose};
	blob_set(&t.config_text, s->set.cfg->text.data, s->set.cfg->text.len);
	hidden_copy(&t.hidden, &s->set.cfg->hidden);
	desk_put_task(&out, &t);
	desk_task_free(&t);
	rpc_peer_answer(p->enroller, &out);
	rpc_msg_free(&out);
}

void serve_refuse(struct station *s, struct place *p, const struct err *why)
{
	rpc_peer_refuse(p->enroller, why);
	place_fail(s, p, PLACE_REFUSED, why);
}

/* The PIN that a token comes with is for the way here only then. */
static bool makes_pin(enum config_pins p)
{
	return p == CONFIG_PINS_RANDOM || p == CONFIG_PINS_TYPED;
}

/* Whether the PIN that an earlier attempt was about to give the token is known: it was made here and kept, or whoever
 * has typed it does so again. */
static bool knows_new_pin(struct station *s, const struct place *p)
{
	struct secret *pin = secret_new();
	int64_t kept = 0;
	bool typed = s->set.opt->pin == CONFIG_PINS_TYPED;
	if (!typed && letters_kept(s, p, &kept, pin, NULL) != 0)
		kept = 0;
	secret_free(&pin);
	return typed || kept != 0;
}

/* A token that is half emptied refuses the PIN that it had, and with the SO PIN it is emptied without. */
static bool gives_pin(const struct station *s, const struct place *p)
{
	const struct station_options *o = s->set.opt;
	return o->pin_given != NULL && !(p->undo_again && o->so_pin_given != NULL);
}

/* A token of theirs that is in use is not made anew. */
static bool replaces(const struct station *s, const struct place *p)
{
	bool in_use = place_is_theirs(p) && !p->token.unfinished;
	return p->gives_up || (s->set.opt->replace && !in_use);
}

void serve_order(struct station *s, struct place *p)
{
	const struct station_options *o = s->set.opt;
	struct rpc_msg out = RPC_MSG_INIT;
	struct desk_order order = {.key_type = (enum keytype)p->person.key_type,
				   .pin = o->pin,
				   .undo = p->undoing,
				   .replace = replaces(s, p),
				   .init = o->init,
				   .keep_factory_pins = o->keep_factory_pins,
				   .replace_pin = makes_pin(o->pin),
				   .new_pin_kept = knows_new_pin(s, p),
				   .pin_given = gives_pin(s, p),
				   .so_pin_given = o->so_pin_given != NULL,
				   .pin_replaced = p->undoing && p->pin_replaced,
				   .keeps_pin = o->pin_given != NULL && !o->init};
	snprintf(order.user, sizeof order.user, "%s", p->person.user);
	station_names(s, &order, &p->person);
	desk_put_order(&out, &order);
	p->state = PLACE_WORKING;
	p->step_began = clock_ms();
	if (!p->undoing) {
		station_tell(s, STATION_GIVEN, p, NULL, NULL);
		giveup_tell_left(s, p);
	}
	rpc_peer_answer(p->enroller, &out);
	desk_order_free(&order);
	rpc_msg_free(&out);
}

static void on_seen(struct station *s, struct place *p, struct rpc_msg *call)
{
	struct err e = ERR_INIT;
	struct desk_token seen;
	desk_get_token(call, &seen);
	if (!rpc_msg_done(call) || p->state != PLACE_LOOKING) {
		refuse_call(p);
		return;
	}
	if (p->undoing) {
		undo_order(s, p, &seen);
		return;
	}
	p->token = seen;
	station_tell(s, STATION_SEEN, p, NULL, NULL);
	if (undo_take_up(s, p))
		return;
	int who = assign_token(s, p, &e);
	if (who < 0) {
		serve_refuse(s, p, &e);
	} else if (who == 0) {
		serve_order(s, p);
	} else {
		p->state = PLACE_PICK;
		station_tell(s, STATION_PICK, p, NULL, NULL);
	}
}

static enum keytype key_type_of(const struct station *s, const struct place *p)
{
	return p->person.key_type != KEYTYPE_NONE ? (enum keytype)p->person.key_type
						  : (enum keytype)s->set.cfg->token.key_type;
}

static const char key_step[] = "key pair";

static void on_begin(struct station *s, struct place *p, struct rpc_msg *call)
{
	size_t n = 0;
	rpc_get_str(call, p->step, sizeof p->step);
	p->step_began = clock_ms();
	p->step_usual = 0;
	if (strcmp(p->step, key_step) == 0)
		(void)store_timing_median(s->set.store, p->token.token.model, key_type_of(s, p), &p->step_usual, &n,
					  NULL);
	station_tell_step(s, STATION_STEP_BEGIN, p, p->step, true, 0);
	answer_nothing(p);
}

static void on_end(struct station *s, struct place *p, struct rpc_msg *call)
{
	char detail[160];
	bool ok = rpc_get_u32(call) != 0;
	int64_t took = clock_ms() - p->step_began;
	rpc_get_str(call, detail, sizeof detail);
	bool proved = rpc_get_u32(call) != 0;
	if (ok && strcmp(p->step, key_step) == 0)
		(void)store_timing_add(s->set.store, p->token.token.model, key_type_of(s, p), took, NULL);
	station_tell_step(s, STATION_STEP_END, p, detail, ok, took);
	if (ok)
		place_note_step(p, detail);
	if (ok && proved && !p->may_pull) {
		p->may_pull = true;
		letters_proven(s, p);
		station_tell(s, STATION_MAY_PULL, p, NULL, NULL);
	}
	p->step[0] = '\0';
	answer_nothing(p);
}

static void on_note(struct station *s, struct place *p, struct rpc_msg *call)
{
	char text[1024];
	rpc_get_str(call, text, sizeof text);
	bool shared = rpc_get_u32(call) != 0;
	notes_take(s, p, text, shared);
	answer_nothing(p);
}

void serve_secret(struct place *p, struct secret *secret)
{
	struct rpc_msg out = RPC_MSG_INIT;
	rpc_put_secret(&out, secret);
	rpc_peer_answer(p->enroller, &out);
	rpc_msg_free(&out);
}

/* Whether the token has the PIN that was made or typed for it, and not the one that all came with: the journal says
 * that it was proven with it, or the trail that it was set up here. In between the state machine knows. One that has
 * refused the PIN that was made for it was proven with another one, elsewhere. */
static int has_new_pin(struct station *s, const struct place *p, bool *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	struct store_token t;
	bool found = false, set = false, refused = false, restored = false;
	station_token(p, &t);
	if (letters_refused(s, p, &refused, e) != 0 ||
	    store_find(s->set.store, p->person.user, &t, &found, &c, e) != 0 ||
	    store_audited(s->set.store, p->token.id, STORE_PIN_SET, "", &set, e) != 0 ||
	    store_pin_restored(s->set.store, p->token.id, &restored, e) != 0)
		return -1;
	*ret = !restored && (set || (found && c.state >= CRED_PROVEN && !refused));
	store_credential_free(&c);
	return 0;
}

int serve_find_pin_now(struct station *s, struct place *p, struct secret *ret, bool *ret_given, struct err *e)
{
	const struct station_options *o = s->set.opt;
	int64_t kept = 0;
	bool new_pin = false, fits = false, begun = false;
	if (letters_kept(s, p, &kept, ret, e) != 0 || has_new_pin(s, p, &new_pin, e) != 0 ||
	    pins_fit(s, p, &fits, e) != 0 || store_replace_begun(s->set.store, p->token.id, &begun, e) != 0)
		return -1;
	/* where it was only about to get that one, the other one is the first guess; without a guess nobody is asked
	 * for what the token may not have any more */
	if (kept != 0 && (new_pin || fits || (begun && o->pin_given == NULL))) {
		*ret_given = true;
		p->pin_letter = kept;
		return 0;
	}
	*ret_given = o->pin_given != NULL && !(new_pin && makes_pin(o->pin));
	return *ret_given ? secret_set(ret, o->pin_given->bytes, o->pin_given->len, e) : 0;
}

/* *ret_given false: nobody has it but a person. ret stays empty for DESK_PIN_KEPT and DESK_PIN_BEFORE if there is none.
 */
static int find_secret(struct station *s, struct place *p, enum desk_secret what, struct secret *ret, bool *ret_given,
		       struct err *e)
{
	const struct station_options *o = s->set.opt;
	const struct secret *given = what == DESK_SO_PIN ? o->so_pin_given : o->pin_given;
	if (what != DESK_SO_PIN)
		p->pin_letter = 0;
	if (what == DESK_PIN_NOW)
		return serve_find_pin_now(s, p, ret, ret_given, e);
	*ret_given = true;
	if (what == DESK_PIN_BEFORE)
		return o->pin_given != NULL ? secret_set(ret, given->bytes, given->len, e) : 0;
	if (what == DESK_PIN_KEPT)
		return letters_kept(s, p, &p->pin_letter, ret, e);
	*ret_given = given != NULL && (what != DESK_PIN_NEW || o->pin == CONFIG_PINS_KEEP);
	if (*ret_given && what == DESK_PIN_NEW && pins_give_new(s, p, e) != 0)
		return -1;
	return *ret_given ? secret_set(ret, given->bytes, given->len, e) : 0;
}

static int nobody_has(const struct place *p, enum desk_secret what, struct err *e)
{
	if (what == DESK_SO_PIN) {
		err_set(e, ERR_RECOVERY_MISSING,
			"the token in '%s' needs an SO PIN, and one that is made here would be lost", p->name);
		return err_next(
		    e, "name a recovery certificate in section [escrow] of the configuration, or give an SO PIN "
		       "with --so-pin-file");
	}
	err_set(e, ERR_SECRET_NEEDED, "%s of token %s is needed, and nobody can be asked",
		what == DESK_PIN_NEW ? "a new PIN" : "the PIN", p->token.id);
	return err_next(e,
			"give the PIN that all tokens have with --pin-file, or let people type theirs at the screen");
}

/* The given PIN is tried on one token first: if it is the wrong one, it costs one token one try. */
static bool must_wait(const struct station *s, const struct place *p)
{
	if (s->set.opt->pin_given == NULL || s->pin_works || p->ask.what != DESK_PIN_NOW)
		return false;
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *q = &s->places[i];
		if (q != p && q->pin_sent && q->enroller != NULL)
			return true;
	}
	return false;
}

static void answer_ask(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	struct secret *secret = secret_new();
	bool given = false;
	int ret = pins_doubt(s, p, &e) == 0 ? pins_check_pad(s, p, &e) : -1;
	if (ret == 0)
		ret = find_secret(s, p, p->ask.what, secret, &given, &e);
	if (ret == 0 && !given && (!s->set.view->can_ask || p->ask.what == DESK_SO_PIN))
		ret = nobody_has(p, p->ask.what, &e);
	if (ret != 0) {
		rpc_peer_refuse(p->enroller, &e);
	} else if (given) {
		p->pin_sent = p->pin_sent || (p->ask.what == DESK_PIN_NOW && p->pin_letter == 0);
		serve_secret(p, secret);
	} else {
		p->state = PLACE_ASKING;
		/* one that had been asked before would have been stopped with the others */
		if (s->stopping)
			place_stop(p);
		else
			station_tell(s, STATION_ASK, p, NULL, NULL);
	}
	secret_free(&secret);
}

void serve_waiting(struct station *s)
{
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		if (!p->pin_waits || p->enroller == NULL || must_wait(s, p))
			continue;
		p->pin_waits = false;
		answer_ask(s, p);
	}
}

static void on_ask(struct station *s, struct place *p, struct rpc_msg *call)
{
	desk_get_ask(call, &p->ask);
	if (!rpc_msg_done(call) || p->state != PLACE_WORKING)
		refuse_call(p);
	else if (must_wait(s, p))
		p->pin_waits = true;
	else
		answer_ask(s, p);
}

static void on_ready(struct station *s, struct place *p, struct rpc_msg *call)
{
	struct err e = ERR_INIT;
	int ret = call->n_secrets == 1 ? letters_keep(s, p, call->secrets[0], &e)
				       : err_set(&e, ERR_FAILED, "there was no PIN to keep");
	if (ret == 0)
		answer_nothing(p);
	else
		rpc_peer_refuse(p->enroller, &e);
}

static void finish(struct station *s, struct place *p, const struct desk_done *d)
{
	struct err e = ERR_INIT;
	int64_t took = clock_ms() - p->began;
	if (letters_settle(s, p, &e) != 0 ||
	    store_roster_done(s->set.store, p->person.id, &d->token, d->cert_serial, took, &e) != 0) {
		place_fail(s, p, PLACE_FAILED, &e);
		return;
	}
	p->begun = false;
	p->state = PLACE_DONE;
	p->has_letter = letters_has(s, p);
	p->ended = clock_ms();
	p->step[0] = '\0';
	s->done++;
	s->fresh = s->letters_due = true;
	station_tell_step(s, STATION_DONE, p, d->cert_serial, true, took);
}

static void on_done(struct station *s, struct place *p, struct rpc_msg *call)
{
	struct desk_done d;
	desk_get_done(call, &d);
	if (!rpc_msg_done(call))
		err_set(&d.err, ERR_FAILED, "the process that enrolls has told its end in a way that cannot be read");
	answer_nothing(p);
	if (d.crl_published)
		teller_note(s);
	/* some have a serial number only now, or another label */
	if (d.err.code == ERR_NONE && d.token.serial[0] != '\0')
		snprintf(p->token.id, sizeof p->token.id, "%s", d.token.serial);
	if (p->state == PLACE_REFUSED || d.left)
		return;
	if (d.again)
		(void)err_next(&d.err, "that has ended by now, and it is tried again");
	p->again = p->again || d.again;
	if (assign_pass_on(s, p, &d.err))
		return;
	if (d.err.code != ERR_NONE)
		place_fail(s, p, PLACE_FAILED, &d.err);
	else if (p->undoing)
		undo_finish(s, p);
	else
		finish(s, p, &d);
}

void serve_call(struct station *s, struct place *p, struct rpc_msg *call)
{
	const struct err unknown = {ERR_FAILED, "a call that the station does not know", "", ""};
	switch (call->type) {
	case DESK_HELLO:
		on_hello(s, p);
		break;
	case DESK_SEEN:
		on_seen(s, p, call);
		break;
	case DESK_BEGIN:
		on_begin(s, p, call);
		break;
	case DESK_END:
		on_end(s, p, call);
		break;
	case DESK_NOTE:
		on_note(s, p, call);
		break;
	case DESK_ASK:
		on_ask(s, p, call);
		break;
	case DESK_TAKEN:
		s->pin_works = s->pin_works || p->pin_sent;
		answer_nothing(p);
		break;
	case DESK_READY:
		on_ready(s, p, call);
		break;
	case DESK_DONE:
		on_done(s, p, call);
		break;
	default:
		rpc_peer_refuse(p->enroller, &unknown);
	}
}
