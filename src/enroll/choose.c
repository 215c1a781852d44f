#include "core/xalloc.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What all modules together show, and why some of them show nothing. */
struct enroll_discovery {
	struct worker *lister; /* asks p11-kit for its modules; NULL once it has, or when a path is known */
	struct worker_module *modules;
	struct worker **workers; /* one each; NULL once it failed */
	size_t n_modules;
	struct enroll_candidate *list;
	size_t n;
	struct err first; /* the failure of the first module that failed */
	const char *first_failed;
	size_t n_failed;
};

static bool is_uri(const char *key)
{
	return key != NULL && strncmp(key, "pkcs11:", strlen("pkcs11:")) == 0;
}

struct worker_settings enroll_worker_settings(struct enroll_run *r)
{
	const struct config *cfg = r->cfg;
	const struct enroll_options *opt = r->opt;
	return (struct worker_settings){
	    .timeout_s = (int)cfg->token.timeout,
	    .verbose = opt->verbose,
	    .places = {{WORKER_PLACE_PKI, cfg->ca.pki},
		       {WORKER_PLACE_KEY, is_uri(cfg->ca.key) ? NULL : cfg->ca.key},
		       {WORKER_PLACE_STORE, cfg->store_path},
		       {WORKER_PLACE_BUNDLES, cfg->bundle.dir},
		       {WORKER_PLACE_SECRET, cfg->mail.password_file},
		       {WORKER_PLACE_SECRET, opt->pin_file},
		       {WORKER_PLACE_SECRET, opt->so_pin_file},
		       {WORKER_PLACE_SECRET, opt->ca_pass_file}},
	    .note = r->ui->note,
	    .note_arg = r->ui->arg,
	};
}

static const char *wanted_module(const struct enroll_run *r)
{
	return r->opt->module != NULL ? r->opt->module : r->cfg->token.module;
}

static int no_such_module(const char *name, struct err *e)
{
	if (name == NULL) {
		err_set(e, ERR_MODULE, "p11-kit knows no PKCS#11 module");
		return err_next(
		    e, "install the token's package (opensc-pkcs11, ykcs11, softhsm2 …) or set [token] module");
	}
	err_set(e, ERR_MODULE, "p11-kit knows no PKCS#11 module named '%s'", name);
	return err_next(e, "`p11-kit list-modules` shows the names; a path works, too");
}

/* p11-kit's files of the named module or of all of them. */
static int registered_modules(struct enroll_run *r, const char *name, struct enroll_discovery *d, struct err *e)
{
	struct worker_module *list = NULL;
	size_t n = 0;
	int ret = r->ports->token.modules_end(d->lister, &list, &n, e);
	r->ports->token.stop(&d->lister);
	if (ret != 0 && e->code == ERR_MODULE) {
		err_prefix(e, "while the modules that p11-kit knows were loaded");
		err_next(e,
			 "name the token's module with --module or [token] module; `p11-kit list-modules` shows them");
	}
	d->modules = xcalloc(n, sizeof *d->modules);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		if (name == NULL || strcmp(list[i].name, name) == 0)
			d->modules[d->n_modules++] = list[i];
	}
	free(list);
	if (ret != 0)
		return -1;
	return d->n_modules != 0 ? 0 : no_such_module(name, e);
}

static int the_module(const char *path, struct enroll_discovery *d, struct err *e)
{
	d->modules = xcalloc(1, sizeof *d->modules);
	if (strlen(path) >= sizeof d->modules->path)
		return err_set(e, ERR_CONFIG, "the path of the PKCS#11 module is too long");
	snprintf(d->modules->name, sizeof d->modules->name, "%s", strrchr(path, '/') + 1);
	snprintf(d->modules->path, sizeof d->modules->path, "%s", path);
	d->n_modules = 1;
	return 0;
}

static void module_failed(struct enroll_run *r, struct enroll_discovery *d, size_t i, const struct err *why)
{
	if (d->n_failed++ == 0) {
		d->first = *why;
		d->first_failed = d->modules[i].name;
	}
	r->ports->token.stop(&d->workers[i]);
	if (d->n_modules == 1)
		return;
	char text[1024];
	snprintf(text, sizeof text, "module %s is left out: %s%s%s%s", d->modules[i].name, why->what,
		 why->native[0] != '\0' ? " (" : "", why->native, why->native[0] != '\0' ? ")" : "");
	r->ui->note(r->ui->arg, text);
}

static void start_module(struct enroll_run *r, struct enroll_discovery *d, size_t i)
{
	struct worker_settings settings = enroll_worker_settings(r);
	struct err why = ERR_INIT;
	if (r->ports->token.start(&d->workers[i], &settings, &why) != 0 ||
	    r->ports->token.tokens_begin(d->workers[i], d->modules[i].path, &why) != 0)
		module_failed(r, d, i, &why);
}

static void list_module(struct enroll_run *r, struct enroll_discovery *d, size_t i)
{
	struct worker_token *tokens = NULL;
	size_t n = 0;
	struct err why = ERR_INIT;
	if (d->workers[i] == NULL)
		return;
	if (r->ports->token.tokens_end(d->workers[i], &tokens, &n, &why) != 0) {
		module_failed(r, d, i, &why);
		return;
	}
	d->list = xrealloc(d->list, d->n + n, sizeof *d->list);
	for (size_t k = 0; k < n; k++) {
		struct enroll_candidate *c = &d->list[d->n++];
		c->token = tokens[k];
		c->worker = d->workers[i];
		memcpy(c->module, d->modules[i].path, sizeof c->module);
	}
	free(tokens);
}

/* All modules are started before the first is waited for: a slow one costs its own time only. */
static void start_modules(struct enroll_run *r, struct enroll_discovery *d)
{
	d->workers = xcalloc(d->n_modules, sizeof(struct worker *));
	for (size_t i = 0; i < d->n_modules; i++)
		start_module(r, d, i);
}

int enroll_discover_begin(struct enroll_run *r, struct err *e)
{
	const char *want = wanted_module(r);
	struct worker_settings settings = enroll_worker_settings(r);
	struct enroll_discovery *d = r->discovery = xcalloc(1, sizeof *d);
	if (want == NULL || strchr(want, '/') == NULL)
		return r->ports->token.start(&d->lister, &settings, e) == 0
			   ? r->ports->token.modules_begin(d->lister, e)
			   : -1;
	if (the_module(want, d, e) != 0)
		return -1;
	start_modules(r, d);
	return 0;
}

static int discover_end(struct enroll_run *r, struct enroll_discovery *d, struct err *e)
{
	if (d->lister != NULL) {
		if (registered_modules(r, wanted_module(r), d, e) != 0)
			return -1;
		start_modules(r, d);
	}
	for (size_t i = 0; i < d->n_modules; i++)
		list_module(r, d, i);
	if (d->n_failed == d->n_modules) {
		*e = d->first;
		return -1;
	}
	return 0;
}

void enroll_discovery_free(struct enroll_run *r)
{
	struct enroll_discovery *d = r->discovery;
	if (d == NULL)
		return;
	for (size_t i = 0; d->workers != NULL && i < d->n_modules; i++) {
		if (d->workers[i] != r->worker)
			r->ports->token.stop(&d->workers[i]);
	}
	r->ports->token.stop(&d->lister);
	free(d->workers);
	free(d->modules);
	free(d->list);
	free(d);
	r->discovery = NULL;
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
	return (opt->serial == NULL || strcasecmp(t->serial, opt->serial) == 0) &&
	       (opt->reader == NULL || strcmp(t->reader, opt->reader) == 0);
}

static void select_named(const struct enroll_options *opt, struct enroll_discovery *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n; i++) {
		if (enroll_allows(opt, &d->list[i].token))
			d->list[kept++] = d->list[i];
	}
	d->n = kept;
}

void enroll_token_id(const struct worker_token *t, struct store_token *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret->manufacturer, t->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, t->model, sizeof ret->model);
	memcpy(ret->serial, t->serial, sizeof ret->serial);
	memcpy(ret->label, t->label, sizeof ret->label);
}

/* The only candidate of which the test says yes; NULL if there is none or more than one. */
typedef bool candidate_test(struct enroll_run *r, const struct enroll_candidate *c);

static const struct enroll_candidate *the_only(struct enroll_run *r, const struct enroll_discovery *d,
					       candidate_test *test)
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
	enroll_token_id(&c->token, &id);
	bool ok =
	    is_initialized(c) && r->ports->store.find(r->store, r->opt->user, &id, &found, &cred, NULL) == 0 && found;
	ok = ok || enroll_is_left_behind(r, &c->token);
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

static int unreadable(const struct enroll_candidate *c, struct err *e)
{
	err_set(e, ERR_TOKEN_FAILED, "the token in '%s' does not answer", c->token.reader);
	return err_next(e, "pull it out and put it in again, or take another token; nothing was changed");
}

/*
 * One token is taken by itself, and so is, among several, the one that this user's enrollment is on already.
 * Blank tokens do not count beside others, unless --init asks for one: SoftHSM always shows an empty slot.
 */
static int choose(struct enroll_run *r, const struct enroll_discovery *d, const struct enroll_candidate **ret,
		  struct err *e)
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
		if (r->ui->choose(r->ui->arg, d->list, d->n, &index, e) != 0)
			return -1;
		*ret = &d->list[index];
	}
	return is_unreadable(*ret) ? unreadable(*ret, e) : 0;
}

static int nothing_found(const struct enroll_run *r, const struct enroll_discovery *d, size_t n_all, struct err *e)
{
	if (n_all != 0 && r->opt->serial != NULL)
		err_set(e, ERR_NO_TOKEN, "no token with the serial number %s is plugged in", r->opt->serial);
	else if (n_all != 0)
		err_set(e, ERR_NO_TOKEN, "no token is in a reader named '%s'", r->opt->reader);
	else
		err_set(e, ERR_NO_TOKEN, "no token is plugged in");
	if (n_all != 0)
		return err_next(e, "put it in, or correct --serial or --reader; nothing was changed");
	if (d->n_failed != 0)
		return err_next(e, "put the token in; module %s could not be used: %s", d->first_failed, d->first.what);
	return -1;
}

void enroll_take_token(struct enroll_run *r, const struct worker_token *t)
{
	r->token = *t;
	enroll_token_id(t, &r->token_id);
	if (is_initialized_token(t))
		r->ui->chosen(r->ui->arg, t);
}

static void note_unknown(struct enroll_run *r, const struct enroll_candidate *c)
{
	char text[800];
	snprintf(text, sizeof text, "the card in '%s' is left out: %s does not know its kind", c->token.reader,
		 c->module);
	if (r->opt->verbose)
		r->ui->note(r->ui->arg, text);
}

static int only_unknown(const struct enroll_candidate *c, struct err *e)
{
	err_set(e, ERR_UNSUPPORTED, "the card in '%s' is of a kind that %s does not know", c->token.reader, c->module);
	return err_next(e, "put the token in, or name its maker's module with --module or [token] module");
}

/* A card of another kind in another reader, such as somebody's bank card, is no token that could be meant. */
static int leave_out_unknown(struct enroll_run *r, struct enroll_discovery *d, struct err *e)
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
	return kept != 0 || unknown.worker == NULL ? 0 : only_unknown(&unknown, e);
}

int enroll_choose_token(struct enroll_run *r, struct err *e)
{
	struct enroll_discovery *d = r->discovery;
	const struct enroll_candidate *c = NULL;
	if (discover_end(r, d, e) != 0)
		return -1;
	size_t n_all = d->n;
	select_named(r->opt, d);
	if (leave_out_unknown(r, d, e) != 0)
		return -1;
	if (d->n == 0)
		return nothing_found(r, d, n_all, e);
	if (choose(r, d, &c, e) != 0)
		return -1;
	const struct worker_token token = c->token;
	r->only_blank = the_only(r, d, is_blank) == c;
	r->worker = c->worker;
	memcpy(r->module, c->module, sizeof r->module);
	enroll_discovery_free(r);
	enroll_take_token(r, &token);
	return 0;
}
