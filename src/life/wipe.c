#include "core/xalloc.h"
#include "life/ended.h"
#include "life/life.h"
#include "life/objects.h"
#include "pkcs11/orphan.h"

#include <stdlib.h>
#include <string.h>

/* One wiping under way. */
struct wiping {
	struct life *l;
	struct life_wiped *result;
};

static int open_ca(struct wiping *w, struct err *e)
{
	struct life *l = w->l;
	if (life_ca_open(l, e) != 0)
		return -1;
	if (l->ca.has_key && life_ca_unlock(l, e) == 0)
		return 0;
	if (l->ca.has_key)
		return e->code != ERR_CA_PASSPHRASE_NEEDED
			   ? -1
			   : err_next(e, "what was on the token is revoked: give the passphrase with "
					 "--ca-pass-file FILE or --ca-pass-fd N, or add --no-revoke");
	err_set(e, ERR_CA_PKI, "what is on token %s cannot be revoked here: the CA's key is not on this machine",
		l->token.serial);
	return err_next(e, "have it revoked where the CA is, and add --no-revoke here");
}

/* The revocation stands; who has to publish the CRL by hand is told. */
static void publish(struct wiping *w, const char *user)
{
	struct err late = ERR_INIT;
	if (w->l->ports->ca.publish(w->l->signer, user, &late) == 0)
		return;
	w->l->ui->note(w->l->ui->arg, late.what);
	w->l->ui->note(w->l->ui->arg, err_advice(&late));
}

/* When and why, by the CA: it may have been revoked before. */
static int note_revoked(struct wiping *w, const struct store_credential *c, struct err *e)
{
	const struct life *l = w->l;
	struct ca_known *known = NULL;
	size_t n = 0;
	if (l->ports->ca.known(l->signer, NULL, c->cert_serial, &known, &n, e) != 0)
		return -1;
	time_t when = n > 0 ? known->when : time(NULL);
	const char *reason = n > 0 ? known->reason : "cessationOfOperation";
	int got = l->ports->store.revoked(l->store, c->cert_serial, c->user, when, reason, e);
	free(known);
	return got;
}

static int revoke(struct wiping *w, const struct store_credential *c, struct err *e)
{
	const struct life *l = w->l;
	bool already = false;
	if (l->ports->ca.revoke(l->signer, c->user, c->cert_serial, "cessationOfOperation", &already, e) != 0)
		return -1;
	struct life_wiped *r = w->result;
	r->revoked = xrealloc(r->revoked, r->n_revoked + 1, sizeof *r->revoked);
	memcpy(r->revoked[r->n_revoked++], c->cert_serial, CA_SERIAL_HEX_MAX);
	publish(w, c->user);
	return note_revoked(w, c, e);
}

/* How a credential ends whose token is emptied. */
static int end_one(void *arg, const struct store_credential *c, enum cred_state *ret, struct err *e)
{
	struct wiping *w = arg;
	if (w->l->opt->keep_certificates)
		return 0;
	*ret = CRED_STATE_COUNT;
	/* under a --replace that was broken off there is an older one */
	return open_ca(w, e) != 0 ? -1 : revoke(w, c, e);
}

/* With the SO PIN at hand all goes at once, also what nobody can see. */
static int by_reset(const struct life *l, const struct p11_pin_state *so, bool *ret, struct err *e)
{
	const struct profile *p = l->profile;
	bool sends = false;
	if (life_sends_factory(l, PROFILE_SO_PIN, so, &sends, e) != 0)
		return -1;
	/* nothing is guessed where the PIN is at hand */
	sends = sends && (so->factory == P11_FACTORY_YES || !l->opt->pin_given);
	bool known = (l->opt->so_pin_given || life_has_recovery(l) || sends) && !l->opt->keeps_pin;
	*ret = p->init.how == PROFILE_HOW_INIT_TOKEN && !p->init.once && (known || p->key.delete != PROFILE_USER);
	return 0;
}

static int reset(struct wiping *w, const struct p11_pin_state *so, struct secret *so_pin, struct err *e)
{
	struct life *l = w->l;
	struct worker_token made;
	int64_t pending = 0;
	char label[WORKER_LABEL_MAX + 1];
	bool pad = life_setup_on_pad(l);
	life_label(l, label);
	if (pad ? life_key_check(l, PROFILE_SO_PIN, so, e) != 0
		: life_key(l, PROFILE_SO_PIN, so, so_pin, &pending, e) != 0)
		return -1;
	if (life_audit(l, "token-wipe", "reset", e) != 0 || life_audit(l, STORE_TOKEN_INIT, "wiped", e) != 0)
		return -1;
	if (l->ports->token.reset(l->worker, &l->token, label, pad ? NULL : so_pin, &made, e) != 0)
		return life_key_failed(l, PROFILE_SO_PIN, e);
	l->token = made;
	w->result->reset = true;
	w->result->factory = l->profile->init.leaves_factory;
	if (!w->result->factory)
		return 0;
	/* a PIN is there again, one that everybody knows, and so is a PUK */
	return l->ports->store.escrow_drop(l->store, &l->id, ESCROW_PUK, e) != 0
		   ? -1
		   : life_audit(l, STORE_PIN_SET, "factory", e);
}

static int count_keys(struct wiping *w, size_t *ret, struct err *e)
{
	struct blob mark = BLOB_INIT;
	int got = w->l->ports->token.orphans_mark(w->l->worker, &mark, e);
	*ret = p11_orphans_count(&mark);
	blob_free(&mark);
	return got;
}

static void note_left(const struct life *l, size_t n)
{
	char text[300];
	snprintf(text, sizeof text,
		 "%zu key%s that %s not shown by the module %s still on token %s: only with its SO PIN all is "
		 "destroyed, run "
		 "the same command with --so-pin-file or --recovery-key",
		 n, n == 1 ? "" : "s", n == 1 ? "is" : "are", n == 1 ? "is" : "are", l->token.serial);
	l->ui->note(l->ui->arg, text);
}

/* Keys that the module does not show, because making them was cut off. */
static int delete_hidden(struct wiping *w, struct err *e)
{
	struct blob none = BLOB_INIT;
	size_t before = 0, after = 0;
	if (count_keys(w, &before, e) != 0)
		return -1;
	if (before == 0)
		return 0;
	p11_orphans_none(&none);
	int got = w->l->ports->token.orphans_delete(w->l->worker, &none, e);
	blob_free(&none);
	if (got != 0 || count_keys(w, &after, e) != 0)
		return -1;
	w->result->destroyed += before - after;
	if (after != 0)
		note_left(w->l, after);
	return 0;
}

static int delete_all(struct wiping *w, struct err *e)
{
	struct life *l = w->l;
	size_t n = 0;
	if (life_audit(l, "token-wipe", "objects deleted", e) != 0)
		return -1;
	return l->ports->token.delete_all(l->worker, &n, e) != 0 ? -1 : delete_hidden(w, e);
}

static int empty(struct wiping *w, const struct p11_pin_state *pins, bool resets, struct err *e)
{
	struct secret *so_pin = secret_new();
	int got = resets ? reset(w, &pins[PROFILE_SO_PIN], so_pin, e) : delete_all(w, e);
	secret_free(&so_pin);
	return got;
}

static int look(struct wiping *w, bool resets, const struct p11_pin_state *now, struct life_objects *ret, struct err *e)
{
	struct life *l = w->l;
	struct secret *pin = secret_new();
	int got = 0;
	/* who deletes one by one has to see them all */
	bool pad = life_pin_on_pad(l), logs_in = !resets || (l->opt->pin_given && !pad && !now->locked),
	     asks = logs_in && !pad;
	if (logs_in)
		got = life_pin_check(l, now, e);
	if (asks && got == 0)
		got = l->ui->secret(l->ui->arg, LIFE_PIN, &l->token, l->profile, NULL, pin, e);
	if (asks && got == 0)
		got = life_possible(l, PROFILE_PIN, pin, e);
	if (got == 0)
		got = life_objects_read(l, logs_in, pin, ret, e);
	secret_free(&pin);
	return got;
}

/* Before anything is asked or said to be lost. */
static int check_way(const struct life *l, bool resets, struct err *e)
{
	const struct profile *p = l->profile;
	if (resets || p->key.delete != PROFILE_NOBODY)
		return 0;
	err_set(e, ERR_UNSUPPORTED,
		"tokenroll cannot empty token %s: nothing on it is deleted through PKCS#11 (profile %s)",
		l->token.serial, p->id);
	if (p->init.how == PROFILE_HOW_TOOL)
		return err_next(e, "use %s for it; nothing was changed. `tokenroll revoke` revokes what is on it",
				p->init.tool);
	return err_next(e, "use its maker's tool; nothing was changed. `tokenroll revoke` revokes what is on it");
}

static int wipe(struct wiping *w, struct err *e)
{
	struct life *l = w->l;
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	struct life_objects o = {.n = 0};
	char what[400];
	bool certified = false;
	if (l->ports->token.pins(l->worker, &l->token, false, pins, e) != 0 ||
	    life_has_certificate(l, &certified, e) != 0)
		return -1;
	bool resets = false;
	if (by_reset(l, &pins[PROFILE_SO_PIN], &resets, e) != 0 || check_way(l, resets, e) != 0 ||
	    look(w, resets, &pins[PROFILE_PIN], &o, e) != 0)
		return -1;
	life_objects_text(l, &o, what, sizeof what);
	int got = l->ui->confirm(l->ui->arg, &l->token, what, e);
	if (got == 0 && certified && !l->opt->keep_certificates)
		got = open_ca(w, e);
	/* only then: with a wrong SO PIN the employee goes on working */
	if (got == 0)
		got = empty(w, pins, resets, e);
	if (got == 0)
		got = life_end_credentials(l, end_one, w, e);
	if (got == 0)
		w->result->destroyed += o.n_somebodys;
	w->result->unseen = !o.all_seen;
	life_objects_free(&o);
	return got;
}

int life_wipe_resets(struct life *l, bool *ret, struct err *e)
{
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	return l->ports->token.pins(l->worker, &l->token, false, pins, e) != 0
		   ? -1
		   : by_reset(l, &pins[PROFILE_SO_PIN], ret, e);
}

int life_wipe(struct life *l, struct life_wiped *ret, struct err *e)
{
	struct wiping w = {.l = l, .result = ret};
	memset(ret, 0, sizeof *ret);
	return wipe(&w, e);
}

void life_wiped_free(struct life_wiped *w)
{
	free(w->revoked);
	memset(w, 0, sizeof *w);
}
