#include "enroll/run.h"
#include "enroll/seal.h"

#include <string.h>

/* The secrets in the order in which they get new values: the SO is logged in when it begins, and need not be again. */
static const struct {
	enum profile_secret secret;
	enum profile_operation change;
	bool sealed; /* into escrow; else a person keeps it */
} order[] = {
    {PROFILE_SO_PIN, PROFILE_CHANGE_SO_PIN, true},
    {PROFILE_PUK, PROFILE_CHANGE_PUK, true},
    {PROFILE_PIN, PROFILE_CHANGE_PIN, false},
};

#define N_ORDER (sizeof order / sizeof *order)

static bool can_change(const struct profile *p, enum profile_operation what)
{
	enum profile_how how = p->call[what].how;
	return how == PROFILE_HOW_SET_PIN || how == PROFILE_HOW_INIT_PIN || how == PROFILE_HOW_APDU;
}

static bool is_factory(const struct enroll_run *r, enum profile_secret which)
{
	return r->pins[which].factory == P11_FACTORY_YES && r->profile->pin[which].factory.n != 0;
}

/* Whether it is given its new value at the reader's PIN pad. */
static bool changes_on_pad(const struct enroll_run *r, enum profile_operation what)
{
	return (r->token.flags & WORKER_TOKEN_PIN_PAD) != 0 && profile_pad_takes(r->profile, what);
}

/* Whether this one is still to get a new value. One that would be made here and sealed is not for a PIN pad: the token
 * would get what is entered there, whatever we have put into escrow. */
static bool is_due(const struct enroll_run *r, size_t i)
{
	return !r->opt->keep_factory_pins && is_factory(r, order[i].secret) &&
	       can_change(r->profile, order[i].change) && !(order[i].sealed && changes_on_pad(r, order[i].change));
}

static void name_all(const struct enroll_run *r, bool due, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = 0; i < N_ORDER; i++) {
		size_t n = strlen(ret);
		if (is_factory(r, order[i].secret) && is_due(r, i) == due)
			snprintf(ret + n, size - n, "%s%s", n != 0 ? ", " : "", r->profile->pin[order[i].secret].name);
	}
}

static void note(struct enroll_run *r)
{
	char names[160], text[400];
	name_all(r, true, names, sizeof names);
	if (names[0] != '\0') {
		snprintf(text, sizeof text,
			 "token %s has the factory's %s: changed when the certificate is on the token", r->token.serial,
			 names);
		r->ui->note(r->ui->arg, text);
	}
	name_all(r, false, names, sizeof names);
	if (names[0] != '\0') {
		snprintf(text, sizeof text, "token %s keeps the factory's %s, which everybody can look up",
			 r->token.serial, names);
		r->ui->note(r->ui->arg, text);
	}
}

static bool is_worth_asking(const struct profile *p)
{
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if (p->pin[i].factory.n != 0 || (i == PROFILE_PIN && p->pin[i].tries_apdu.n != 0))
			return true;
	}
	return false;
}

int enroll_look_at_pins(struct enroll_run *r, struct err *e)
{
	if (is_worth_asking(r->profile) && r->ports->token.pins(r->worker, &r->token, true, r->pins, e) != 0)
		return -1;
	const struct seal seal = {
	    .port = &r->ports->store, .store = r->store, .id = &r->token_id, .profile = r->profile};
	if (seal_settle(&seal, r->pins, e) != 0)
		return -1;
	/* some modules say of every card that it is set up; the card itself knows better */
	if (r->pins[PROFILE_PIN].unset)
		r->token.flags &= ~(unsigned)(WORKER_TOKEN_INITIALIZED | WORKER_TOKEN_NO_PIN);
	return 0;
}

bool enroll_has_factory(const struct enroll_run *r, enum profile_secret which)
{
	return is_factory(r, which);
}

int enroll_factory_value(const struct enroll_run *r, enum profile_secret which, struct secret *ret, struct err *e)
{
	const char *value = r->profile->pin[which].factory.v[0];
	return secret_set(ret, value, strlen(value), e);
}

/* A random one that nobody could find again would lock the company out. */
static int load_recovery(struct enroll_run *r, struct err *e)
{
	char names[160];
	if (r->recovery != NULL)
		return 0;
	if (recovery_load(&r->recovery, r->cfg->escrow.recovery, r->cfg->escrow.n, e) == 0) {
		for (size_t i = 0; i < recovery_note_count(r->recovery); i++)
			r->ui->note(r->ui->arg, recovery_note(r->recovery, i));
		return 0;
	}
	if (e->code != ERR_RECOVERY_MISSING)
		return -1;
	name_all(r, true, names, sizeof names);
	err_set(e, ERR_RECOVERY_MISSING,
		"token %s has the factory's %s, and there is no recovery certificate to keep new ones for",
		r->token.serial, names);
	return err_next(e,
			"name one as recovery in section [escrow] of %s, or add --keep-factory-pins; nothing was "
			"changed",
			r->cfg->path);
}

static int check_new(struct enroll_run *r, struct err *e)
{
	if (!profile_pin_is_factory(&r->profile->pin[PROFILE_PIN], r->new_pin))
		return 0;
	err_set(e, ERR_PIN_RULES, "the new PIN for token %s is the factory's, which everybody can look up",
		r->token.serial);
	return err_next(e, "nothing was sent to the token; take another one, or add --keep-factory-pins");
}

/* Also where a user PIN is at hand: --pin-file may have the factory's or the one that the token is to get. */
static int ask_new_pin(struct enroll_run *r, struct err *e)
{
	struct secret *given = NULL;
	int ret = 0;
	r->new_pin = secret_new();
	if (r->opt->pin_given) {
		given = secret_new();
		ret = r->ui->pin(r->ui->arg, &r->token, given, e);
	}
	bool meant = ret == 0 && given != NULL && !profile_pin_is_factory(&r->profile->pin[PROFILE_PIN], given);
	if (meant)
		ret = secret_set(r->new_pin, given->bytes, given->len, e);
	else if (ret == 0)
		ret = r->ui->new_pin(r->ui->arg, &r->token, r->profile, r->new_pin, e);
	if (ret == 0 && !meant)
		ret = check_new(r, e);
	secret_free(&given);
	if (ret != 0)
		secret_free(&r->new_pin);
	return ret;
}

int enroll_ask_replacements(struct enroll_run *r, struct err *e)
{
	bool escrow = false;
	note(r);
	for (size_t i = 0; i < N_ORDER; i++)
		escrow = escrow || (is_due(r, i) && order[i].sealed);
	if (escrow && load_recovery(r, e) != 0)
		return -1;
	if (!is_factory(r, PROFILE_PIN) || changes_on_pad(r, PROFILE_CHANGE_PIN))
		return 0;
	if (r->pin == NULL && !enroll_on_pad(r, PROFILE_PIN)) {
		r->pin = secret_new();
		if (enroll_factory_value(r, PROFILE_PIN, r->pin, e) != 0)
			return -1;
	}
	return r->opt->keep_factory_pins || r->new_pin != NULL ? 0 : ask_new_pin(r, e);
}

static int replace_sealed(struct enroll_run *r, size_t i, struct secret *old, struct err *e)
{
	const struct seal seal = {.port = &r->ports->store,
				  .store = r->store,
				  .recovery = r->recovery,
				  .token = &r->token,
				  .id = &r->token_id,
				  .profile = r->profile};
	struct secret *new = secret_new();
	int64_t id = 0;
	int ret = seal_random(&seal, order[i].secret, new, &id, e);
	if (ret == 0)
		ret = r->ports->token.change(r->worker, &r->token, order[i].change, order[i].secret, old, new,
					     r->opt->last_try, e);
	if (ret == 0)
		ret = r->ports->store.escrow_confirm(r->store, id, e);
	secret_free(&new);
	return ret;
}

/* The person in charge knows it: it was typed, or is shown now. */
static int replace_pin(struct enroll_run *r, size_t i, struct secret *old, struct err *e)
{
	if (r->ui->show_pins(r->ui->arg, e) != 0 ||
	    r->ports->store.audit(r->store, "pin-change", r->opt->user, r->token.serial, "factory", e) != 0)
		return -1;
	r->result->pins_sent = true;
	bool pad = changes_on_pad(r, order[i].change);
	if (r->ports->token.change(r->worker, &r->token, order[i].change, order[i].secret, pad ? NULL : old,
				   pad ? NULL : r->new_pin, r->opt->last_try, e) != 0)
		return -1;
	secret_free(&r->pin);
	if (!enroll_on_pad(r, PROFILE_PIN)) {
		r->pin = r->new_pin;
		r->new_pin = NULL;
	}
	return 0;
}

int enroll_replace_factory(struct enroll_run *r, struct err *e)
{
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < N_ORDER; i++) {
		if (!is_due(r, i))
			continue;
		struct secret *old = secret_new();
		ret = enroll_factory_value(r, order[i].secret, old, e);
		if (ret == 0)
			ret = enroll_attach_token(r, e);
		if (ret == 0)
			ret = order[i].sealed ? replace_sealed(r, i, old, e) : replace_pin(r, i, old, e);
		if (ret == 0) {
			r->pins[order[i].secret].factory = P11_FACTORY_NO;
			r->result->replaced_pins |= 1u << order[i].secret;
		}
		secret_free(&old);
	}
	return ret;
}
