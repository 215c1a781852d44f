#include "enroll/recover.h"
#include "core/xalloc.h"
#include "enroll/same.h"
#include "store/escrow.h"

#include <stdlib.h>
#include <string.h>

struct recover {
	struct recover_request req;
	struct secret *passphrase; /* NULL: not needed so far */

	struct discovery *discovery; /* has the profiles */
	struct worker *worker;       /* logged in; NULL: not so far */
	struct worker_token token;
	const struct profile *profile;
	struct blob certs;
};

struct recover *recover_new(const struct recover_request *req)
{
	struct recover *r = xcalloc(1, sizeof *r);
	r->req = *req;
	return r;
}

void recover_free(struct recover **r)
{
	if (r == NULL || *r == NULL)
		return;
	(*r)->req.port->stop(&(*r)->worker);
	discover_free(&(*r)->discovery);
	secret_free(&(*r)->passphrase);
	blob_free(&(*r)->certs);
	free(*r);
	*r = NULL;
}

const char *recover_serial(const struct recover *r)
{
	return r->token.serial;
}

void recover_note(const struct recover *r, const char *text)
{
	r->req.note(r->req.arg, text);
}

static bool is_on(const struct p11_uri *uri, const struct worker_token *t)
{
	return uri != NULL && p11_uri_names_token(uri) &&
	       p11_uri_fits(uri, t->label, t->manufacturer, t->model, t->serial);
}

size_t recover_leave_out(const struct p11_uri *uri, struct enroll_candidate *list, size_t n)
{
	size_t others = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		others += !is_on(uri, &list[i].token);
	if (others == 0)
		return n;
	for (size_t i = 0; i < n; i++) {
		if (!is_on(uri, &list[i].token))
			list[at++] = list[i];
	}
	return others;
}

/* ---- in a file */

static int open_by_file(struct recover *r, const struct store_escrow *v, const struct store_token *of,
			struct secret *ret, struct err *e)
{
	int got = escrow_open(ret, v, of, r->req.file, r->passphrase, e);
	if (got == 0 || e->code != ERR_RECOVERY_PASSPHRASE_NEEDED)
		return got;
	r->passphrase = secret_new();
	if (r->req.passphrase(r->req.arg, r->passphrase, e) != 0)
		return -1;
	return escrow_open(ret, v, of, r->req.file, r->passphrase, e);
}

/* ---- on a token: which */

static void add_word(char *ret, size_t size, const char *name, const char *value)
{
	size_t n = strlen(ret);
	if (value[0] != '\0' && n < size)
		snprintf(ret + n, size - n, "%s%s %s", n != 0 ? ", " : " with ", name, value);
}

/* " with label Admin, serial number 4711"; "" for any token. */
static void describe(const struct p11_uri *u, char *ret, size_t size)
{
	*ret = '\0';
	add_word(ret, size, "label", u->label);
	add_word(ret, size, "serial number", u->serial);
	add_word(ret, size, "model", u->model);
	add_word(ret, size, "manufacturer", u->manufacturer);
}

static int none_found(const struct recover *r, struct err *e)
{
	char text[200];
	const struct err *why = NULL;
	const char *failed = discover_failed(r->discovery, &why);
	describe(r->req.uri, text, sizeof text);
	err_set(e, ERR_NO_TOKEN, "no token%s is plugged in for the recovery key", text);
	if (failed != NULL)
		return err_next(e, "put it in; module %s could not be used: %s", failed, why->what);
	return err_next(e, "put it in; `tokenroll tokens` shows what is there, and module-path=… in the URI names its "
			   "module");
}

static int several_found(const struct enroll_candidate *list, size_t n, struct err *e)
{
	char text[400];
	size_t len = (size_t)snprintf(text, sizeof text, "%zu tokens may have the recovery key:", n);
	for (size_t i = 0; i < n && len < sizeof text; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s %s \"%s\"", i > 0 ? "," : "",
					list[i].token.serial, list[i].token.label);
	err_set(e, ERR_SEVERAL_TOKENS, "%s", text);
	return err_next(e, "name one in the URI, as in --recovery-key 'pkcs11:serial=%s'", list[0].token.serial);
}

/* Of those that fit; the token that the value is of only if there is no other. */
static size_t select_fitting(const struct recover *r, struct enroll_candidate *list, size_t n,
			     const struct store_token *of)
{
	const struct p11_uri *u = r->req.uri;
	const unsigned odd = WORKER_TOKEN_UNREADABLE | WORKER_TOKEN_UNKNOWN;
	size_t fit = 0, others = 0;
	for (size_t i = 0; i < n; i++) {
		const struct worker_token *t = &list[i].token;
		if ((t->flags & odd) == 0 && (t->flags & WORKER_TOKEN_INITIALIZED) != 0 &&
		    p11_uri_fits(u, t->label, t->manufacturer, t->model, t->serial))
			list[fit++] = list[i];
	}
	for (size_t i = 0; i < fit; i++)
		others += !same_is(&list[i].token, list[i].profile, of);
	if (others == 0)
		return fit;
	for (size_t i = 0, at = 0; i < fit; i++) {
		if (!same_is(&list[i].token, list[i].profile, of))
			list[at++] = list[i];
	}
	return others;
}

/* *ret is NULL if it is not among what this module shows (NULL: what all that p11-kit knows show). */
static int look(struct recover *r, const char *module, const struct store_token *of, struct enroll_candidate **ret,
		struct err *e)
{
	const struct discover_request req = {
	    .port = r->req.port,
	    .settings = r->req.settings,
	    .module = module,
	    .module_given = r->req.uri->module != NULL,
	    .profiles = r->req.cfg->token.profiles,
	    .note = r->req.note,
	    .note_arg = r->req.arg,
	};
	struct enroll_candidate *list = NULL;
	size_t n = 0;
	*ret = NULL;
	discover_free(&r->discovery);
	if (discover_begin(&r->discovery, &req, e) != 0 || discover_end(r->discovery, &list, &n, e) != 0)
		return -1;
	n = select_fitting(r, list, n, of);
	if (n > 1)
		return several_found(list, n, e);
	*ret = n == 1 ? list : NULL;
	return 0;
}

/* The module that the URI names; else the one that is used anyway, then all the others. */
static int find_token(struct recover *r, const struct store_token *of, struct err *e)
{
	const char *named = r->req.uri->module;
	const char *usual = r->req.module != NULL ? r->req.module : r->req.cfg->token.module;
	const char *first = named != NULL ? named : usual;
	struct enroll_candidate *c = NULL;
	int got = look(r, first, of, &c, e);
	if (c == NULL && named == NULL && first != NULL && (got == 0 || e->code == ERR_MODULE))
		got = look(r, NULL, of, &c, e);
	if (got != 0)
		return -1;
	if (c == NULL)
		return none_found(r, e);
	if (discover_take(r->discovery, c, &r->worker, e) != 0)
		return -1;
	r->token = c->token;
	r->profile = c->profile;
	return 0;
}

/* ---- on a token: its PIN */

static int check_pin(const struct recover *r, const struct p11_pin_state *pin, struct err *e)
{
	const char *serial = r->token.serial;
	if (pin->locked || (r->token.flags & WORKER_TOKEN_PIN_LOCKED) != 0) {
		err_set(e, ERR_PIN_LOCKED, "the PIN of the recovery token %s is locked", serial);
		return err_next(e, "unblock it with its own PUK or SO PIN, or use another recovery key");
	}
	if (!pin->final && (r->token.flags & WORKER_TOKEN_PIN_LAST_TRY) == 0)
		return 0;
	err_set(e, ERR_PIN_LAST_TRY, "the PIN of the recovery token %s has one try left, which was not spent", serial);
	return err_next(e,
			"`tokenroll pin --serial %s --last-try` with the right one gives it all its tries back; "
			"--last-try is not for this token here",
			serial);
}

static int get_pin(struct recover *r, struct secret *ret, struct err *e)
{
	if (r->req.pin(r->req.arg, &r->token, r->profile, ret, e) != 0)
		return -1;
	if (profile_pin_possible(r->profile, PROFILE_PIN, r->token.pin_min, r->token.pin_max, ret, e) == 0)
		return 0;
	return err_prefix(e, "the recovery key's token");
}

static int log_in(struct recover *r, struct err *e)
{
	bool pad = (r->token.flags & WORKER_TOKEN_PIN_PAD) != 0;
	struct secret *pin = pad ? NULL : secret_new();
	int got = pad ? 0 : get_pin(r, pin, e);
	if (got == 0 && (got = r->req.port->login(r->worker, false, pin, false, e)) != 0) {
		err_prefix(e, "the recovery key's token");
		if (e->code == ERR_PIN_WRONG)
			err_next(e, "it was tried once, and is not tried again by itself; run the command again with "
				    "the PIN of the recovery token");
	}
	secret_free(&pin);
	return got;
}

static int open_token(struct recover *r, const struct store_token *of, struct err *e)
{
	struct p11_pin_state pins[PROFILE_PIN_COUNT];
	if (r->worker != NULL)
		return 0;
	if (find_token(r, of, e) == 0 && r->req.port->pins(r->worker, &r->token, false, pins, e) == 0 &&
	    check_pin(r, &pins[PROFILE_PIN], e) == 0 && r->req.port->open(r->worker, &r->token, NULL, e) == 0 &&
	    log_in(r, e) == 0) {
		recipients_read(&r->certs, r->req.cfg->escrow.recovery.text, r->req.cfg->escrow.recovery.n);
		return 0;
	}
	/* so that nothing is tried twice */
	r->req.port->stop(&r->worker);
	return -1;
}

int recover_open(struct recover *r, const struct store_escrow *v, const struct store_token *of, struct secret *ret,
		 struct err *e)
{
	if (r->req.uri == NULL)
		return open_by_file(r, v, of, ret, e);
	if (open_token(r, of, e) != 0)
		return -1;
	return r->req.port->unseal(r->worker, r->req.uri, &r->certs, v, of, ret, e);
}
