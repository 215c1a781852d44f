#include "enroll/recover.h"
#include "enroll/run.h"
#include "enroll/same.h"
#include "enroll/why.h"

#include <stdlib.h>
#include <string.h>

struct worker_settings enroll_worker_settings(struct enroll_run *r)
{
	const struct config *cfg = r->cfg;
	struct worker_settings s = {
	    .timeout_s = (int)cfg->token.timeout,
	    .verbose = r->opt->verbose,
	    .note = r->ui->note,
	    .note_arg = r->ui->arg,
	};
	guard_hide_known(cfg, &s);
	return s;
}

int enroll_start_worker_for(struct enroll_run *r, const char *module, bool reads_only, struct worker **ret,
			    struct err *e)
{
	struct worker_settings settings = enroll_worker_settings(r);
	settings.reads_only = reads_only;
	guard_hide(&r->guard, module, &settings);
	if (r->ports->token.start(ret, &settings, e) != 0)
		return -1;
	bool in_reader = (r->token.flags & WORKER_TOKEN_IN_HARDWARE) != 0;
	r->ports->token.know(*ret, in_reader ? r->token.reader : NULL, r->profile);
	return 0;
}

int enroll_start_worker(struct enroll_run *r, bool reads_only, struct worker **ret, struct err *e)
{
	return enroll_start_worker_for(r, r->module, reads_only, ret, e);
}

int enroll_discover_begin(struct enroll_run *r, struct err *e)
{
	const struct enroll_options *opt = r->opt;
	const struct discover_request req = {
	    .port = &r->ports->token,
	    .settings = enroll_worker_settings(r),
	    .module = opt->module != NULL ? opt->module : r->cfg->token.module,
	    .module_given = opt->module != NULL,
	    .reader = opt->reader,
	    .ca = &r->cfg->ca,
	    .profiles = r->cfg->token.profiles,
	    .note = enroll_shared_note(r->ui),
	    .note_arg = r->ui->arg,
	};
	return discover_begin(&r->discovery, &req, e);
}

static bool is_initialized_token(const struct worker_token *t)
{
	return (t->flags & WORKER_TOKEN_INITIALIZED) != 0;
}

static bool is_initialized(const struct enroll_candidate *c)
{
	return is_initialized_token(&c->token);
}

bool enroll_allows(const struct enroll_options *opt, const struct worker_token *t)
{
	return same_is_called(t, opt->serial, opt->reader, opt->token_label);
}

/* What there is to choose from. */
struct choice {
	struct enroll_candidate *list;
	size_t n;
};

static void select_named(const struct enroll_options *opt, struct choice *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n; i++) {
		if (enroll_allows(opt, &d->list[i].token))
			d->list[kept++] = d->list[i];
	}
	d->n = recover_leave_out(opt->recovery_uri, d->list, kept);
}

/* The only candidate of which the test says yes; NULL if there is none or more than one. */
typedef bool candidate_test(struct enroll_run *r, const struct enroll_candidate *c);

static const struct enroll_candidate *the_only(struct enroll_run *r, const struct choice *d, candidate_test *test)
{
	const struct enroll_candidate *found = NULL;
	for (size_t i = 0; i < d->n; i++) {
		if (!test(r, &d->list[i]))
			continue;
		if (found != NULL)
			return NULL;
		found = &d->list[i];
	}
	return found;
}

static bool is_users(struct enroll_run *r, const struct enroll_candidate *c)
{
	struct store_credential cred = {.id = 0};
	struct store_token id;
	bool found = false;
	same_identify(&c->token, c->profile, &id);
	bool ok =
	    is_initialized(c) && r->ports->store.find(r->store, r->opt->user, &id, &found, &cred, NULL) == 0 && found;
	ok = ok || enroll_is_left_behind(r, c->profile, &c->token);
	store_credential_free(&cred);
	return ok;
}

static bool is_unreadable(const struct enroll_candidate *c)
{
	return (c->token.flags & WORKER_TOKEN_UNREADABLE) != 0;
}

/* One that cannot be read may be the one that is meant, so it counts both as ready and as blank. */
static bool is_ready(struct enroll_run *r, const struct enroll_candidate *c)
{
	(void)r;
	return is_initialized(c) || is_unreadable(c);
}

static bool is_blank(struct enroll_run *r, const struct enroll_candidate *c)
{
	(void)r;
	return !is_initialized(c);
}

static bool is_in_hardware(const struct enroll_candidate *c)
{
	return (c->token.flags & WORKER_TOKEN_IN_HARDWARE) != 0;
}

/* That a card is there is not why it cannot be read; that somebody else has it is. */
static int why_held(struct enroll_run *r, const struct enroll_candidate *c, struct err *e)
{
	struct err why = ERR_INIT;
	if (why_no_token(r->discovery, c->token.reader, &why) == 0 || why.code == ERR_UNSUPPORTED)
		return 0;
	*e = why;
	return -1;
}

static int unreadable(struct enroll_run *r, const struct enroll_candidate *c, struct err *e)
{
	if (discover_is_pulled(r->discovery, c->token.reader, READER_NOTICES_MS))
		return err_set(e, ERR_REMOVED, "the token was pulled out of '%s' while it was looked for",
			       c->token.reader);
	if (is_in_hardware(c) && why_held(r, c, e) != 0)
		return -1;
	err_set(e, ERR_TOKEN_FAILED, "the token in '%s' does not answer", c->token.reader);
	return err_next(e, "pull it out and put it in again, or take another token; nothing was changed");
}

/* Whose they are, for whoever is to choose. */
static void find_owners(struct enroll_run *r, const struct choice *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct enroll_candidate *c = &d->list[i];
		struct store_credential cred = {.id = 0};
		struct store_token id;
		bool found = false;
		same_identify(&c->token, c->profile, &id);
		/* who cannot be asked now is asked in earnest for the one that is chosen */
		if (is_initialized(c) && r->ports->store.find_by_token(r->store, &id, &found, &cred, NULL) == 0 &&
		    found) {
			memcpy(c->owner, cred.user, sizeof c->owner);
			c->not_after = cred.not_after;
		}
		store_credential_free(&cred);
	}
}

/*
 * One token is taken by itself, and so is, among several, the one that this user's enrollment is on already.
 * Blank tokens do not count beside others, unless --init asks for one: SoftHSM always shows an empty slot.
 */
static int choose(struct enroll_run *r, const struct choice *d, const struct enroll_candidate **ret, struct err *e)
{
	*ret = the_only(r, d, is_users);
	if (*ret == NULL && r->opt->init)
		*ret = the_only(r, d, is_blank);
	if (*ret == NULL)
		*ret = the_only(r, d, is_ready);
	size_t ready = 0;
	for (size_t i = 0; i < d->n; i++)
		ready += is_ready(r, &d->list[i]);
	if (*ret == NULL && ready == 0)
		*ret = the_only(r, d, is_blank);
	size_t index = 0;
	if (*ret == NULL) {
		find_owners(r, d);
		if (r->ui->choose(r->ui->arg, d->list, d->n, &index, e) != 0)
			return -1;
		*ret = &d->list[index];
	}
	return is_unreadable(*ret) ? unreadable(r, *ret, e) : 0;
}

static int only_hsm(const struct worker_token *hsm, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "the only token that is plugged in is the CA's HSM, \"%s\" (%s), and nobody gets that",
		hsm->label, hsm->serial);
	return err_next(e, "put the employee's token in, or correct [ca] key; nothing was changed");
}

static int nothing_found(const struct enroll_run *r, size_t n_all, struct err *e)
{
	const struct err *why;
	const struct worker_token *hsm = discover_hsm(r->discovery);
	if (hsm != NULL && n_all == 0 && enroll_allows(r->opt, hsm))
		return only_hsm(hsm, e);
	const char *failed = discover_failed(r->discovery, &why);
	bool named = n_all != 0 || r->opt->reader != NULL || r->opt->token_label != NULL;
	if (named && r->opt->serial != NULL)
		err_set(e, ERR_NO_TOKEN, "no token with the serial number %s is plugged in%s%s%s", r->opt->serial,
			r->opt->reader != NULL ? " in '" : "", r->opt->reader != NULL ? r->opt->reader : "",
			r->opt->reader != NULL ? "'" : "");
	else if (named && r->opt->reader != NULL)
		err_set(e, ERR_NO_TOKEN, "no token is in a reader named '%s'", r->opt->reader);
	else if (named && r->opt->token_label != NULL)
		err_set(e, ERR_NO_TOKEN, "no token with the label \"%s\" is plugged in", r->opt->token_label);
	else
		err_set(e, ERR_NO_TOKEN, "no token is plugged in");
	/* the readers may know better */
	if (failed == NULL && why_absent(r->discovery, r->opt->reader, n_all,
					 r->opt->serial != NULL || r->opt->token_label != NULL, e) != 0)
		return -1;
	if (named)
		return err_next(e, "put it in, or correct --serial, --reader or --token-label; nothing was changed");
	if (failed != NULL)
		return err_next(e, "put the token in; module %s could not be used: %s", failed, why->what);
	return -1;
}

void enroll_take_token(struct enroll_run *r, const struct worker_token *t)
{
	r->token = *t;
	same_identify(t, r->profile, &r->token_id);
	if (is_initialized_token(t))
		r->ui->chosen(r->ui->arg, t);
}

static void note_unknown(struct enroll_run *r, const struct enroll_candidate *c)
{
	char text[800];
	snprintf(text, sizeof text, "the card in '%s' is left out: %s does not know its kind", c->token.reader,
		 c->module.path);
	if (r->opt->verbose)
		r->ui->note(r->ui->arg, text);
}

static int only_unknown(struct enroll_run *r, const struct enroll_candidate *c, struct err *e)
{
	if (is_in_hardware(c) && why_no_token(r->discovery, c->token.reader, e) != 0)
		return -1;
	err_set(e, ERR_UNSUPPORTED, "the card in '%s' is of a kind that %s does not know", c->token.reader,
		c->module.path);
	return err_next(e, "put the token in, or name its maker's module with --module or [token] module");
}

/* A card of another kind in another reader, such as somebody's bank card, is no token that could be meant. */
static int leave_out_unknown(struct enroll_run *r, struct choice *d, struct err *e)
{
	size_t kept = 0;
	struct enroll_candidate unknown = {.worker = NULL};
	for (size_t i = 0; i < d->n; i++) {
		if ((d->list[i].token.flags & WORKER_TOKEN_UNKNOWN) == 0) {
			d->list[kept++] = d->list[i];
		} else {
			unknown = d->list[i];
			note_unknown(r, &unknown);
		}
	}
	d->n = kept;
	return kept != 0 || unknown.worker == NULL ? 0 : only_unknown(r, &unknown, e);
}

/* Some tokens are seen through more modules than can make keys on them. */
static int check_module(const struct enroll_candidate *c, struct err *e)
{
	const struct profile_list *names = &c->profile->module.enroll;
	if (!c->profile->module.required || discover_enrolls(c->profile, &c->module))
		return 0;
	err_set(e, ERR_UNSUPPORTED, "no keys can be made through %s on a token of this kind (%s)", c->module.path,
		c->profile->name);
	return err_next(e, "install %s, or name its path with --module or [token] module; nothing was changed",
			names->v[0]);
}

int enroll_choose_token(struct enroll_run *r, struct err *e)
{
	struct choice d = {NULL, 0};
	const struct enroll_candidate *c = NULL;
	if (discover_end(r->discovery, &d.list, &d.n, e) != 0)
		return -1;
	for (size_t i = 0; i < d.n; i++)
		enroll_apply_journal(r, d.list[i].profile, &d.list[i].token);
	size_t n_all = d.n;
	select_named(r->opt, &d);
	if (leave_out_unknown(r, &d, e) != 0)
		return -1;
	if (d.n == 0)
		return nothing_found(r, n_all, e);
	if (choose(r, &d, &c, e) != 0 || check_module(c, e) != 0)
		return -1;
	r->only_blank = the_only(r, &d, is_blank) == c;
	struct enroll_candidate *chosen = &d.list[c - d.list];
	if (discover_take(r->discovery, chosen, &r->worker, e) != 0)
		return -1;
	memcpy(r->module, chosen->module.path, sizeof r->module);
	r->profile = chosen->profile;
	enroll_take_token(r, &chosen->token);
	return 0;
}
