/*
 * tokenroll enroll USER: from an empty token to a delivered credential, or on
 * from wherever the last run stopped.
 */
#include "cmd.h"
#include "core/clean.h"
#include "core/day.h"
#include "core/prompt.h"
#include "core/xalloc.h"
#include "credentials.h"
#include "enrollment.h"
#include "hook.h"
#include "recoverykey.h"
#include "report.h"
#include "screen.h"

#include <stdlib.h>
#include <string.h>

struct enroll_cmd {
	const struct options *o;
	struct screen screen;
	struct newpins *pins;
	struct recoverykey recovery;
	const struct secret *passphrase; /* known already; NULL */
	struct debt *debt;               /* of hook_begin */
};

static int ui_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e)
{
	struct enroll_cmd *c = arg;
	(void)p;
	char line[160], text[160];
	snprintf(line, sizeof line, "PIN of token \"%s\" (%s): ", t->label, t->serial);
	clean_text(text, sizeof text, line);
	screen_pause(&c->screen);
	int got = credentials_pin(c->o, text, ret, e);
	screen_resume(&c->screen);
	return got;
}

static int ui_so_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		     struct err *e)
{
	struct enroll_cmd *c = arg;
	const char *name = p->pin[PROFILE_SO_PIN].name;
	char line[160], text[160];
	snprintf(line, sizeof line, "%s of token \"%s\" (%s): ", name != NULL ? name : "SO PIN", t->label, t->serial);
	clean_text(text, sizeof text, line);
	screen_pause(&c->screen);
	int got = credentials_so_pin(c->o, text, ret, e);
	screen_resume(&c->screen);
	return got;
}

static int ui_recovery_passphrase(void *arg, struct secret *ret, struct err *e)
{
	struct enroll_cmd *c = arg;
	screen_pause(&c->screen);
	int got = credentials_other(c->o->recovery_pass_file, "--recovery-pass-file", "passphrase of the recovery key",
				    "Passphrase of the recovery key: ", ret, e);
	screen_resume(&c->screen);
	return got;
}

static int ui_recovery_pin(void *arg, const struct worker_token *t, struct secret *ret, struct err *e)
{
	struct enroll_cmd *c = arg;
	char text[200];
	recoverykey_question(text, sizeof text, t);
	screen_pause(&c->screen);
	int got =
	    credentials_other(c->recovery.pin_file, "--recovery-pin-file", "PIN of the recovery token", text, ret, e);
	screen_resume(&c->screen);
	return got;
}

static int ui_new_pins(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret_so_pin,
		       struct secret *ret_pin, struct err *e)
{
	struct enroll_cmd *c = arg;
	return newpins_get(c->pins, t, p, ret_so_pin, ret_pin, e);
}

static int ui_new_pin(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		      struct err *e)
{
	struct enroll_cmd *c = arg;
	return newpins_replacement(c->pins, t, p, ret, e);
}

static int ui_show_pins(void *arg, struct err *e)
{
	struct enroll_cmd *c = arg;
	return newpins_show(c->pins, e);
}

static int ui_confirm_init(void *arg, const struct worker_token *t, struct err *e)
{
	struct enroll_cmd *c = arg;
	bool yes = c->o->yes, blank = (t->flags & WORKER_TOKEN_INITIALIZED) == 0;
	char line[200], what[160], text[320];
	if (blank)
		snprintf(line, sizeof line, "the token in '%s' was never initialized", t->reader);
	else
		snprintf(line, sizeof line, "token %s \"%s\" was initialized by somebody else and has no user PIN yet",
			 t->serial, t->label);
	clean_text(what, sizeof what, line);
	if (!yes && !prompt_possible())
		return err_set(e, ERR_TOKEN_BLANK, "%s", what);
	snprintf(text, sizeof text, "%c%s. %s %s? [y/N] ", what[0] == 't' ? 'T' : what[0], what + 1,
		 blank ? "Initialize it for" : "Set its user PIN, with its SO PIN, for", c->o->args[0]);
	if (!yes && prompt_yes(&yes, text, e) != 0)
		return -1;
	if (yes)
		return 0;
	err_set(e, ERR_TOKEN_BLANK, "%s, and was left so", what);
	return err_next(e, "nothing was changed; put in the token that is meant, or run it again and say yes");
}

static int ui_confirm_revoked(void *arg, const char *serial, struct err *e)
{
	struct enroll_cmd *c = arg;
	bool yes = c->o->yes;
	char text[160];
	snprintf(text, sizeof text, "Enroll %s again? [y/N] ", c->o->args[0]);
	if (!yes && prompt_possible() && prompt_yes(&yes, text, e) != 0)
		return -1;
	return yes ? 0
		   : err_set(e, ERR_REVOKED,
			     "certificate %s of %s was revoked, and nobody has said that %s may get a "
			     "new one",
			     serial, c->o->args[0], c->o->args[0]);
}

static int ui_confirm_last_try(void *arg, const struct worker_token *t, struct err *e)
{
	struct enroll_cmd *c = arg;
	bool yes = false;
	char line[200], text[200];
	snprintf(line, sizeof line, "Token %s has ONE PIN try left; a wrong PIN locks it. Try it? [y/N] ", t->serial);
	clean_text(text, sizeof text, line);
	screen_pause(&c->screen);
	/* --yes is for plain questions; this one is not */
	int got = prompt_possible() ? prompt_yes(&yes, text, e) : 0;
	screen_resume(&c->screen);
	if (got != 0)
		return -1;
	return yes ? 0 : err_set(e, ERR_PIN_LAST_TRY, "token %s has one PIN try left, which was not spent", t->serial);
}

static int ui_passphrase(void *arg, const struct ca_info *ca, unsigned attempt, struct secret *ret, struct err *e)
{
	struct enroll_cmd *c = arg;
	if (c->passphrase != NULL && attempt == 0)
		return secret_set(ret, c->passphrase->bytes, c->passphrase->len, e);
	screen_pause(&c->screen);
	int got = credentials_ca(c->o, ca, attempt, ret, e);
	screen_resume(&c->screen);
	return got;
}

static void describe_owner(const struct enroll_candidate *c, char *buf, size_t size)
{
	char day[DAY_SIZE];
	*buf = '\0';
	day_format(day, c->not_after);
	if (c->owner[0] != '\0')
		snprintf(buf, size, ", %s's%s%s", c->owner, c->not_after != 0 ? ", until " : "",
			 c->not_after != 0 ? day : "");
}

static void describe(const struct enroll_candidate *c, char *buf, size_t size)
{
	const struct worker_token *t = &c->token;
	char line[500], owner[100];
	const char *module = strrchr(c->module.path, '/');
	describe_owner(c, owner, sizeof owner);
	if ((t->flags & WORKER_TOKEN_UNREADABLE) != 0)
		snprintf(line, sizeof line, "one that does not answer, in %s", t->reader);
	else
		snprintf(line, sizeof line, "%s%s%s%s  %s  \"%s\"  in %s  (%s)",
			 t->serial[0] != '\0' ? t->serial : "no serial",
			 (t->flags & WORKER_TOKEN_INITIALIZED) != 0 ? "" : ", blank",
			 (t->flags & WORKER_TOKEN_NO_PIN) != 0       ? ", no PIN yet"
			 : (t->flags & WORKER_TOKEN_PIN_LOCKED) != 0 ? ", PIN locked"
								     : "",
			 owner, t->model, t->label, t->reader, module != NULL ? module + 1 : c->module.path);
	clean_text(buf, size, line);
}

static bool has_twin(const struct enroll_candidate *list, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++) {
		if (k != i && strcmp(list[k].token.serial, list[i].token.serial) == 0)
			return true;
	}
	return false;
}

/* The list on the screen has a line for each; in the error there is what --serial, --reader or --token-label wants. */
static int several(const struct enroll_candidate *list, size_t n, struct err *e)
{
	char text[sizeof e->what];
	size_t len = (size_t)snprintf(text, sizeof text, "%zu tokens are plugged in:", n);
	for (size_t i = 0; i < n && len < sizeof text; i++) {
		const struct worker_token *t = &list[i].token;
		bool serial = t->serial[0] != '\0', twin = serial && has_twin(list, n, i);
		int added =
		    snprintf(text + len, sizeof text - len, "%s %s%s%s%s%s", i > 0 ? "," : "", serial ? "" : "one in ",
			     serial ? t->serial : t->reader, twin ? " \"" : "", twin ? t->label : "", twin ? "\"" : "");
		len += added > 0 ? (size_t)added : 0;
	}
	return err_set(e, ERR_SEVERAL_TOKENS, "%s", text);
}

static int ui_choose(void *arg, const struct enroll_candidate *list, size_t n, size_t *ret_index, struct err *e)
{
	(void)arg;
	unsigned choice = 0;
	bool ask = prompt_possible();
	fputs("Several tokens are plugged in:\n", stderr);
	for (size_t i = 0; i < n; i++) {
		char line[500], number[16] = "";
		describe(&list[i], line, sizeof line);
		if (ask)
			snprintf(number, sizeof number, "%2zu  ", i + 1);
		fprintf(stderr, "  %s%s\n", number, line);
	}
	if (!ask)
		return several(list, n, e);
	if (prompt_choice(&choice, "Which one? ", (unsigned)n, e) != 0)
		return -1;
	*ret_index = choice - 1;
	return 0;
}

static void ui_chosen(void *arg, const struct worker_token *t)
{
	struct enroll_cmd *c = arg;
	char line[320];
	snprintf(line, sizeof line, "%s, on token %s \"%s\" (%s) in %s", c->o->args[0], t->serial, t->label, t->model,
		 t->reader);
	screen_title(&c->screen, line);
}

static void ui_begin(void *arg, const char *step)
{
	struct enroll_cmd *c = arg;
	screen_step_begin(&c->screen, step);
}

static void ui_end(void *arg, bool ok, const char *detail)
{
	struct enroll_cmd *c = arg;
	screen_step_end(&c->screen, ok, detail);
}

static void ui_note(void *arg, const char *text)
{
	struct enroll_cmd *c = arg;
	screen_note(&c->screen, text);
}

static int check_label(const char *label, struct err *e)
{
	size_t len = strlen(label);
	bool fit = true;
	if (len == 0 || len > WORKER_LABEL_MAX)
		return err_set(e, ERR_USAGE, "a token's label has 1 to %d bytes", WORKER_LABEL_MAX);
	while (*label != '\0' && fit)
		label += clean_next(label, &fit);
	return fit ? 0 : err_set(e, ERR_USAGE, "a token's label is UTF-8 text without control characters");
}

static int fill_options(struct enroll_options *ret, const struct options *o, const struct recoverykey *recovery,
			struct err *e)
{
	*ret = (struct enroll_options){
	    .user = o->args[0],
	    .serial = o->serial,
	    .reader = o->reader,
	    .token_label = o->token_label,
	    .module = o->module,
	    .key_type = KEYTYPE_NONE,
	    .days = o->days,
	    .no_token = o->no_token,
	    .replace = o->replace,
	    .csr_only = o->csr_only,
	    .cert_file = o->cert_file,
	    .init = o->init,
	    .label = o->label,
	    .keep_factory_pins = o->keep_factory_pins,
	    .last_try = o->last_try,
	    .client_module = o->client_module,
	    .recovery_file = recovery->file,
	    .recovery_uri = recovery->uri,
	    .so_pin_given = o->so_pin_file != NULL,
	    .pin_given = credentials_has_pin(o),
	    .new_pin_file = o->new_pin_file,
	    .verbose = o->verbose,
	};
	if (o->csr_only && o->cert_file != NULL)
		return err_set(e, ERR_USAGE, "--csr-only and --cert do not go together");
	if (o->cert_file != NULL && o->key_type != NULL)
		return err_set(e, ERR_USAGE,
			       "--cert goes on with the key that was made; --key-type does not go with it");
	if (o->days != 0 && (o->csr_only || o->cert_file != NULL))
		return err_set(e, ERR_USAGE,
			       "--days is for a CA on this machine; the one that signs elsewhere decides");
	if (o->label != NULL && check_label(o->label, e) != 0)
		return -1;
	return o->key_type != NULL ? keytype_parse(&ret->key_type, o->key_type, e) : 0;
}

static int check_arguments(const struct options *o, struct err *e)
{
	if (o->n_args == 0)
		return err_set(e, ERR_USAGE, "whose token is it? No user name was given");
	if (o->n_args > 1)
		return err_set(e, ERR_USAGE, "one user at a time: '%s' is one argument too many%s%s%s", o->args[1],
			       o->verb_named ? "" : ", or there is no verb '", o->verb_named ? "" : o->args[0],
			       o->verb_named ? "" : "'");
	return config_check_user(o->args[0], e);
}

static int enroll(struct enroll_cmd *c, const struct enroll_options *opt, struct enroll_result *result, struct err *e)
{
	const struct enroll_ui ui = {
	    .arg = c,
	    .pin = ui_pin,
	    .so_pin = ui_so_pin,
	    .recovery_passphrase = ui_recovery_passphrase,
	    .recovery_pin = ui_recovery_pin,
	    .new_pins = ui_new_pins,
	    .new_pin = ui_new_pin,
	    .show_pins = ui_show_pins,
	    .confirm_init = ui_confirm_init,
	    .confirm_revoked = ui_confirm_revoked,
	    .confirm_last_try = ui_confirm_last_try,
	    .passphrase = ui_passphrase,
	    .choose = ui_choose,
	    .chosen = ui_chosen,
	    .begin = ui_begin,
	    .end = ui_end,
	    .note = ui_note,
	};
	return enroll_run(&enroll_ports_real, c->pins->cfg, opt, &ui, result, e);
}

/* Whom it is about, if a certificate was replaced. */
static int tell(struct enroll_cmd *c, const struct enroll_result *result, int got, struct err *e)
{
	char done[200] = "";
	if (result->replaced[0] != '\0')
		snprintf(done, sizeof done, "certificate %s of %s is revoked", result->replaced, c->o->args[0]);
	struct hook_end end = {.debt = c->debt, .published = result->crl_published, .done = done};
	return hook_end(c->pins->cfg, &c->screen, &end, got, e);
}

int enrollment_run(struct enrollment *ret, const struct options *o, enum cred_way way, const struct config *cfg,
		   const struct secret *passphrase, struct err *e)
{
	struct enroll_options opt;
	struct enroll_cmd c = {.o = o, .pins = &ret->pins, .passphrase = passphrase};
	screen_init(&c.screen, o);
	ret->pins = (struct newpins){.o = o, .cfg = cfg, .screen = &c.screen};
	int got = recoverykey_parse(&c.recovery, o, e);
	if (got == 0)
		got = fill_options(&opt, o, &c.recovery, e);
	opt.way = way;
	if (got == 0 && cfg->token.pin == CONFIG_PIN_KEEP)
		opt.keep_factory_pins = true;
	if (got == 0)
		c.debt = hook_begin(cfg);
	if (got == 0)
		got = tell(&c, &ret->result, enroll(&c, &opt, &ret->result, e), e);
	recoverykey_clear(&c.recovery);
	screen_free(&c.screen);
	ret->pins.screen = NULL;
	return got;
}

void enrollment_free(struct enrollment *n)
{
	enroll_result_free(&n->result);
	newpins_free(&n->pins);
}

int cmd_make(const struct options *o, enum cred_way way, struct err *e)
{
	struct config *cfg = NULL;
	struct enrollment n = ENROLLMENT_INIT;
	struct err unsaid = ERR_INIT;
	if (check_arguments(o, e) != 0 || cmd_config(&cfg, o, e) != 0) {
		if (o->json)
			report_error_json(e);
		return -1;
	}
	int ret = enrollment_run(&n, o, way, cfg, NULL, e);
	if (report_enrollment(o, &n.result, &n.pins.made, ret == 0 ? NULL : e, &unsaid) != 0 && ret == 0) {
		*e = unsaid;
		ret = -1;
	}
	enrollment_free(&n);
	config_free(&cfg);
	return ret;
}

int cmd_enroll(const struct options *o, struct err *e)
{
	return cmd_make(o, CRED_WAY_ENROLL, e);
}
