#include "enroll/preset.h"
#include "enroll/seal.h"
#include "life/life.h"

#include <string.h>

static int ask_passphrase(void *arg, struct secret *ret, struct err *e)
{
	struct life *l = arg;
	return l->ui->secret(l->ui->arg, LIFE_RECOVERY_PASSPHRASE, &l->token, l->profile, NULL, ret, e);
}

static int ask_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e)
{
	struct life *l = arg;
	return l->ui->secret(l->ui->arg, LIFE_RECOVERY_PIN, t, p, NULL, ret, e);
}

static void tell(void *arg, const char *text)
{
	const struct life *l = arg;
	l->ui->note(l->ui->arg, text);
}

bool life_has_recovery(const struct life *l)
{
	return l->opt->recovery_file != NULL || l->opt->recovery_uri != NULL;
}

struct recover *life_recover(struct life *l)
{
	const struct recover_request req = {
	    .port = &l->ports->token,
	    .file = l->opt->recovery_file,
	    .uri = l->opt->recovery_uri,
	    .cfg = l->cfg,
	    .module = l->opt->module,
	    .settings = life_settings(l),
	    .passphrase = ask_passphrase,
	    .pin = ask_pin,
	    .note = tell,
	    .arg = l,
	};
	return recover_new(&req);
}

static int find_sealed(struct life *l, enum profile_secret which, bool *ret, struct err *e)
{
	const struct seal seal = {.port = &l->ports->store, .store = l->store, .id = &l->id};
	l->sealed_for = l->id;
	return l->begun && which == PROFILE_SO_PIN ? seal_find_first(&seal, ret, &l->sealed_for, e)
						   : seal_exists(&seal, which, ret, e);
}

/* Its token is let go before this one is worked on: some modules touch both. */
static int from_escrow(struct life *l, enum profile_secret which, struct secret *ret, int64_t *ret_pending,
		       struct err *e)
{
	const struct seal seal = {.port = &l->ports->store,
				  .store = l->store,
				  .token = &l->token,
				  .id = &l->sealed_for,
				  .profile = l->profile};
	bool there = false;
	if (find_sealed(l, which, &there, e) != 0)
		return -1;
	struct recover *key = life_recover(l);
	int got = seal_open(&seal, which, key, ret, ret_pending, e);
	recover_free(&key);
	return got;
}

int life_key_check(const struct life *l, enum profile_secret which, const struct p11_pin_state *now, struct err *e)
{
	const char *name = l->profile->pin[which].name;
	if (now->locked) {
		err_set(e, ERR_PIN_LOCKED, "the %s of token %s is locked, too", name, l->token.serial);
		return err_next(e, "take another token; this one can only be reset, which loses what is on it");
	}
	if (!now->final || l->opt->last_try)
		return 0;
	err_set(e, ERR_PIN_LAST_TRY, "the %s of token %s has one try left, which was not spent", name, l->token.serial);
	return err_next(e, "if you are sure of it, add --last-try");
}

/* Where nobody can be asked, but it is kept. */
static int tell_of_escrow(struct life *l, enum profile_secret which, struct err *e)
{
	bool there = false;
	if (e->code == ERR_SECRET_NEEDED && find_sealed(l, which, &there, NULL) == 0 && there)
		err_next(e, "it is in escrow: give the recovery key with --recovery-key FILE, or it with %s FILE",
			 which == PROFILE_PUK ? "--puk-file" : "--so-pin-file");
	return -1;
}

static struct preset preset_of(const struct life *l)
{
	return (struct preset){
	    .port = &l->ports->store, .store = l->store, .serial = l->token.serial, .profile = l->profile};
}

int life_sends_factory(const struct life *l, enum profile_secret which, const struct p11_pin_state *now, bool *ret,
		       struct err *e)
{
	const struct preset preset = preset_of(l);
	bool given = which == PROFILE_PUK ? l->opt->puk_given : l->opt->so_pin_given;
	bool guess = now->factory != P11_FACTORY_YES;
	*ret = false;
	/* where only a flag speaks for it, what is kept goes before */
	if (given || (guess && life_has_recovery(l)))
		return 0;
	return preset_may_send(&preset, which, now, ret, e);
}

int life_key_failed(struct life *l, enum profile_secret which, struct err *e)
{
	const struct preset preset = preset_of(l);
	return l->unasked ? preset_refused(&preset, which, e) : -1;
}

int life_key(struct life *l, enum profile_secret which, const struct p11_pin_state *now, struct secret *ret,
	     int64_t *ret_pending, struct err *e)
{
	bool given = which == PROFILE_PUK ? l->opt->puk_given : l->opt->so_pin_given;
	if (life_key_check(l, which, now, e) != 0 || life_sends_factory(l, which, now, &l->unasked, e) != 0)
		return -1;
	if (l->unasked)
		return preset_value(l->profile, which, ret, e);
	if (!given && life_has_recovery(l))
		return from_escrow(l, which, ret, ret_pending, e);
	if (l->ui->secret(l->ui->arg, which == PROFILE_PUK ? LIFE_PUK : LIFE_SO_PIN, &l->token, l->profile, NULL, ret,
			  e) != 0)
		return tell_of_escrow(l, which, e);
	return life_possible(l, which, ret, e);
}
