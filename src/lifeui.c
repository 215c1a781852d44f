#include "lifeui.h"
#include "certui.h"
#include "core/clean.h"
#include "core/prompt.h"
#include "core/xalloc.h"
#include "credentials.h"
#include "hook.h"
#include "report.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* "PIN of token "label" (serial): ", with nothing in it that a terminal would obey. */
static void question(char *ret, size_t size, const char *what, const struct worker_token *t)
{
	char line[200];
	snprintf(line, sizeof line, "%s of token \"%s\" (%s): ", what, t->label, t->serial);
	clean_text(ret, size, line);
}

static const char *name_of(const struct profile *p, enum profile_secret which, const char *otherwise)
{
	return p != NULL && p->pin[which].name != NULL ? p->pin[which].name : otherwise;
}

static int new_typed(const char *what, const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	char rule[128], text[200];
	profile_limits_text(rule, sizeof rule, limits);
	snprintf(text, sizeof text, "New %s for the token (%s)", what, rule);
	return prompt_new_secret(ret, text, limits->min, limits->max, e);
}

static int random_pin(struct lifeui *u, const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	if (profile_pin_random(limits, ret, e) != 0)
		return -1;
	secret_free(&u->made_pin);
	u->made_pin = secret_new();
	return secret_set(u->made_pin, ret->bytes, ret->len, e);
}

static int new_pin(struct lifeui *u, const struct worker_token *t, const struct profile_limits *limits,
		   struct secret *ret, struct err *e)
{
	bool blank = (t->flags & WORKER_TOKEN_INITIALIZED) == 0;
	if (u->o->new_pin_file != NULL)
		return secret_read_file(ret, u->o->new_pin_file, e);
	/* a blank token has no other PIN that could be meant */
	if (blank && credentials_has_pin(u->o))
		return credentials_pin(u->o, "", ret, e);
	if (u->o->random_pin || u->cfg->token.pin == CONFIG_PIN_RANDOM)
		return random_pin(u, limits, ret, e);
	if (prompt_possible())
		return new_typed("PIN", limits, ret, e);
	err_set(e, ERR_SECRET_NEEDED, "the token's new PIN is needed and there is no terminal to ask for it");
	return err_next(e, "give it with --new-pin-file FILE, or add --random-pin");
}

static int new_so_pin(struct lifeui *u, const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	if (u->o->so_pin_file != NULL)
		return secret_read_file(ret, u->o->so_pin_file, e);
	if (prompt_possible())
		return new_typed("SO PIN", limits, ret, e);
	err_set(e, ERR_RECOVERY_MISSING,
		"the token needs an SO PIN, and a random one would be lost: there is no recovery certificate");
	return err_next(e,
			"give it with --so-pin-file FILE, or name a recovery certificate as recovery in section "
			"[escrow] of %s; nothing was changed",
			u->cfg->path);
}

static int ui_secret(void *arg, enum life_ask what, const struct worker_token *t, const struct profile *p,
		     const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	struct lifeui *u = arg;
	char text[240];
	switch (what) {
	case LIFE_PIN:
		question(text, sizeof text, "PIN", t);
		return credentials_pin(u->o, text, ret, e);
	case LIFE_NEW_PIN:
		return new_pin(u, t, limits, ret, e);
	case LIFE_SO_PIN:
		question(text, sizeof text, name_of(p, PROFILE_SO_PIN, "SO PIN"), t);
		return credentials_so_pin(u->o, text, ret, e);
	case LIFE_NEW_SO_PIN:
		return new_so_pin(u, limits, ret, e);
	case LIFE_PUK:
		question(text, sizeof text, name_of(p, PROFILE_PUK, "PUK"), t);
		return credentials_other(u->o->puk_file, "--puk-file", "token's PUK", text, ret, e);
	case LIFE_RECOVERY_PIN:
		recoverykey_question(text, sizeof text, t);
		return credentials_other(u->recovery.pin_file, "--recovery-pin-file", "PIN of the recovery token", text,
					 ret, e);
	default:
		return credentials_other(u->o->recovery_pass_file, "--recovery-pass-file",
					 "passphrase of the recovery key", "Passphrase of the recovery key: ", ret, e);
	}
}

static int ui_show(void *arg, struct err *e)
{
	struct lifeui *u = arg;
	const struct report_secrets made = {.pin = u->made_pin};
	u->shown = true;
	return report_new_pins(u->o, &made, e);
}

static void describe(const struct enroll_candidate *c, char *ret, size_t size)
{
	const struct worker_token *t = &c->token;
	char line[300];
	snprintf(line, sizeof line, "%s  %s  \"%s\"  in %s", t->serial[0] != '\0' ? t->serial : "no serial", t->model,
		 t->label, t->reader);
	clean_text(ret, size, line);
}

static int ui_choose(void *arg, const struct enroll_candidate *list, size_t n, size_t *ret_index, struct err *e)
{
	char line[300];
	unsigned choice = 0;
	(void)arg;
	if (!prompt_possible()) {
		char text[sizeof e->what];
		size_t len = (size_t)snprintf(text, sizeof text, "%zu tokens are plugged in:", n);
		for (size_t i = 0; i < n && len < sizeof text; i++) {
			describe(&list[i], line, sizeof line);
			len += (size_t)snprintf(text + len, sizeof text - len, "%s %s", i != 0 ? ";" : "", line);
		}
		return err_set(e, ERR_SEVERAL_TOKENS, "%s", text);
	}
	fputs("Several tokens are plugged in:\n", stderr);
	for (size_t i = 0; i < n; i++) {
		describe(&list[i], line, sizeof line);
		fprintf(stderr, "  %2zu  %s\n", i + 1, line);
	}
	if (prompt_choice(&choice, "Which one? ", (unsigned)n, e) != 0)
		return -1;
	*ret_index = choice - 1;
	return 0;
}

static int not_confirmed(const struct worker_token *t, struct err *e)
{
	err_set(e, ERR_FOREIGN, "the serial number was not typed in, so token %s was left as it is", t->serial);
	return err_next(e, "type it in when asked, or repeat it with --confirm");
}

static int ui_confirm(void *arg, const struct worker_token *t, const char *what, struct err *e)
{
	struct lifeui *u = arg;
	char line[800], text[800], typed[64] = "";
	snprintf(line, sizeof line, "token %s \"%s\" (%s) holds %s", t->serial, t->label, t->model, what);
	clean_text(text, sizeof text, line);
	screen_note(&u->screen, text);
	if (u->o->confirm != NULL)
		return strcasecmp(u->o->confirm, t->serial) == 0 ? 0 : not_confirmed(t, e);
	if (!prompt_possible())
		return not_confirmed(t, e);
	if (prompt_line(typed, sizeof typed, "All of it will be destroyed. Type the token's serial number: ", e) != 0)
		return -1;
	return strcasecmp(typed, t->serial) == 0 && typed[0] != '\0' ? 0 : not_confirmed(t, e);
}

static int ui_passphrase(void *arg, const struct ca_info *ca, unsigned attempt, struct secret *ret, struct err *e)
{
	struct lifeui *u = arg;
	return credentials_ca(u->o, ca, attempt, ret, e);
}

static int ui_confirm_kind(void *arg, const struct ca_known *k, struct err *e)
{
	struct lifeui *u = arg;
	return certui_confirm(u->o, k, e);
}

static void ui_note(void *arg, const char *text)
{
	struct lifeui *u = arg;
	screen_note(&u->screen, text);
}

static void fill(struct lifeui *u, const char *user)
{
	const struct options *o = u->o;
	u->opt = (struct life_options){
	    .user = user,
	    .serial = o->serial,
	    .reader = o->reader,
	    .token_label = o->token_label,
	    .module = o->module,
	    .label = o->label,
	    .recovery_file = u->recovery.file,
	    .recovery_uri = u->recovery.uri,
	    .so_pin_given = o->so_pin_file != NULL,
	    .puk_given = o->puk_file != NULL,
	    .pin_given = credentials_has_pin(o),
	    .new_pin_given = o->new_pin_file != NULL || o->random_pin,
	    .wipe = o->wipe,
	    .keep_certificates = o->no_revoke,
	    .last_try = o->last_try,
	    .cert_serial = o->cert_serial,
	    .all = o->all,
	    .reason = o->reason,
	    .temporary = o->temporary != 0,
	    .keep_passphrase = o->temporary != 0,
	    .verbose = o->verbose,
	};
	u->ui = (struct life_ui){
	    .arg = u,
	    .secret = ui_secret,
	    .show = ui_show,
	    .choose = ui_choose,
	    .confirm = ui_confirm,
	    .passphrase = ui_passphrase,
	    .confirm_kind = ui_confirm_kind,
	    .note = ui_note,
	};
	u->life = (struct life){.ports = &enroll_ports_real, .cfg = u->cfg, .opt = &u->opt, .ui = &u->ui};
}

static int begin(struct lifeui *u, const char *user, struct err *e)
{
	if ((user != NULL && config_check_user(user, e) != 0) || recoverykey_parse(&u->recovery, u->o, e) != 0 ||
	    cmd_config(&u->cfg, u->o, e) != 0)
		return -1;
	fill(u, user);
	return 0;
}

void lifeui_may_publish(struct lifeui *u)
{
	u->may_publish = true;
	u->debt = hook_begin(u->cfg);
}

int lifeui_tell(struct lifeui *u, int got, struct err *e)
{
	struct err why = ERR_INIT;
	const struct life *l = &u->life;
	bool published = false;
	if (!u->may_publish)
		return got;
	u->may_publish = false;
	if (l->signer == NULL || l->ca.pki[0] == '\0' || l->ports->ca.published(l->signer, &published, &why) != 0)
		published = false;
	struct hook_end end = {.debt = u->debt, .published = published, .done = u->done};
	u->debt = NULL;
	return hook_end(u->cfg, &u->screen, &end, got, e);
}

int lifeui_run(const struct lifeui_verb *v, const struct options *o, const char *user, void *result, struct err *e)
{
	struct lifeui u = {.o = o};
	struct err unsaid = ERR_INIT;
	screen_init(&u.screen, o);
	int got = begin(&u, user, e);
	if (got == 0)
		got = lifeui_tell(&u, v->work(&u, result, e), e);
	if (o->json && report_json(v->document(&u, result, got == 0 ? NULL : e), &unsaid) != 0 && got == 0) {
		*e = unsaid;
		got = -1;
	}
	if (!o->json && got == 0 && !o->quiet)
		v->print(&u, result);
	if (u.life.ports != NULL)
		life_close(&u.life);
	secret_free(&u.made_pin);
	recoverykey_clear(&u.recovery);
	secret_free(&u.life.passphrase);
	screen_free(&u.screen);
	config_free(&u.cfg);
	return got;
}

int lifeui_arguments(const struct options *o, int most, struct err *e)
{
	if (o->n_args <= most)
		return 0;
	err_set(e, ERR_USAGE, "'%s' is one argument too many", o->args[most]);
	if (o->json)
		report_error_json(e);
	return -1;
}

void lifeui_print(const char *fmt, ...)
{
	char line[600], clean[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	clean_text(clean, sizeof clean, line);
	puts(clean);
}

struct json_t *lifeui_json(const struct lifeui *u, const struct err *error)
{
	const struct worker_token *t = &u->life.token;
	json_t *token = u->life.worker == NULL
			    ? json_null()
			    : json_pack("{s:o, s:o, s:o, s:o, s:o}", "serial", report_json_text(t->serial), "model",
					report_json_text(t->model), "manufacturer", report_json_text(t->manufacturer),
					"label", report_json_text(t->label), "reader", report_json_text(t->reader));
	json_t *doc =
	    json_pack("{s:b, s:o, s:o}", "ok", error == NULL, "token", token, "user", report_json_text(u->life.owner));
	if (u->made_pin != NULL && u->shown)
		json_object_set_new(doc, "pin", json_stringn(u->made_pin->bytes, u->made_pin->len));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

struct json_t *lifeui_pin_json(const struct p11_pin_state *p)
{
	static const char *const factory[] = {NULL, "no", "yes", "maybe"};
	if (!p->exists)
		return json_null();
	return json_pack("{s:o, s:b, s:b, s:b, s:b, s:o}", "tries",
			 p->tries >= 0 ? json_integer(p->tries) : json_null(), "low", p->low, "final_try", p->final,
			 "locked", p->locked, "set", !p->unset, "factory", report_json_text(factory[p->factory]));
}

void lifeui_pin_text(const struct p11_pin_state *p, char *ret, size_t size)
{
	size_t n = 0;
	*ret = '\0';
	if (p->unset)
		n += (size_t)snprintf(ret, size, "not set");
	else if (p->locked)
		n += (size_t)snprintf(ret, size, "locked");
	else if (p->tries >= 0)
		n += (size_t)snprintf(ret, size, "%d %s left", p->tries, p->tries == 1 ? "try" : "tries");
	else if (p->final)
		n += (size_t)snprintf(ret, size, "ONE try left");
	else if (p->low)
		n += (size_t)snprintf(ret, size, "few tries left");
	if (p->factory == P11_FACTORY_YES && n < size)
		snprintf(ret + n, size - n, "%sthe factory's", n != 0 ? ", " : "");
	if (p->factory == P11_FACTORY_MAYBE && n < size)
		snprintf(ret + n, size - n, "%sto be changed", n != 0 ? ", " : "");
}

void lifeui_print_destroyed(size_t n, bool unseen)
{
	printf("  destroyed    %s%zu object%s\n", unseen ? "at least " : "", n, n == 1 ? "" : "s");
}

json_t *lifeui_destroyed_json(size_t n, bool unseen)
{
	return unseen ? json_null() : json_integer((json_int_t)n);
}
