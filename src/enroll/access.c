#include "core/xalloc.h"
#include "enroll/run.h"
#include "enroll/same.h"
#include "enroll/seal.h"

#include <stdlib.h>

bool enroll_on_pad(const struct enroll_run *r, enum profile_secret which)
{
	return (r->token.flags & WORKER_TOKEN_PIN_PAD) != 0 && r->profile->pin[which].pad;
}

bool enroll_sets_up_on_pad(const struct enroll_run *r)
{
	return enroll_on_pad(r, PROFILE_PIN) && enroll_on_pad(r, PROFILE_SO_PIN);
}

static int check_rules(const struct enroll_run *r, enum profile_secret which, const struct secret *s, struct err *e)
{
	return profile_pin_possible(r->profile, which, r->token.pin_min, r->token.pin_max, s, e);
}

static int get_pin(struct enroll_run *r, struct err *e)
{
	/* nobody guesses the PIN of a token that is handed out */
	bool certain = r->pins[PROFILE_PIN].factory == P11_FACTORY_YES || r->cred.state < CRED_PROVEN;
	if (!r->opt->pin_given && certain && enroll_sends_factory(r, PROFILE_PIN))
		return enroll_factory_value(r, PROFILE_PIN, r->pin, e);
	/* the same command as the one that broke off when it had replaced the factory's */
	if (r->opt->new_pin_file != NULL && !r->opt->pin_given && r->cred.state == CRED_WRITTEN)
		return r->ui->new_pin(r->ui->arg, &r->token, r->profile, r->pin, e);
	return r->ui->pin(r->ui->arg, &r->token, r->profile, r->pin, e) != 0 ? -1 : enroll_sort_pin(r, e);
}

static int check_tries(struct enroll_run *r, struct err *e)
{
	/* said before anybody types a PIN for nothing */
	if ((r->token.flags & WORKER_TOKEN_PIN_LOCKED) != 0)
		return err_set(e, ERR_PIN_LOCKED, "the PIN of token %s is locked", r->token.serial);
	if ((r->token.flags & WORKER_TOKEN_PIN_LAST_TRY) == 0 || r->opt->last_try || r->last_try_agreed)
		return 0;
	r->last_try_agreed = r->ui->confirm_last_try(r->ui->arg, &r->token, e) == 0;
	return r->last_try_agreed ? 0 : -1;
}

int enroll_ask_pin(struct enroll_run *r, struct err *e)
{
	if (r->pin != NULL)
		return 0;
	if (check_tries(r, e) != 0)
		return -1;
	if (enroll_on_pad(r, PROFILE_PIN))
		return 0;
	r->pin = secret_new();
	if (get_pin(r, e) == 0 && check_rules(r, PROFILE_PIN, r->pin, e) == 0)
		return 0;
	secret_free(&r->pin);
	return -1;
}

/* The token's module again, after the proof has closed the worker that wrote. */
static int start_again(struct enroll_run *r, struct err *e)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	r->ports->token.stop(&r->leaving);
	if (enroll_start_worker(r, false, &r->worker, e) != 0 ||
	    r->ports->token.tokens_begin(r->worker, r->module, e) != 0 ||
	    r->ports->token.tokens_end(r->worker, &list, &n, e) != 0)
		return -1;
	const struct worker_token *found = same_find(list, n, &r->token, r->profile);
	if (found != NULL)
		r->token = *found;
	free(list);
	return found != NULL ? 0 : err_set(e, ERR_REMOVED, "token %s is no longer plugged in", r->token.serial);
}

int enroll_tell_ours(struct enroll_run *r, struct worker *w, struct err *e)
{
	struct blob known = BLOB_INIT;
	int ret = r->ports->store.certificates(r->store, &r->token_id, &known, e);
	if (ret == 0)
		ret = r->ports->token.ours(w, &known, e);
	blob_free(&known);
	return ret;
}

static int take_turn(struct enroll_run *r, struct err *e)
{
	char *turn = xasprintf("%s" WORKER_TURN_SUFFIX, r->cfg->store_path);
	int ret = r->ports->token.open(r->worker, &r->token, turn, e);
	free(turn);
	return ret == 0 ? enroll_tell_ours(r, r->worker, e) : -1;
}

bool enroll_needs_officer(const struct enroll_run *r)
{
	const struct profile_key *k = &r->profile->key;
	return k->generate == PROFILE_SO || k->certificate == PROFILE_SO || k->delete == PROFILE_SO;
}

/* After the user, whose PIN some tokens want to have seen before the SO may sign. */
static int log_in_officer(struct enroll_run *r, struct err *e)
{
	if (!enroll_needs_officer(r))
		return 0;
	if (r->ports->token.login(r->worker, true, r->so_pin, r->opt->last_try, e) != 0)
		return enroll_secret_failed(r, PROFILE_SO_PIN, e);
	/* so a run that broke off had got as far as to set it */
	return r->so_pin_pending != 0 ? r->ports->store.escrow_confirm(r->store, r->so_pin_pending, e) : 0;
}

static void tell(void *arg, const char *text)
{
	struct enroll_run *r = arg;
	r->ui->note(r->ui->arg, text);
}

static int ask_recovery_passphrase(void *arg, struct secret *ret, struct err *e)
{
	struct enroll_run *r = arg;
	return r->ui->recovery_passphrase(r->ui->arg, ret, e);
}

static int ask_recovery_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
			    struct err *e)
{
	struct enroll_run *r = arg;
	(void)p;
	return r->ui->recovery_pin(r->ui->arg, t, ret, e);
}

static bool has_recovery(const struct enroll_run *r)
{
	return r->opt->recovery_file != NULL || r->opt->recovery_uri != NULL;
}

int enroll_so_pin_from_escrow(struct enroll_run *r, const struct store_token *as, struct err *e)
{
	const struct seal seal = {
	    .port = &r->ports->store, .store = r->store, .token = &r->token, .id = as, .profile = r->profile};
	const struct recover_request req = {
	    .port = &r->ports->token,
	    .file = r->opt->recovery_file,
	    .uri = r->opt->recovery_uri,
	    .cfg = r->cfg,
	    .module = r->opt->module,
	    .settings = enroll_worker_settings(r),
	    .passphrase = ask_recovery_passphrase,
	    .pin = ask_recovery_pin,
	    .note = tell,
	    .arg = r,
	};
	r->ports->token.stop(&r->leaving);
	struct recover *key = recover_new(&req);
	int got = seal_open(&seal, PROFILE_SO_PIN, key, r->so_pin, &r->so_pin_pending, e);
	recover_free(&key);
	return got;
}

static int get_so_pin(struct enroll_run *r, struct err *e)
{
	if (!r->opt->so_pin_given && enroll_sends_factory(r, PROFILE_SO_PIN))
		return enroll_factory_value(r, PROFILE_SO_PIN, r->so_pin, e);
	if (!r->opt->so_pin_given && has_recovery(r))
		return enroll_so_pin_from_escrow(r, &r->token_id, e);
	if (r->ui->so_pin(r->ui->arg, &r->token, r->profile, r->so_pin, e) != 0)
		return -1;
	enroll_sort_so_pin(r);
	return check_rules(r, PROFILE_SO_PIN, r->so_pin, e);
}

int enroll_ask_so_pin(struct enroll_run *r, struct err *e)
{
	if (r->so_pin != NULL || !enroll_needs_officer(r) || enroll_on_pad(r, PROFILE_SO_PIN))
		return 0;
	r->so_pin = secret_new();
	if (get_so_pin(r, e) == 0 && check_rules(r, PROFILE_SO_PIN, r->so_pin, e) == 0)
		return 0;
	secret_free(&r->so_pin);
	return -1;
}

/* Not of the factory's PIN, which nobody gave, nor of a new one. */
static void tell_taken(const struct enroll_run *r)
{
	bool new_pin = r->new_pin_tried || (r->result->replaced_pins & 1U << PROFILE_PIN) != 0;
	if (r->ui->taken != NULL && !new_pin && !r->unasked[PROFILE_PIN])
		r->ui->taken(r->ui->arg);
}

int enroll_open_token(struct enroll_run *r, struct err *e)
{
	if (r->opened)
		return 0;
	if ((r->token.flags & WORKER_TOKEN_READ_ONLY) != 0)
		return err_set(e, ERR_TOKEN_READ_ONLY, "token %s is write-protected", r->token.serial);
	bool last_try = (r->token.flags & WORKER_TOKEN_PIN_LAST_TRY) != 0;
	if (enroll_ask_pin(r, e) != 0 || enroll_ask_so_pin(r, e) != 0 ||
	    (r->worker == NULL && start_again(r, e) != 0) || take_turn(r, e) != 0)
		return -1;
	if (r->ports->token.login(r->worker, false, r->pin, last_try, e) != 0)
		return enroll_secret_failed(r, PROFILE_PIN, e);
	tell_taken(r);
	if (log_in_officer(r, e) != 0)
		return -1;
	r->opened = true;
	return 0;
}

int enroll_attach_token(struct enroll_run *r, struct err *e)
{
	bool officer =
	    r->so_pin != NULL || r->opt->so_pin_given || has_recovery(r) || enroll_has_factory(r, PROFILE_SO_PIN);
	if (officer || !enroll_needs_officer(r))
		return enroll_open_token(r, e);
	return r->worker == NULL ? start_again(r, e) : 0;
}

int enroll_unlock_begin(struct enroll_run *r, struct err *e)
{
	if (r->unlocked || r->unlocking)
		return 0;
	if (!r->ca.has_key) {
		err_set(e, ERR_CA_PKI, "the CA's private key %s is not on this machine", r->cfg->ca.key);
		return err_next(
		    e, "run it with --csr-only, have the request signed where the CA is, and go on with --cert "
		       "FILE");
	}
	struct secret *pass = r->ca.needs_passphrase ? secret_new() : NULL;
	int ret = 0;
	if (pass != NULL)
		ret = r->ui->passphrase(r->ui->arg, &r->ca, r->pass_attempts++, pass, e);
	if (ret == 0)
		ret = r->ports->ca.unlock_begin(r->signer, pass, e);
	secret_free(&pass);
	r->unlocking = ret == 0;
	return ret;
}

int enroll_unlock_end(struct enroll_run *r, struct err *e)
{
	while (!r->unlocked) {
		struct err wrong = ERR_INIT;
		if (enroll_unlock_begin(r, e) != 0)
			return -1;
		r->unlocking = false;
		r->unlocked = r->ports->ca.unlock_end(r->signer, &wrong) == 0;
		if (r->unlocked)
			break;
		*e = wrong;
		if (wrong.code != ERR_CA_PASSPHRASE)
			return -1;
		r->ui->note(r->ui->arg, wrong.what);
	}
	return 0;
}
