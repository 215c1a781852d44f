/*
 * doctor_tokens: readers, modules, and the tokens that these show.
 *
 * Without a configuration no module is loaded: nobody knows then what it has
 * to be kept from.
 */
#include "life/doctor_impl.h"

#include "enroll/guard.h"
#include "enroll/why.h"
#include "life/life.h"
#include "pkcs11/registry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tokens {
	struct doctor_run *r;
	struct discover_request req;
	struct discovery *d; /* NULL: it could not begin */
	struct enroll_candidate *list;
	size_t n;
	struct err why; /* no module could be used; ERR_NONE */
	bool concerned; /* a token may be in a reader */
};

/* What modules say meanwhile is told of each of them in the end. */
static void hear_note(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* As each command has them, but that nothing is made beside the database. */
static struct worker_settings settings_of(const struct doctor_run *r)
{
	const struct life_options opt = {.verbose = r->req->verbose};
	const struct life_ui ui = {.note = hear_note};
	const struct life l = {.cfg = r->cfg, .opt = &opt, .ui = &ui};
	struct worker_settings s = life_settings(&l);
	for (size_t i = 0; i < HIDDEN_PLACES_MAX; i++) {
		if (s.places[i].kind == HIDDEN_STORE && s.places[i].path != NULL)
			s.places[i].kind = HIDDEN_UNUSED;
	}
	return s;
}

static void discover(struct tokens *t)
{
	const struct config *cfg = t->r->cfg;
	const char *given = t->r->req->module;
	t->req = (struct discover_request){
	    .port = &enroll_ports_real.token,
	    .settings = settings_of(t->r),
	    .module = given != NULL ? given : cfg->token.module,
	    .module_given = given != NULL,
	    .ca = &cfg->ca,
	    .profiles = cfg->token.profiles,
	    .note = hear_note,
	};
	if (discover_begin(&t->d, &t->req, &t->why) == 0)
		(void)discover_end(t->d, &t->list, &t->n, &t->why);
	t->concerned = t->why.code != ERR_NONE || discover_asked_readers(t->d);
}

/* ---- readers */

static bool is_known(const struct enroll_candidate *c)
{
	return (c->token.flags & (WORKER_TOKEN_UNKNOWN | WORKER_TOKEN_UNREADABLE)) == 0;
}

static bool is_seen(const struct tokens *t, const struct reader *r)
{
	for (size_t i = 0; i < t->n; i++) {
		if (is_known(&t->list[i]) && strcmp(t->list[i].token.reader, r->name) == 0)
			return true;
	}
	return false;
}

static bool has_usable(const struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (is_known(&t->list[i]) && (t->list[i].token.flags & WORKER_TOKEN_INITIALIZED) != 0)
			return true;
	}
	return false;
}

/* Beside a token that is seen it may be a card that nobody wants to enroll. */
static void say_card_trouble(struct tokens *t, const struct reader *r, const struct err *e)
{
	doctor_trouble(t->r, DOCTOR_READERS, has_usable(t) ? DOCTOR_NOTE : DOCTOR_WRONG, r->name, e);
}

/* Why no module shows the card in it, as far as that can be told. */
static int why_unseen(struct tokens *t, const struct reader *r, struct err *e)
{
	const struct err *trouble = t->d != NULL ? discover_trouble(t->d, r->name) : NULL;
	if (why_no_card(r, e) != 0)
		return -1;
	if (trouble != NULL) {
		*e = *trouble;
		return -1;
	}
	/* modules that were not asked, or all failed, say nothing of a card */
	return t->d != NULL && t->why.code == ERR_NONE ? why_no_token(t->d, r->name, e) : 0;
}

static void look_at_reader(struct tokens *t, const struct reader *r)
{
	struct err e = ERR_INIT;
	if (!r->present)
		doctor_say(t->r, DOCTOR_READERS, DOCTOR_OK, r->name, "empty");
	else if (is_seen(t, r))
		doctor_say(t->r, DOCTOR_READERS, DOCTOR_OK, r->name, "a card that a module knows, ATR %s", r->atr);
	else if (why_unseen(t, r, &e) != 0)
		say_card_trouble(t, r, &e);
	else
		doctor_say(t->r, DOCTOR_READERS, DOCTOR_OK, r->name, "a card that no module was asked about, ATR %s",
			   r->atr);
}

static void say_readers(struct tokens *t, const struct reader *list, size_t n, const struct err *none)
{
	if (none != NULL) {
		doctor_trouble(t->r, DOCTOR_READERS, t->concerned ? DOCTOR_WRONG : DOCTOR_NOTE, "pcscd", none);
		return;
	}
	doctor_say(t->r, DOCTOR_READERS, DOCTOR_OK, "pcscd", "it answers, and has %zu reader%s", n, n == 1 ? "" : "s");
	for (size_t i = 0; i < n; i++)
		look_at_reader(t, &list[i]);
}

static void look_at_readers(struct tokens *t)
{
	size_t n = 0;
	const struct err *none = NULL;
	struct err why = ERR_INIT;
	if (t->d != NULL) {
		const struct reader *list = discover_readers(t->d, &n, &none);
		say_readers(t, list, n, none);
		return;
	}
	struct reader *own = NULL;
	int got = reader_list(&own, &n, &why);
	say_readers(t, own, n, got != 0 ? &why : NULL);
	free(own);
}

/* ---- modules */

/* Whether it is the one that somebody has named, who wants to have that one. */
static bool is_named(const struct tokens *t, const struct worker_module *m)
{
	const char *name = t->req.module;
	return name != NULL && (strcmp(name, m->name) == 0 || strcmp(name, m->path) == 0);
}

static void say_module(struct tokens *t, const struct worker_module *m, const struct err *why)
{
	bool needed = t->why.code != ERR_NONE || is_named(t, m);
	doctor_trouble(t->r, DOCTOR_MODULES, needed ? DOCTOR_WRONG : DOCTOR_NOTE, m->name, why);
}

/* Returns how many there were. */
static size_t say_asked(struct tokens *t)
{
	struct discover_module m;
	size_t i = 0;
	for (; t->d != NULL && discover_module_at(t->d, i, &m); i++) {
		if (m.why != NULL)
			say_module(t, m.module, m.why);
		else
			doctor_say(t->r, DOCTOR_MODULES, DOCTOR_OK, m.module->name, "%s%s%s: %zu token%s",
				   m.module->path, m.reader[0] != '\0' ? ", for " : "", m.reader, m.shown,
				   m.shown == 1 ? "" : "s");
	}
	return i;
}

static bool was_asked(const struct tokens *t, const char *name)
{
	struct discover_module m;
	for (size_t i = 0; t->d != NULL && discover_module_at(t->d, i, &m); i++) {
		if (strcmp(m.module->name, name) == 0)
			return true;
	}
	return false;
}

/* Loads it in a process of its own. 0 if that works: then p11-kit has other reasons. */
static int try_module(const struct tokens *t, const struct guard *g, const char *path, struct err *e)
{
	struct worker_settings settings = t->req.settings;
	struct worker *w = NULL;
	struct worker_token *list = NULL;
	size_t n = 0;
	guard_hide(g, path, &settings);
	int ret = t->req.port->start(&w, &settings, e) == 0 && t->req.port->tokens_begin(w, path, e) == 0
		      ? t->req.port->tokens_end(w, &list, &n, e)
		      : -1;
	t->req.port->stop(&w);
	free(list);
	return ret;
}

static void look_at_unlisted(struct tokens *t, const struct guard *g, const struct p11_module_name *registered)
{
	struct worker_module m = {.name = ""};
	struct err why = ERR_INIT;
	snprintf(m.name, sizeof m.name, "%s", registered->name);
	snprintf(m.path, sizeof m.path, "%s", registered->path);
	if (guard_is_module(g, m.path))
		return;
	if (try_module(t, g, m.path, &why) != 0) {
		say_module(t, &m, &why);
		return;
	}
	doctor_say(t->r, DOCTOR_MODULES, DOCTOR_NOTE, m.name,
		   "%s: it is registered with p11-kit and can be loaded, but p11-kit leaves it out", m.path);
	doctor_next(t->r, "`p11-kit list-modules` shows those that it takes; name it with --module or [token] module");
}

/* p11-kit leaves those out that it cannot load, and says nothing. */
static void look_at_registered(struct tokens *t)
{
	struct p11_module_name *list = NULL;
	struct guard g;
	size_t n = 0;
	if (t->req.module != NULL && strchr(t->req.module, '/') != NULL)
		return;
	guard_init(&g, t->req.ca);
	p11_registry_read(&list, &n);
	for (size_t i = 0; i < n; i++) {
		bool wanted = t->req.module == NULL || strcmp(t->req.module, list[i].name) == 0;
		if (wanted && !was_asked(t, list[i].name))
			look_at_unlisted(t, &g, &list[i]);
	}
	free(list);
	guard_free(&g);
}

/* Their files alone. */
static void say_registered(struct doctor_run *r)
{
	struct p11_module_name *list = NULL;
	size_t n = 0;
	p11_registry_read(&list, &n);
	doctor_say(r, DOCTOR_MODULES, DOCTOR_NOTE, "modules",
		   "none was loaded: what it has to be kept from is in the configuration");
	for (size_t i = 0; i < n; i++) {
		bool there = access(list[i].path, R_OK) == 0;
		doctor_say(r, DOCTOR_MODULES, there ? DOCTOR_OK : DOCTOR_NOTE, list[i].name, "%s: %s", list[i].path,
			   there ? "registered with p11-kit" : "registered with p11-kit, but the file is not there");
	}
	free(list);
}

/* ---- tokens */

static const char *kind_of(const struct profile *p)
{
	return p->tested != NULL || p->file == NULL ? "" : " (written from documentation)";
}

static void say_token(struct tokens *t, const struct enroll_candidate *c)
{
	const struct worker_token *k = &c->token;
	bool blank = (k->flags & WORKER_TOKEN_INITIALIZED) == 0;
	const char *name = k->serial[0] != '\0' ? k->serial : "token";
	if (is_known(c))
		doctor_say(t->r, DOCTOR_MODULES, DOCTOR_OK, name, "%s \"%s\"%s in %s, by module %s; profile: %s%s",
			   k->model, k->label, blank ? ", blank," : "", k->reader, c->module.name, c->profile->name,
			   kind_of(c->profile));
	else
		doctor_say(t->r, DOCTOR_MODULES, DOCTOR_NOTE, "token",
			   "in %s is one that module %s does not know, or that does not answer it", k->reader,
			   c->module.name);
}

static void look_at_tokens(struct tokens *t)
{
	const struct worker_token *hsm = discover_hsm(t->d);
	if (hsm != NULL)
		doctor_say(t->r, DOCTOR_MODULES, DOCTOR_OK, hsm->serial, "%s \"%s\" in %s: the CA's HSM", hsm->model,
			   hsm->label, hsm->reader);
	for (size_t i = 0; i < t->n; i++)
		say_token(t, &t->list[i]);
	if (t->n == 0)
		doctor_say(t->r, DOCTOR_MODULES, DOCTOR_OK, "token", "none is plugged in");
}

void doctor_tokens(struct doctor_run *r)
{
	struct tokens t = {.r = r, .concerned = true};
	if (r->cfg == NULL) {
		look_at_readers(&t);
		say_registered(r);
		return;
	}
	discover(&t);
	look_at_readers(&t);
	size_t asked = say_asked(&t);
	if (asked == 0)
		doctor_trouble(r, DOCTOR_MODULES, DOCTOR_WRONG, "modules", &t.why);
	look_at_registered(&t);
	if (t.why.code == ERR_NONE)
		look_at_tokens(&t);
	discover_free(&t.d);
}
