#include "core/xalloc.h"
#include "enroll/guard.h"
#include "enroll/same.h"
#include "enroll/why.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_LABEL "VPN token"

struct worker_settings life_settings(const struct life *l)
{
	const struct config *cfg = l->cfg;
	struct worker_settings s = {.timeout_s = (int)cfg->token.timeout,
				    .verbose = l->opt->verbose,
				    .note = l->ui->note,
				    .note_arg = l->ui->arg};
	guard_hide_known(cfg, &s);
	return s;
}

int life_start(struct life *l, struct err *e)
{
	const struct discover_request req = {
	    .port = &l->ports->token,
	    .settings = life_settings(l),
	    .module = l->opt->module != NULL ? l->opt->module : l->cfg->token.module,
	    .module_given = l->opt->module != NULL,
	    .reader = l->opt->reader,
	    .profiles = l->cfg->token.profiles,
	    .ca = &l->cfg->ca,
	    .note = l->ui->note,
	    .note_arg = l->ui->arg,
	};
	if (l->ports->store.open(&l->store, l->cfg, e) != 0)
		return -1;
	return discover_begin(&l->discovery, &req, e);
}

/* The token that this user's credential is on. */
static int find_users(struct life *l, struct store_token *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	if (l->ports->store.find_user(l->store, l->opt->user, &found, &c, e) != 0)
		return -1;
	*ret = c.token;
	store_credential_free(&c);
	if (found)
		return 0;
	err_set(e, ERR_NO_TOKEN, "%s has no token", l->opt->user);
	return err_next(e, "name the token with --serial, or enroll it first: tokenroll %s", l->opt->user);
}

static bool is_meant(const struct life *l, const struct store_token *users, const struct enroll_candidate *c)
{
	return (users == NULL || same_is(&c->token, c->profile, users)) &&
	       same_is_called(&c->token, l->opt->serial, l->opt->reader, l->opt->token_label);
}

static bool is_usable(const struct worker_token *t, bool blank_too)
{
	unsigned odd = WORKER_TOKEN_UNREADABLE | WORKER_TOKEN_UNKNOWN;
	return (t->flags & odd) == 0 && (blank_too || (t->flags & WORKER_TOKEN_INITIALIZED) != 0);
}

static int nothing_found(const struct life *l, const struct store_token *users, size_t n_all, struct err *e)
{
	const struct err *why;
	const char *failed = discover_failed(l->discovery, &why);
	if (users != NULL)
		err_set(e, ERR_NO_TOKEN, "the token of %s, %s, is not plugged in", l->opt->user, users->serial);
	else if (l->opt->serial != NULL)
		err_set(e, ERR_NO_TOKEN, "no token with the serial number %s is plugged in", l->opt->serial);
	else if (l->opt->reader != NULL)
		err_set(e, ERR_NO_TOKEN, "no token is in a reader named '%s'", l->opt->reader);
	else if (l->opt->token_label != NULL)
		err_set(e, ERR_NO_TOKEN, "no token with the label \"%s\" is plugged in", l->opt->token_label);
	else
		err_set(e, ERR_NO_TOKEN, "no token is plugged in");
	if (failed == NULL &&
	    why_absent(l->discovery, l->opt->reader, n_all,
		       users != NULL || l->opt->serial != NULL || l->opt->token_label != NULL, e) != 0)
		return -1;
	if (failed != NULL)
		return err_next(e, "put it in; module %s could not be used: %s", failed, why->what);
	return err_next(e, "put it in; `tokenroll tokens` shows what is there");
}

/* NULL if none was meant, or too many were. */
static struct enroll_candidate *select_token(struct life *l, bool blank_too, struct err *e)
{
	struct store_token users;
	struct enroll_candidate *list = NULL;
	size_t n = 0, kept = 0, index = 0;
	if (l->opt->user != NULL && find_users(l, &users, e) != 0)
		return NULL;
	const struct store_token *wanted = l->opt->user != NULL ? &users : NULL;
	if (discover_end(l->discovery, &list, &n, e) != 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (is_usable(&list[i].token, blank_too) && is_meant(l, wanted, &list[i]))
			list[kept++] = list[i];
	}
	kept = recover_leave_out(l->opt->recovery_uri, list, kept);
	if (kept == 0) {
		nothing_found(l, wanted, n, e);
		return NULL;
	}
	if (kept > 1 && l->ui->choose(l->ui->arg, list, kept, &index, e) != 0)
		return NULL;
	return &list[index];
}

static int find_owner(struct life *l, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	int ret = l->ports->store.find_by_token(l->store, &l->id, &found, &c, e);
	if (ret == 0 && found)
		memcpy(l->owner, c.user, sizeof l->owner);
	store_credential_free(&c);
	return ret;
}

int life_open(struct life *l, bool blank_too, struct err *e)
{
	struct enroll_candidate *c = life_start(l, e) == 0 ? select_token(l, blank_too, e) : NULL;
	if (c == NULL || discover_take(l->discovery, c, &l->worker, e) != 0)
		return -1;
	l->token = c->token;
	l->profile = c->profile;
	same_identify(&l->token, l->profile, &l->id);
	/* two tokenrolls never work on one token */
	if (l->token.serial[0] != '\0' && l->ports->store.claim_token(l->store, &l->id, e) != 0)
		return -1;
	return find_owner(l, e);
}

void life_close(struct life *l)
{
	l->ports->ca.dismiss(l->signer);
	l->ports->token.stop(&l->worker);
	discover_free(&l->discovery);
	recipients_free(&l->recovery);
	l->ports->store.close(&l->store);
	l->ports->ca.stop(&l->signer);
	ca_info_free(&l->ca);
	l->unlocked = false;
}

int life_audit(struct life *l, const char *action, const char *detail, struct err *e)
{
	return l->ports->store.audit(l->store, action, l->owner, l->token.serial, detail, e);
}

struct profile_limits life_limits(const struct life *l, enum profile_secret which)
{
	struct profile_limits limits;
	profile_limits_of(&limits, l->profile, which, l->token.pin_min, l->token.pin_max);
	return limits;
}

int life_possible(const struct life *l, enum profile_secret which, const struct secret *s, struct err *e)
{
	return profile_pin_possible(l->profile, which, l->token.pin_min, l->token.pin_max, s, e);
}

/* "alice (UserPIN)" */
static void cut_suffix(char *label, const char *suffix)
{
	size_t n = strlen(label), len = suffix != NULL ? strlen(suffix) + 1 : 0;
	if (len != 0 && n > len && label[n - len] == ' ' && strcmp(label + n - len + 1, suffix) == 0)
		label[n - len] = '\0';
}

void life_label(const struct life *l, char ret[WORKER_LABEL_MAX + 1])
{
	bool blank = (l->token.flags & WORKER_TOKEN_INITIALIZED) == 0;
	const char *label = l->opt->label != NULL ? l->opt->label : blank ? "" : l->token.label;
	snprintf(ret, WORKER_LABEL_MAX + 1, "%s", label[0] != '\0' ? label : DEFAULT_LABEL);
	if (l->opt->label == NULL)
		cut_suffix(ret, l->profile->init.label_suffix);
}
