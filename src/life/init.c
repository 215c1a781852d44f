#include "enroll/preset.h"
#include "enroll/same.h"
#include "enroll/seal.h"
#include "life/ended.h"
#include "life/life.h"
#include "life/objects.h"

#include <string.h>

/* One initialization under way. */
struct setup {
	struct life *l;
	struct life_setup *result;
	struct secret *so_pin; /* the one it has, or is to get */
	struct secret *pin;    /* the one it is to get */
	bool pad;              /* both are entered on the reader, and none is here */
	bool so_pin_current;   /* it is blank, and wants the one that it has nevertheless */
	int64_t sealed;        /* where so_pin is in escrow; 0 if it is not */
};

static bool is_blank(const struct life *l)
{
	return (l->token.flags & WORKER_TOKEN_INITIALIZED) == 0;
}

static int check_way(const struct life *l, struct err *e)
{
	const struct profile_init *i = &l->profile->init;
	if (i->how == PROFILE_HOW_INIT_TOKEN && !(i->once && !is_blank(l)))
		return 0;
	err_set(e, ERR_UNSUPPORTED, "tokenroll cannot initialize token %s (profile %s)", l->token.serial,
		l->profile->id);
	return i->tool != NULL ? err_next(e, "use %s", i->tool)
			       : err_next(e, "use the program of the token's maker, if it can");
}

static struct seal seal_of(struct life *l)
{
	return (struct seal){.port = &l->ports->store,
			     .store = l->store,
			     .recovery = l->recovery,
			     .token = &l->token,
			     .id = &l->id,
			     .profile = l->profile};
}

static int load_recovery(struct life *l, struct err *e)
{
	if (l->recovery != NULL)
		return 0;
	if (recovery_load(&l->recovery, l->cfg->escrow.recovery.text, l->cfg->escrow.recovery.n, e) != 0)
		return -1;
	for (size_t i = 0; i < recipients_note_count(l->recovery); i++)
		l->ui->note(l->ui->arg, recipients_note(l->recovery, i));
	return 0;
}

/* What of a secret is sent to the token. */
static struct secret *sent(const struct setup *s, struct secret *secret)
{
	return s->pad ? NULL : secret;
}

static int new_pin(struct setup *s, struct err *e)
{
	if (s->pad)
		return 0;
	struct profile_limits limits = life_limits(s->l, PROFILE_PIN);
	const struct life_ui *ui = s->l->ui;
	return ui->secret(ui->arg, LIFE_NEW_PIN, &s->l->token, s->l->profile, &limits, s->pin, e) != 0
		   ? -1
		   : profile_pin_check(&limits, s->pin, e);
}

/* Random and in escrow where there is somebody to keep it for; else typed, or out of a file. */
static int new_so_pin(struct setup *s, struct err *e)
{
	struct profile_limits limits = life_limits(s->l, PROFILE_SO_PIN);
	const struct life_ui *ui = s->l->ui;
	if (s->pad)
		return 0;
	if (s->l->cfg->escrow.recovery.n != 0 && !s->l->opt->so_pin_given) {
		if (load_recovery(s->l, e) != 0)
			return -1;
		const struct seal seal = seal_of(s->l);
		s->result->so_pin_sealed = true;
		return seal_random(&seal, PROFILE_SO_PIN, s->so_pin, &s->sealed, e);
	}
	return ui->secret(ui->arg, LIFE_NEW_SO_PIN, &s->l->token, s->l->profile, &limits, s->so_pin, e) != 0
		   ? -1
		   : profile_pin_check(&limits, s->so_pin, e);
}

static int so_pin_taken(struct setup *s, const struct store_token *before, int64_t id, struct err *e)
{
	const struct seal seal = seal_of(s->l);
	return id == 0 ? 0 : seal_taken(&seal, PROFILE_SO_PIN, s->so_pin, before, id, e);
}

static void take(struct life *l, const struct worker_token *t)
{
	l->token = *t;
	same_identify(t, l->profile, &l->id);
}

static int set_first_pin(struct setup *s, bool ours, struct err *e)
{
	struct life *l = s->l;
	if (life_audit(l, STORE_PIN_INIT, "", e) != 0 ||
	    l->ports->token.init_pin(l->worker, &l->token, ours, l->opt->last_try, sent(s, s->so_pin), sent(s, s->pin),
				     &l->token, e) != 0)
		return -1;
	return life_audit(l, STORE_PIN_SET, "", e);
}

/* The SO PIN that it has. */
static int old_so_pin(struct setup *s, const struct p11_pin_state *so_state, int64_t *ret_pending, struct err *e)
{
	return s->pad ? life_key_check(s->l, PROFILE_SO_PIN, so_state, e)
		      : life_key(s->l, PROFILE_SO_PIN, so_state, s->so_pin, ret_pending, e);
}

/* ---- one that another run has left without a PIN */

/* Whether it only waits for its PIN. */
static int is_begun(const struct life *l, bool *ret, bool *ret_ours, struct err *e)
{
	bool waits = (l->token.flags & WORKER_TOKEN_NO_PIN) != 0;
	*ret = *ret_ours = false;
	if (is_blank(l) || l->opt->wipe || l->token.serial[0] == '\0')
		return 0;
	/* of some nobody can see it: only the journal tells */
	if (l->profile->init.sets_pin && l->ports->store.pin_begun(l->store, l->token.serial, ret_ours, e) != 0)
		return -1;
	*ret = waits || *ret_ours;
	return 0;
}

static int confirm(struct life *l, int64_t pending, struct err *e)
{
	return pending != 0 ? l->ports->store.escrow_confirm(l->store, pending, e) : 0;
}

static int go_on(struct setup *s, const struct p11_pin_state *so_state, bool ours, struct err *e)
{
	struct life *l = s->l;
	int64_t pending = 0;
	l->begun = true;
	if (old_so_pin(s, so_state, &pending, e) != 0 || new_pin(s, e) != 0 || l->ui->show(l->ui->arg, e) != 0)
		return -1;
	if (set_first_pin(s, ours, e) != 0)
		return life_key_failed(l, PROFILE_SO_PIN, e);
	s->result->so_pin_sealed = pending != 0;
	/* it can be sealed anew only for somebody; else it stays as it is */
	(void)load_recovery(l, NULL);
	return so_pin_taken(s, &l->sealed_for, pending, e);
}

/* ---- one that is in use */

static int refuse(const struct life *l, const struct life_objects *o, struct err *e)
{
	char what[400];
	life_objects_text(l, o, what, sizeof what);
	if (o->n_somebodys != 0) {
		err_set(e, ERR_FOREIGN, "there is something on token %s: %s", l->token.serial, what);
		return err_next(e, "take another token; or add --wipe, type the serial number in, and all of it is "
				   "destroyed");
	}
	err_set(e, ERR_FOREIGN, "token %s may hold objects that cannot be seen without its PIN", l->token.serial);
	if (life_pin_on_pad(l))
		return err_next(e, "add --wipe and type the serial number in, and all of it is destroyed");
	return err_next(e, "give the PIN, so that it can be looked at, or add --wipe and type the serial number in");
}

/* Who may look is asked for the PIN; on a terminal without one the rest counts as unseen. */
static int look(struct setup *s, const struct p11_pin_state *now, struct life_objects *ret, struct err *e)
{
	struct life *l = s->l;
	struct err no_pin = ERR_INIT;
	struct secret *pin = secret_new();
	bool has_pin = (l->token.flags & WORKER_TOKEN_NO_PIN) == 0 && !now->locked;
	bool ask = has_pin && l->opt->pin_given && !life_pin_on_pad(l);
	if (ask && life_pin_check(l, now, e) != 0) {
		secret_free(&pin);
		return -1;
	}
	int got = ask ? l->ui->secret(l->ui->arg, LIFE_PIN, &l->token, l->profile, NULL, pin, &no_pin) : -1;
	if (got == 0)
		got = life_possible(l, PROFILE_PIN, pin, &no_pin);
	got = life_objects_read(l, got == 0, pin, ret, e);
	secret_free(&pin);
	return got;
}

static int agree(struct setup *s, const struct p11_pin_state *pins, struct err *e)
{
	struct life *l = s->l;
	struct life_objects o;
	char what[400];
	if (look(s, &pins[PROFILE_PIN], &o, e) != 0)
		return -1;
	int got = 0;
	if (!l->opt->wipe && (o.n_somebodys != 0 || !o.all_seen))
		got = refuse(l, &o, e);
	life_objects_text(l, &o, what, sizeof what);
	if (got == 0 && (o.n_somebodys != 0 || !o.all_seen))
		got = l->ui->confirm(l->ui->arg, &l->token, what, e);
	s->result->destroyed = o.n_somebodys;
	s->result->unseen = !o.all_seen;
	life_objects_free(&o);
	return got;
}

/* Initializing revokes nothing. */
static int end_one(void *arg, const struct store_credential *c, enum cred_state *ret, struct err *e)
{
	const struct life *l = arg;
	char text[400];
	(void)ret;
	(void)e;
	snprintf(
	    text, sizeof text,
	    "the key of %s is gone, but certificate %s for it stays valid: `tokenroll wipe` would have revoked it; "
	    "`tokenroll %s --replace` does",
	    c->user, c->cert_serial, c->user);
	l->ui->note(l->ui->arg, text);
	return 0;
}

/* PIN and PUK are the factory's after it. */
static int replace_pin(struct setup *s, struct err *e)
{
	struct life *l = s->l;
	struct secret *old = secret_new();
	int got = preset_value(l->profile, PROFILE_PIN, old, e);
	if (got == 0)
		got = l->ports->token.change(l->worker, &l->token, PROFILE_CHANGE_PIN, PROFILE_PIN, sent(s, old),
					     sent(s, s->pin), l->opt->last_try, e);
	secret_free(&old);
	return got;
}

/* ---- its other secrets */

/* An SO PIN that somebody has in a file is kept there, and counts as given, unless everybody can look it up. */
static bool keeps_so_pin(const struct setup *s)
{
	return s->l->opt->so_pin_given && !profile_pin_is_factory(&s->l->profile->pin[PROFILE_SO_PIN], s->so_pin);
}

/* Whether it is to be random and in escrow. */
static bool is_due(const struct setup *s, enum profile_secret which, enum profile_operation what)
{
	const struct profile *p = s->l->profile;
	enum profile_how how = p->call[what].how;
	bool can = how == PROFILE_HOW_SET_PIN || how == PROFILE_HOW_INIT_PIN || how == PROFILE_HOW_APDU;
	bool known =
	    which == PROFILE_SO_PIN ? !keeps_so_pin(s) : p->init.leaves_factory && p->pin[which].factory.n == 1;
	return s->l->cfg->escrow.recovery.n != 0 && !s->pad && p->pin[which].exists && can && known;
}

static int replace_sealed(struct setup *s, enum profile_secret which, enum profile_operation what, struct secret *old,
			  struct err *e)
{
	struct life *l = s->l;
	const struct seal seal = seal_of(l);
	struct secret *new = secret_new();
	int64_t id = 0;
	int got = seal_random(&seal, which, new, &id, e);
	if (got == 0 && l->ports->token.change(l->worker, &l->token, what, which, old, new, l->opt->last_try, e) != 0)
		got = seal_refused(&seal, id, e);
	if (got == 0)
		got = confirm(l, id, e);
	secret_free(&new);
	return got;
}

static int replace_puk(struct setup *s, struct err *e)
{
	struct secret *old = secret_new();
	int got = preset_value(s->l->profile, PROFILE_PUK, old, e);
	if (got == 0)
		got = replace_sealed(s, PROFILE_PUK, PROFILE_CHANGE_PUK, old, e);
	secret_free(&old);
	return got;
}

static int replace_others(struct setup *s, struct err *e)
{
	struct life_setup *result = s->result;
	const struct profile *p = s->l->profile;
	bool so_pin = is_due(s, PROFILE_SO_PIN, PROFILE_CHANGE_SO_PIN),
	     puk = is_due(s, PROFILE_PUK, PROFILE_CHANGE_PUK);
	result->factory_so_pin = !so_pin && !s->pad && profile_pin_is_factory(&p->pin[PROFILE_SO_PIN], s->so_pin);
	result->factory_puk = !puk && p->init.leaves_factory && p->pin[PROFILE_PUK].exists;
	if (so_pin && replace_sealed(s, PROFILE_SO_PIN, PROFILE_CHANGE_SO_PIN, s->so_pin, e) != 0)
		return -1;
	result->so_pin_sealed = so_pin;
	return puk ? replace_puk(s, e) : 0;
}

/* Said before anything is destroyed. */
static int load_if_due(struct setup *s, struct err *e)
{
	bool due = is_due(s, PROFILE_SO_PIN, PROFILE_CHANGE_SO_PIN) || is_due(s, PROFILE_PUK, PROFILE_CHANGE_PUK);
	return due ? load_recovery(s->l, e) : 0;
}

/* Some kinds want one even then: it is the factory's, unless somebody has changed it. */
static int first_so_pin(struct setup *s, const struct p11_pin_state *so_state, int64_t *ret_pending, struct err *e)
{
	if (!s->so_pin_current)
		return new_so_pin(s, e);
	return old_so_pin(s, so_state, ret_pending, e) != 0 ? -1 : load_if_due(s, e);
}

static int init_blank(struct setup *s, const struct p11_pin_state *so_state, struct err *e)
{
	struct life *l = s->l;
	const struct store_token before = l->id;
	struct worker_token made;
	int64_t pending = 0;
	char label[WORKER_LABEL_MAX + 1];
	life_label(l, label);
	if (new_pin(s, e) != 0 || first_so_pin(s, so_state, &pending, e) != 0 ||
	    life_audit(l, STORE_TOKEN_INIT, l->token.reader, e) != 0 || l->ui->show(l->ui->arg, e) != 0)
		return -1;
	if (l->ports->token.init(l->worker, &l->token, label, sent(s, s->so_pin), &made, e) != 0)
		return life_key_failed(l, PROFILE_SO_PIN, e);
	take(l, &made);
	if (l->ports->store.claim_token(l->store, &l->id, e) != 0 || so_pin_taken(s, &before, s->sealed, e) != 0 ||
	    confirm(l, pending, e) != 0 || set_first_pin(s, true, e) != 0)
		return -1;
	return s->so_pin_current ? replace_others(s, e) : 0;
}

static int after_reset(struct setup *s, int64_t pending, struct err *e)
{
	struct life *l = s->l;
	bool factory = l->profile->init.leaves_factory;
	if (life_end_credentials(l, end_one, l, e) != 0 || confirm(l, pending, e) != 0)
		return -1;
	take(l, &l->token);
	if (factory && l->ports->store.escrow_drop(l->store, &l->id, ESCROW_PUK, e) != 0)
		return -1;
	return (factory ? replace_pin(s, e) : set_first_pin(s, true, e)) != 0 ? -1 : replace_others(s, e);
}

static int init_used(struct setup *s, const struct p11_pin_state *pins, struct err *e)
{
	struct life *l = s->l;
	struct worker_token made;
	int64_t pending = 0;
	char label[WORKER_LABEL_MAX + 1];
	life_label(l, label);
	if (agree(s, pins, e) != 0 || old_so_pin(s, &pins[PROFILE_SO_PIN], &pending, e) != 0 || new_pin(s, e) != 0 ||
	    load_if_due(s, e) != 0 || life_audit(l, STORE_TOKEN_INIT, "again", e) != 0 ||
	    l->ui->show(l->ui->arg, e) != 0)
		return -1;
	if (l->ports->token.reset(l->worker, &l->token, label, sent(s, s->so_pin), &made, e) != 0)
		return life_key_failed(l, PROFILE_SO_PIN, e);
	l->token = made;
	return after_reset(s, pending, e);
}

static int begin(struct setup *s, const struct p11_pin_state *pins, struct err *e)
{
	if (check_way(s->l, e) != 0)
		return -1;
	return is_blank(s->l) ? init_blank(s, &pins[PROFILE_SO_PIN], e) : init_used(s, pins, e);
}

int life_init(struct life *l, struct life_setup *ret, struct err *e)
{
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	struct setup s = {.l = l, .result = ret, .so_pin = secret_new(), .pin = secret_new()};
	bool begun = false, ours = false;
	memset(ret, 0, sizeof *ret);
	int got = l->ports->token.pins(l->worker, &l->token, false, pins, e);
	if (got == 0 && pins[PROFILE_PIN].unset)
		l->token.flags &= ~(unsigned)WORKER_TOKEN_INITIALIZED;
	if (got == 0) {
		s.so_pin_current = preset_is_current(l->profile, is_blank(l), pins);
		got = is_begun(l, &begun, &ours, e);
	}
	s.pad = life_setup_on_pad(l);
	if (got == 0 && s.pad)
		life_pad_begin(l, PROFILE_SO_PIN, &pins[PROFILE_SO_PIN]);
	if (got == 0)
		got = begun ? go_on(&s, &pins[PROFILE_SO_PIN], ours, e) : begin(&s, pins, e);
	secret_free(&s.so_pin);
	secret_free(&s.pin);
	return got;
}
