#include "enroll/preset.h"
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
	return r->factory[which];
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

static void add_name(const struct enroll_run *r, size_t i, char *ret, size_t size)
{
	size_t n = strlen(ret);
	snprintf(ret + n, size - n, "%s%s", n != 0 ? ", " : "", r->profile->pin[order[i].secret].name);
}

static void name_all(const struct enroll_run *r, bool due, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = 0; i < N_ORDER; i++) {
		bool meant = order[i].secret != PROFILE_PIN || !r->replaces;
		if (meant && is_factory(r, order[i].secret) && is_due(r, i) == due)
			add_name(r, i, ret, size);
	}
}

static void note_kept(struct enroll_run *r, const char *names)
{
	char text[400];
	if (names[0] == '\0')
		return;
	snprintf(text, sizeof text, "token %s keeps the factory's %s, which everybody can look up", r->token.serial,
		 names);
	r->ui->note(r->ui->arg, text);
}

void enroll_note_kept(struct enroll_run *r)
{
	char names[160] = "";
	for (size_t i = 0; i < N_ORDER; i++) {
		enum profile_secret which = order[i].secret;
		bool shown = which == PROFILE_PIN && r->result->proved;
		if (is_factory(r, which) && (shown || r->pins[which].factory == P11_FACTORY_YES))
			add_name(r, i, names, sizeof names);
	}
	note_kept(r, names);
}

/* What was only given, or is only meant by a flag, shows when it is sent. */
static bool is_certain(const struct enroll_run *r)
{
	bool certain = true;
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++)
		certain = certain && (!r->factory[i] || r->pins[i].factory == P11_FACTORY_YES);
	return certain;
}

/* It may have expired, or an administrator has set it. */
static void note_flags(struct enroll_run *r)
{
	char text[400];
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if (r->factory[i] || r->pins[i].factory != P11_FACTORY_MAYBE)
			continue;
		snprintf(text, sizeof text, "token %s says that its %s is to be changed; it stays as it is",
			 r->token.serial, r->profile->pin[i].name);
		r->ui->note(r->ui->arg, text);
	}
}

/* Nothing logs in with it, so nothing shows it. */
static void note_puk(struct enroll_run *r)
{
	const struct profile_pin *puk = &r->profile->pin[PROFILE_PUK];
	bool others = r->factory[PROFILE_PIN] || r->factory[PROFILE_SO_PIN];
	char text[400];
	if (!others || !puk->exists || puk->factory.n == 0 || r->pins[PROFILE_PUK].factory != P11_FACTORY_UNKNOWN)
		return;
	snprintf(text, sizeof text,
		 "token %s does not tell whether its %s is the factory's, which would stay: change it with the program "
		 "of the token's maker",
		 r->token.serial, puk->name);
	r->ui->note(r->ui->arg, text);
}

static void note(struct enroll_run *r)
{
	char names[160], text[400];
	note_flags(r);
	note_puk(r);
	name_all(r, true, names, sizeof names);
	if (names[0] != '\0') {
		snprintf(text, sizeof text,
			 "token %s %s the factory's %s: changed when the certificate is on the token", r->token.serial,
			 is_certain(r) ? "has" : "seems to have", names);
		r->ui->note(r->ui->arg, text);
	}
	name_all(r, false, names, sizeof names);
	note_kept(r, names);
}

static bool is_worth_asking(const struct profile *p)
{
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if (p->pin[i].factory.n != 0 || (i == PROFILE_PIN && p->pin[i].tries_apdu.n != 0))
			return true;
	}
	return false;
}

static struct preset preset_of(const struct enroll_run *r)
{
	return (struct preset){
	    .port = &r->ports->store, .store = r->store, .serial = r->token.serial, .profile = r->profile};
}

static bool is_given(const struct enroll_run *r, size_t which)
{
	bool so_pin = r->opt->so_pin_given || r->opt->recovery_file != NULL || r->opt->recovery_uri != NULL;
	return which == PROFILE_PIN ? r->opt->pin_given : which == PROFILE_SO_PIN && so_pin;
}

/* Where only a flag speaks for it, what was given goes before; at a PIN pad a person enters what they know. */
static int find_factory(struct enroll_run *r, struct err *e)
{
	const struct preset preset = preset_of(r);
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		bool known = r->pins[i].factory == P11_FACTORY_YES, flagged = r->pins[i].factory == P11_FACTORY_MAYBE;
		if (preset_may_send(&preset, (enum profile_secret)i, &r->pins[i], &r->unasked[i], e) != 0)
			return -1;
		r->unasked[i] = r->unasked[i] && (known || !is_given(r, i));
		r->factory[i] = r->profile->pin[i].factory.n != 0 &&
				(known || r->unasked[i] || (flagged && enroll_on_pad(r, (enum profile_secret)i)));
	}
	return 0;
}

int enroll_look_at_pins(struct enroll_run *r, struct err *e)
{
	if (is_worth_asking(r->profile) && r->ports->token.pins(r->worker, &r->token, true, r->pins, e) != 0)
		return -1;
	const struct seal seal = {
	    .port = &r->ports->store, .store = r->store, .id = &r->token_id, .profile = r->profile};
	if (seal_settle(&seal, r->pins, e) != 0)
		return -1;
	/* some modules say of every card that it is set up, and nothing of its tries; the card itself knows better */
	if (r->pins[PROFILE_PIN].unset)
		r->token.flags &= ~(unsigned)(WORKER_TOKEN_INITIALIZED | WORKER_TOKEN_NO_PIN);
	if (r->pins[PROFILE_PIN].final)
		r->token.flags |= WORKER_TOKEN_PIN_LAST_TRY;
	if (r->pins[PROFILE_PIN].locked)
		r->token.flags |= WORKER_TOKEN_PIN_LOCKED;
	r->so_pin_current = preset_is_current(r->profile, enroll_is_blank(r), r->pins);
	return find_factory(r, e);
}

bool enroll_has_factory(const struct enroll_run *r, enum profile_secret which)
{
	return is_factory(r, which);
}

bool enroll_sends_factory(const struct enroll_run *r, enum profile_secret which)
{
	return r->unasked[which];
}

int enroll_factory_value(struct enroll_run *r, enum profile_secret which, struct secret *ret, struct err *e)
{
	return preset_value(r->profile, which, ret, e);
}

/* The same command as one that broke off may have been about to replace the factory's, or may have done it. */
static int sort_factory(struct enroll_run *r, struct err *e)
{
	bool begun = r->pins[PROFILE_PIN].factory == P11_FACTORY_NO;
	if (!begun && r->ports->store.replace_begun(r->store, r->token.serial, &begun, e) != 0)
		return -1;
	bool known = r->opt->new_pin_file != NULL || r->opt->new_pin_kept;
	begun = begun && r->cred.state == CRED_WRITTEN;
	if (begun && !known)
		r->ui->note(r->ui->arg, "an earlier run was about to replace this PIN: if the token refuses it, it has "
					"the one that was asked for or shown then");
	if (!begun || !known) {
		r->factory[PROFILE_PIN] = r->pins[PROFILE_PIN].factory != P11_FACTORY_NO;
		return 0;
	}
	r->new_pin_tried = true;
	return r->ui->new_pin(r->ui->arg, &r->token, r->profile, r->pin, e);
}

/* As sort_factory, for a PIN that is to be replaced whatever it is. */
static int sort_replaced(struct enroll_run *r, struct err *e)
{
	bool begun = false;
	if (r->ports->store.replace_begun(r->store, r->token.serial, &begun, e) != 0)
		return -1;
	r->replaces = !profile_pin_is_factory(&r->profile->pin[PROFILE_PIN], r->pin);
	r->factory[PROFILE_PIN] = !(begun && r->cred.state == CRED_WRITTEN);
	if (r->factory[PROFILE_PIN])
		return 0;
	if (r->opt->new_pin_file == NULL && !r->opt->new_pin_kept) {
		err_set(e, ERR_PIN_NEEDED,
			"an earlier run was about to give token %s another PIN, which is not known here",
			r->token.serial);
		return err_next(e, "`tokenroll unblock --serial %s` gives it one; nothing was sent to it",
				r->token.serial);
	}
	r->new_pin_tried = true;
	secret_clear(r->pin);
	return r->ui->new_pin(r->ui->arg, &r->token, r->profile, r->pin, e);
}

int enroll_sort_pin(struct enroll_run *r, struct err *e)
{
	if (r->opt->replace_pin && r->cred.state < CRED_PROVEN)
		return sort_replaced(r, e);
	if (profile_pin_is_factory(&r->profile->pin[PROFILE_PIN], r->pin)) {
		r->unasked[PROFILE_PIN] = false;
		return sort_factory(r, e);
	}
	/* the card knows that it has another one: this is the one that it is to get */
	if (!r->unasked[PROFILE_PIN])
		return 0;
	secret_free(&r->new_pin);
	r->new_pin = r->pin;
	r->pin = secret_new();
	return enroll_factory_value(r, PROFILE_PIN, r->pin, e);
}

void enroll_sort_so_pin(struct enroll_run *r)
{
	r->unasked[PROFILE_SO_PIN] = false;
	r->factory[PROFILE_SO_PIN] = profile_pin_is_factory(&r->profile->pin[PROFILE_SO_PIN], r->so_pin);
}

int enroll_secret_failed(struct enroll_run *r, enum profile_secret which, struct err *e)
{
	const struct preset preset = preset_of(r);
	if (which == PROFILE_PIN && r->new_pin_tried && e->code == ERR_PIN_WRONG &&
	    r->ports->store.audit(r->store, STORE_PIN_UNREPLACED, r->opt->user, r->token.serial, "", NULL) == 0)
		return err_next(e, "an earlier run was about to give the token this PIN, and has not: run the same "
				   "command again, which goes on with the one it has");
	return r->unasked[which] ? preset_refused(&preset, which, e) : -1;
}

int enroll_load_recovery(struct enroll_run *r, struct err *e)
{
	if (r->recovery != NULL)
		return 0;
	if (recovery_load(&r->recovery, r->cfg->escrow.recovery.text, r->cfg->escrow.recovery.n, e) != 0)
		return -1;
	for (size_t i = 0; i < recipients_note_count(r->recovery); i++)
		enroll_shared_note(r->ui)(r->ui->arg, recipients_note(r->recovery, i));
	return 0;
}

/* A random one that nobody could find again would lock the company out. */
static int load_recovery(struct enroll_run *r, struct err *e)
{
	char names[160];
	if (enroll_load_recovery(r, e) == 0)
		return 0;
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

static int ask_new_pin(struct enroll_run *r, struct err *e)
{
	r->new_pin = secret_new();
	if (r->ui->new_pin(r->ui->arg, &r->token, r->profile, r->new_pin, e) == 0 && check_new(r, e) == 0)
		return 0;
	secret_free(&r->new_pin);
	return -1;
}

/* Nobody thinks of a new PIN in vain, and others that have the same old one wait for no person. The session ends before
 * that, as it may take long. */
static int try_old_pin(struct enroll_run *r, struct err *e)
{
	if (!r->replaces || !r->opt->new_pin_typed)
		return 0;
	if (enroll_open_token(r, e) != 0)
		return -1;
	enroll_close_writer(r);
	return 0;
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
	if (r->opt->keep_factory_pins || r->new_pin != NULL)
		return 0;
	return try_old_pin(r, e) == 0 ? ask_new_pin(r, e) : -1;
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
	if (ret == 0 && r->ports->token.change(r->worker, &r->token, order[i].change, order[i].secret, old, new,
					       r->opt->last_try, e) != 0)
		ret = seal_refused(&seal, id, e);
	if (ret == 0)
		ret = r->ports->store.escrow_confirm(r->store, id, e);
	secret_free(&new);
	return ret;
}

/* Whether the token has it or not where it did not get to an answer, nobody knows. */
static int not_replaced(struct enroll_run *r, const struct err *e)
{
	if (err_is_secret_refused(e))
		(void)r->ports->store.audit(r->store, STORE_PIN_UNREPLACED, r->opt->user, r->token.serial, "", NULL);
	return -1;
}

/* The person in charge knows it: it was typed, or is shown now. */
static int replace_pin(struct enroll_run *r, size_t i, struct secret *old, struct err *e)
{
	if (r->ui->show_pins(r->ui->arg, e) != 0 ||
	    r->ports->store.audit(r->store, STORE_PIN_REPLACE, r->opt->user, r->token.serial,
				  r->replaces ? STORE_PIN_OWN : "", e) != 0)
		return -1;
	r->result->pins_sent = true;
	bool pad = changes_on_pad(r, order[i].change);
	if (r->ports->token.change(r->worker, &r->token, order[i].change, order[i].secret, pad ? NULL : old,
				   pad ? NULL : r->new_pin, r->opt->last_try, e) != 0)
		return not_replaced(r, e);
	secret_free(&r->pin);
	if (!enroll_on_pad(r, PROFILE_PIN)) {
		r->pin = r->new_pin;
		r->new_pin = NULL;
	}
	return 0;
}

/* What the token has now: as it was logged in with, if it was. */
static int old_value(struct enroll_run *r, enum profile_secret which, struct secret *ret, struct err *e)
{
	const struct secret *s = which == PROFILE_PIN ? r->pin : which == PROFILE_SO_PIN ? r->so_pin : NULL;
	return s != NULL ? secret_set(ret, s->bytes, s->len, e) : enroll_factory_value(r, which, ret, e);
}

/* Whether libp11, which has signed the request, has a session open that only reads: beside one the SO cannot log in
 * (PKCS#11 v2.40, 5.6: CKR_SESSION_READ_ONLY_EXISTS), unless that was before. */
static bool is_in_the_way(const struct enroll_run *r, size_t i)
{
	return r->opened && r->from < CRED_REQUESTED && !enroll_needs_officer(r) &&
	       r->profile->call[order[i].change].login == PROFILE_SO;
}

static int replace(struct enroll_run *r, size_t i, struct err *e)
{
	if (is_in_the_way(r, i))
		enroll_close_writer(r);
	struct secret *old = secret_new();
	int ret = enroll_attach_token(r, e);
	if (ret == 0)
		ret = old_value(r, order[i].secret, old, e);
	if (ret == 0)
		ret = order[i].sealed ? replace_sealed(r, i, old, e) : replace_pin(r, i, old, e);
	secret_free(&old);
	return ret;
}

int enroll_replace_factory(struct enroll_run *r, struct err *e)
{
	for (size_t i = 0; i < N_ORDER; i++) {
		if (!is_due(r, i))
			continue;
		if (replace(r, i, e) != 0)
			return enroll_secret_failed(r, order[i].secret, e);
		r->factory[order[i].secret] = r->unasked[order[i].secret] = false;
		r->result->replaced_pins |= 1u << order[i].secret;
	}
	return 0;
}
