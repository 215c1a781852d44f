#include "core/xalloc.h"
#include "enroll/cards.h"
#include "enroll/discover_impl.h"
#include "enroll/guard.h"
#include "enroll/why.h"
#include "pkcs11/opensc.h"

#include <stdlib.h>
#include <string.h>

void discover_add_source(struct discovery *d, const struct worker_module *m, const char *reader)
{
	struct source *s = xcalloc(1, sizeof *s);
	s->module = *m;
	s->reader = xstrdup(reader != NULL ? reader : "");
	d->sources = xrealloc(d->sources, d->n_sources + 1, sizeof(struct source *));
	d->sources[d->n_sources++] = s;
}

/* p11-kit's files of the named module or of all of them. */
static int registered_modules(struct discovery *d, struct err *e)
{
	struct worker_module *list = NULL;
	size_t n = 0;
	int ret = d->req.port->modules_end(d->lister, &list, &n, e);
	d->req.port->stop(&d->lister);
	if (ret != 0 && e->code == ERR_MODULE) {
		err_prefix(e, "while the modules that p11-kit knows were loaded");
		err_next(e,
			 "name the token's module with --module or [token] module; `p11-kit list-modules` shows them");
	}
	for (size_t i = 0; ret == 0 && i < n; i++) {
		if (d->req.module == NULL || strcmp(list[i].name, d->req.module) == 0)
			discover_add_source(d, &list[i], d->req.reader);
	}
	free(list);
	if (ret != 0)
		return -1;
	return d->n_sources != 0 ? 0 : why_no_module(&d->guard, d->req.module, e);
}

int discover_name_module(struct worker_module *ret, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	if (strlen(path) >= sizeof ret->path)
		return err_set(e, ERR_CONFIG, "the path of the PKCS#11 module is too long");
	snprintf(ret->name, sizeof ret->name, "%s", slash != NULL ? slash + 1 : path);
	snprintf(ret->path, sizeof ret->path, "%s", path);
	return 0;
}

static void module_failed(struct discovery *d, struct source *s, const struct err *why)
{
	s->why = *why;
	if (d->n_failed++ == 0) {
		d->first = *why;
		d->first_failed = s->module.name;
	}
	d->req.port->stop(&s->worker);
	if (d->n_sources == 1)
		return;
	char text[1024];
	snprintf(text, sizeof text, "module %s is left out: %s%s%s%s", s->module.name, why->what,
		 why->native[0] != '\0' ? " (" : "", why->native, why->native[0] != '\0' ? ")" : "");
	d->req.note(d->req.note_arg, text);
}

static void read_readers(struct discovery *d)
{
	if (!d->readers_read && reader_list(&d->readers, &d->n_readers, &d->no_readers) != 0)
		d->n_readers = 0;
	d->readers_read = true;
}

static int start_worker(struct discovery *d, struct worker **ret, const struct worker_module *m, const char *reader,
			const struct profile *profile, struct err *e)
{
	struct worker_settings settings = d->req.settings;
	const char *module = m->path;
	if (opensc_is_module(m->path))
		read_readers(d);
	char *cards = cards_describe(d->readers, d->n_readers, d->profiles, m, d->req.module_given, reader);
	settings.cards = cards;
	guard_hide(&d->guard, module, &settings);
	int got = d->req.port->start(ret, &settings, e);
	free(cards);
	if (got != 0)
		return -1;
	d->req.port->know(*ret, reader, profile);
	return d->req.port->tokens_begin(*ret, module, e);
}

void discover_start_source(struct discovery *d, struct source *s)
{
	struct err why = ERR_INIT;
	if (start_worker(d, &s->worker, &s->module, s->reader, NULL, &why) != 0)
		module_failed(d, s, &why);
}

/* OpenSC gets a process for each reader with a card whose name, cut to a slot's description, is another one's, too. */
static void add_ambiguous(struct discovery *d, const struct source *s)
{
	if (!opensc_is_module(s->module.path) || s->reader[0] != '\0')
		return;
	read_readers(d);
	for (size_t i = 0; i < d->n_readers; i++) {
		if (d->readers[i].present && reader_is_ambiguous(d->readers, d->n_readers, &d->readers[i]))
			discover_add_source(d, &s->module, d->readers[i].name);
	}
}

/* All modules are started before the first is waited for: a slow one costs its own time only. */
static void start_sources(struct discovery *d)
{
	for (size_t i = 0, n = d->n_sources; i < n; i++)
		add_ambiguous(d, d->sources[i]);
	for (size_t i = 0; i < d->n_sources; i++)
		discover_start_source(d, d->sources[i]);
}

int discover_begin(struct discovery **ret, const struct discover_request *req, struct err *e)
{
	struct discovery *d = *ret = xcalloc(1, sizeof *d);
	struct worker_module one = {.name = ""};
	d->req = *req;
	guard_init(&d->guard, req->ca);
	if (profiles_load_usual(&d->profiles, req->profiles, e) != 0)
		return -1;
	if (req->module == NULL || strchr(req->module, '/') == NULL) {
		struct worker_settings settings = req->settings;
		guard_hide(&d->guard, NULL, &settings);
		if (req->port->start(&d->lister, &settings, e) != 0 || req->port->modules_begin(d->lister, e) != 0)
			return -1;
	} else {
		if (discover_name_module(&one, req->module, e) != 0)
			return -1;
		discover_add_source(d, &one, req->reader);
		start_sources(d);
	}
	return 0;
}

/* ---- what is there */

static const struct profile *profile_of(struct discovery *d, const struct worker_token *t, const char *module)
{
	struct profile_token facts = {.fact = {[PROFILE_MANUFACTURER] = t->manufacturer,
					       [PROFILE_MODEL] = t->model,
					       [PROFILE_LABEL] = t->label,
					       [PROFILE_SERIAL] = t->serial,
					       [PROFILE_READER] = t->reader,
					       [PROFILE_MODULE] = module}};
	const struct reader *r = reader_find(d->readers, d->n_readers, t->reader);
	if (r != NULL)
		facts.fact[PROFILE_ATR] = r->atr;
	return profiles_match(d->profiles, &facts);
}

/* Nobody is enrolled on the CA's HSM, nor is it wiped. */
static bool is_cas(struct discovery *d, const struct worker_token *t, const char *module)
{
	if (!guard_is_hsm(&d->guard, t, module))
		return false;
	d->hsm = *t;
	d->has_hsm = true;
	return true;
}

void discover_list_source(struct discovery *d, struct source *s)
{
	struct worker_token *tokens = NULL;
	size_t n = 0;
	struct err why = ERR_INIT;
	if (s->worker == NULL)
		return;
	if (d->req.port->tokens_end(s->worker, &tokens, &n, &why) != 0) {
		module_failed(d, s, &why);
		return;
	}
	d->list = xrealloc(d->list, d->n + n, sizeof *d->list);
	for (size_t k = 0; k < n; k++) {
		struct enroll_candidate *c = &d->list[d->n];
		*c = (struct enroll_candidate){.token = tokens[k], .worker = s->worker, .module = s->module};
		c->profile = profile_of(d, &c->token, c->module.path);
		if (c->profile->serial_none != NULL && strcmp(c->token.serial, c->profile->serial_none) == 0)
			c->token.flags = (c->token.flags & WORKER_TOKEN_IN_HARDWARE) | WORKER_TOKEN_UNREADABLE;
		d->n +=
		    !profile_hides(c->profile, c->token.label, c->token.model) && !is_cas(d, &c->token, c->module.path);
	}
	s->shown = n;
	free(tokens);
}

/* PC/SC is asked only where a token may be in one of its readers: not for one in software. */
static bool concerns_readers(const struct discovery *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if ((d->list[i].token.flags & WORKER_TOKEN_IN_HARDWARE) != 0)
			return true;
	}
	return d->req.module == NULL || d->n == 0;
}

static void list_all(struct discovery *d)
{
	for (size_t i = 0; i < d->n_sources; i++)
		discover_list_source(d, d->sources[i]);
	if (!concerns_readers(d))
		return;
	read_readers(d);
	/* now with what PC/SC knows of the cards */
	for (size_t i = 0; i < d->n; i++)
		d->list[i].profile = profile_of(d, &d->list[i].token, d->list[i].module.path);
	discover_start_fitting(d);
	discover_merge(d);
}

static void mark_alone(struct discovery *d)
{
	for (size_t i = 0; i < d->n; i++) {
		d->list[i].alone = false;
		for (size_t k = 0; k < d->n_sources; k++) {
			if (d->sources[k]->worker == d->list[i].worker)
				d->list[i].alone = d->sources[k]->shown == 1;
		}
	}
}

int discover_end(struct discovery *d, struct enroll_candidate **ret_list, size_t *ret_n, struct err *e)
{
	if (d->lister != NULL) {
		if (registered_modules(d, e) != 0)
			return -1;
		start_sources(d);
	}
	size_t asked = d->n_sources;
	list_all(d);
	mark_alone(d);
	if (d->n == 0 && d->n_failed == d->n_sources && asked != 0) {
		*e = d->first;
		return -1;
	}
	*ret_list = d->list;
	*ret_n = d->n;
	return 0;
}

const struct reader *discover_readers(struct discovery *d, size_t *ret_n, const struct err **ret_why)
{
	read_readers(d);
	*ret_n = d->n_readers;
	*ret_why = d->no_readers.code != ERR_NONE ? &d->no_readers : NULL;
	return d->readers;
}

bool discover_is_pulled(struct discovery *d, const char *reader, unsigned ms)
{
	return discover_is_smart_card(d, reader) && reader_is_empty(reader, ms);
}

const struct worker_token *discover_hsm(const struct discovery *d)
{
	return d->has_hsm ? &d->hsm : NULL;
}

const struct profiles *discover_profiles(const struct discovery *d)
{
	return d->profiles;
}

const char *discover_failed(const struct discovery *d, const struct err **ret_why)
{
	*ret_why = &d->first;
	return d->first_failed;
}

bool discover_module_at(const struct discovery *d, size_t i, struct discover_module *ret)
{
	if (i >= d->n_sources)
		return false;
	const struct source *s = d->sources[i];
	*ret = (struct discover_module){&s->module, s->reader, s->why.code != ERR_NONE ? &s->why : NULL, s->shown};
	return true;
}

bool discover_asked_readers(const struct discovery *d)
{
	return d->readers_read;
}

/* ---- the one that is meant */

static bool wants_settings(const struct profile *p)
{
	return p->module.opensc_pkcs11.n != 0 || p->module.opensc_pkcs15.n != 0;
}

/* The same token in a worker's new list. */
static int find_again(struct discovery *d, struct worker *w, struct enroll_candidate *c, struct err *e)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	if (d->req.port->tokens_end(w, &list, &n, e) != 0)
		return -1;
	int ret = err_set(e, ERR_REMOVED, "the token in '%s' is no longer plugged in", c->token.reader);
	for (size_t i = 0; i < n && ret != 0; i++) {
		bool same = worker_same_token(&list[i], &c->token) && strcmp(list[i].label, c->token.label) == 0 &&
			    strcmp(list[i].reader, c->token.reader) == 0;
		if (same) {
			c->token = list[i];
			ret = 0;
		}
	}
	free(list);
	return ret;
}

static void stop_all(struct discovery *d)
{
	for (size_t i = 0; i < d->n_sources; i++)
		d->req.port->stop(&d->sources[i]->worker);
}

int discover_take(struct discovery *d, struct enroll_candidate *c, struct worker **ret, struct err *e)
{
	bool in_reader = discover_is_smart_card(d, c->token.reader);
	bool fresh = in_reader && (!c->alone || wants_settings(c->profile));
	for (size_t i = 0; i < d->n_sources && !fresh; i++) {
		if (d->sources[i]->worker == c->worker) {
			*ret = d->sources[i]->worker;
			d->sources[i]->worker = NULL;
		}
	}
	/* some modules hold a token for their process alone */
	stop_all(d);
	if (fresh &&
	    (start_worker(d, ret, &c->module, c->token.reader, c->profile, e) != 0 || find_again(d, *ret, c, e) != 0))
		return -1;
	d->req.port->know(*ret, in_reader ? c->token.reader : NULL, c->profile);
	return 0;
}

void discover_free(struct discovery **discovery)
{
	if (discovery == NULL || *discovery == NULL)
		return;
	struct discovery *d = *discovery;
	stop_all(d);
	if (d->lister != NULL)
		d->req.port->stop(&d->lister);
	for (size_t i = 0; i < d->n_sources; i++) {
		free(d->sources[i]->reader);
		free(d->sources[i]);
	}
	free(d->sources);
	free(d->readers);
	profiles_free(&d->profiles);
	guard_free(&d->guard);
	free(d->list);
	free(d);
	*discovery = NULL;
}
