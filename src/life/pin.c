#include "enroll/seal.h"
#include "life/life.h"

#include <string.h>

/* Before: what a run that broke off has left open in escrow is settled, if the token tells. */
static int look_before(struct life *l, struct p11_pin_state ret[PROFILE_PIN_COUNT], struct err *e)
{
	const struct seal seal = {.port = &l->ports->store, .store = l->store, .id = &l->id, .profile = l->profile};
	return l->ports->token.pins(l->worker, &l->token, false, ret, e) != 0 ? -1 : seal_settle(&seal, ret, e);
}

static int read_pins(struct life *l, struct p11_pin_state ret[PROFILE_PIN_COUNT], struct err *e)
{
	return l->ports->token.pins(l->worker, &l->token, false, ret, e);
}

/* Before anybody is asked for anything. */
static int check_way(const struct life *l, enum profile_operation what, struct err *e)
{
	const struct profile_call *c = &l->profile->call[what];
	if (c->how != PROFILE_HOW_NOT && c->how != PROFILE_HOW_TOOL)
		return 0;
	err_set(e, ERR_UNSUPPORTED, "tokenroll cannot %s token %s (profile %s)",
		what == PROFILE_UNBLOCK ? "unblock the PIN of" : "change the PIN of", l->token.serial, l->profile->id);
	return c->tool != NULL ? err_next(e, "use %s", c->tool)
			       : err_next(e, "use the program of the token's maker, if it can");
}

int life_pin_check(const struct life *l, const struct p11_pin_state *now, struct err *e)
{
	if (now->locked) {
		err_set(e, ERR_PIN_LOCKED, "the PIN of token %s is locked", l->token.serial);
		return err_next(e, "unblock it: tokenroll unblock --serial %s", l->token.serial);
	}
	if (now->final && !l->opt->last_try) {
		err_set(e, ERR_PIN_LAST_TRY, "the PIN of token %s has one try left, which was not spent",
			l->token.serial);
		return err_next(e, "if you are sure of it, add --last-try; else unblock it");
	}
	return 0;
}

/* Some modules say of every card that it is set up. */
static int check_set_up(const struct life *l, const struct p11_pin_state *pin, struct err *e)
{
	if (!pin->unset)
		return 0;
	err_set(e, ERR_TOKEN_BLANK, "token %s is not set up: it has no PIN yet", l->token.serial);
	return err_next(e, "set it up with `tokenroll init --serial %s`, or enroll it with --init; nothing was changed",
			l->token.serial);
}

/* By the rules, and another one than before. */
static int ask_new(struct life *l, const struct secret *old, struct secret *ret, struct err *e)
{
	struct profile_limits limits = life_limits(l, PROFILE_PIN);
	if (l->ui->secret(l->ui->arg, LIFE_NEW_PIN, &l->token, l->profile, &limits, ret, e) != 0 ||
	    profile_pin_check(&limits, ret, e) != 0)
		return -1;
	if (old == NULL || !secret_equal(old, ret))
		return 0;
	err_set(e, ERR_PIN_RULES, "the new PIN is the old one");
	return err_next(e, "nothing was sent to the token; take another one");
}

static int change(struct life *l, enum profile_operation what, enum profile_secret kind, struct secret *key,
		  struct secret *new, struct life_pins *ret, struct err *e)
{
	bool undoes = l->opt->undoes;
	int got =
	    life_audit(l, what == PROFILE_UNBLOCK ? "pin-unblock" : "pin-change", undoes ? STORE_PIN_UNDO : "", e);
	if (got == 0)
		got = l->ui->show(l->ui->arg, e);
	if (got == 0)
		got = l->ports->token.change(l->worker, &l->token, what, kind, key, new, l->opt->last_try, e);
	/* where there was no answer, nobody knows */
	if (got != 0 && err_is_secret_refused(e))
		(void)life_audit(l, STORE_PIN_KEPT, "", NULL);
	if (got == 0 && undoes)
		got = life_audit(l, STORE_PIN_RESTORED, "", e);
	/* the counter is worth knowing also when it failed, but that is the error then */
	return read_pins(l, ret->after, got == 0 ? e : NULL) != 0 && got == 0 ? -1 : got;
}

static int change_on_pad(struct life *l, enum profile_operation what, enum profile_secret kind, struct life_pins *ret,
			 struct err *e)
{
	life_pad_begin(l, kind, &ret->before[kind]);
	return change(l, what, kind, NULL, NULL, ret, e);
}

static int change_typed(struct life *l, struct life_pins *ret, struct err *e)
{
	struct secret *old = secret_new(), *new = secret_new();
	int got = l->ui->secret(l->ui->arg, LIFE_PIN, &l->token, l->profile, NULL, old, e);
	if (got == 0)
		got = life_possible(l, PROFILE_PIN, old, e);
	if (got == 0)
		got = ask_new(l, old, new, e);
	if (got == 0)
		got = change(l, PROFILE_CHANGE_PIN, PROFILE_PIN, old, new, ret, e);
	secret_free(&old);
	secret_free(&new);
	return got;
}

int life_pin(struct life *l, struct life_pins *ret, struct err *e)
{
	if (check_way(l, PROFILE_CHANGE_PIN, e) != 0 || look_before(l, ret->before, e) != 0 ||
	    check_set_up(l, &ret->before[PROFILE_PIN], e) != 0 || life_pin_check(l, &ret->before[PROFILE_PIN], e) != 0)
		return -1;
	return life_on_pad(l, PROFILE_CHANGE_PIN) ? change_on_pad(l, PROFILE_CHANGE_PIN, PROFILE_PIN, ret, e)
						  : change_typed(l, ret, e);
}

static int unblock_typed(struct life *l, enum profile_secret kind, struct life_pins *ret, struct err *e)
{
	struct secret *key = secret_new(), *new = secret_new();
	int64_t pending = 0;
	int got = life_key(l, kind, &ret->before[kind], key, &pending, e);
	if (got == 0)
		got = ask_new(l, NULL, new, e);
	if (got == 0 && change(l, PROFILE_UNBLOCK, kind, key, new, ret, e) != 0)
		got = life_key_failed(l, kind, e);
	/* a value that a run which broke off had sent is the token's */
	if (got == 0 && pending != 0)
		got = l->ports->store.escrow_confirm(l->store, pending, e);
	secret_free(&key);
	secret_free(&new);
	return got;
}

int life_unblock(struct life *l, struct life_pins *ret, struct err *e)
{
	bool by_puk = (l->profile->call[PROFILE_UNBLOCK].needs & 1u << PROFILE_PUK) != 0;
	enum profile_secret kind = by_puk ? PROFILE_PUK : PROFILE_SO_PIN;
	if (check_way(l, PROFILE_UNBLOCK, e) != 0 || look_before(l, ret->before, e) != 0 ||
	    check_set_up(l, &ret->before[PROFILE_PIN], e) != 0)
		return -1;
	if (!life_on_pad(l, PROFILE_UNBLOCK))
		return unblock_typed(l, kind, ret, e);
	return life_key_check(l, kind, &ret->before[kind], e) != 0 ? -1
								   : change_on_pad(l, PROFILE_UNBLOCK, kind, ret, e);
}
