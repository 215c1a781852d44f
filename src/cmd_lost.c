/*
 * tokenroll lost USER: the one command for the bad day. What is on the user's
 * token is revoked and the VPN server hears of it; the token is marked in the
 * inventory. It need not be here. With --temporary the spare token that is
 * plugged in is enrolled next.
 */
#include "certui.h"
#include "core/clean.h"
#include "core/day.h"
#include "enrollment.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>
#include <string.h>

struct lost {
	struct life_loss loss;
	struct options spare; /* how the spare token is enrolled */
	struct enrollment temporary;
	bool begun;        /* that */
	struct err failed; /* it did */
};

/* The token that is lost is named by --serial; the spare one is not. */
static struct options spare_options(const struct options *o)
{
	struct options s = *o;
	s.serial = NULL;
	s.days = o->temporary;
	s.replace = false;
	return s;
}

static int give_spare(struct lifeui *u, struct lost *r, struct err *e)
{
	/* one process has one store open at a time, and the CA's process is the enrollment's own */
	life_close(&u->life);
	r->begun = true;
	r->spare = spare_options(u->o);
	if (enrollment_run(&r->temporary, &r->spare, CRED_WAY_ENROLL, u->cfg, u->life.passphrase, e) == 0)
		return 0;
	r->failed = *e;
	if (e->code == ERR_NO_TOKEN || e->code == ERR_SEVERAL_TOKENS || e->code == ERR_TOKEN_LOST)
		err_next(e,
			 "plug the spare token in, and no other, or name its reader with --reader; then run the same "
			 "command again");
	return err_prefix(e, "the loss is dealt with, but %s has no temporary token yet", u->o->args[0]);
}

/* With these the loss stands, and so the spare can be enrolled all the same. */
static bool stands(const struct err *e)
{
	return e->code == ERR_CRL_UNPUBLISHED || e->code == ERR_HOOK;
}

static int work(struct lifeui *u, void *result, struct err *e)
{
	struct lost *r = result;
	struct err late = ERR_INIT;
	lifeui_may_publish(u);
	snprintf(u->done, sizeof u->done, "the loss is noted, and what was on the token is revoked");
	int got = lifeui_tell(u, life_lost(&u->life, &r->loss, e), e);
	if (u->o->temporary == 0 || (got != 0 && !stands(e)))
		return got;
	if (give_spare(u, r, &late) == 0)
		return got;
	if (got == 0)
		*e = late;
	else
		screen_note(&u->screen, late.what);
	return -1;
}

static json_t *token_json(const struct store_issued *t)
{
	char since[DAY_SIZE];
	day_format(since, t->lost);
	return json_pack("{s:o, s:o, s:o, s:s}", "serial", report_json_text(t->token.serial), "model",
			 report_json_text(t->token.model), "label", report_json_text(t->token.label), "lost", since);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct lost *r = result;
	json_t *tokens = json_array();
	for (size_t i = 0; i < r->loss.n_tokens; i++)
		json_array_append_new(tokens, token_json(&r->loss.tokens[i]));
	json_t *doc = json_pack("{s:b, s:o, s:b, s:o, s:o}", "ok", error == NULL, "user",
				report_json_text(u->o->args[0]), "already", r->loss.already, "tokens", tokens,
				"certificates", certui_list_json(r->loss.certs, r->loss.n_certs));
	json_object_set_new(doc, "temporary",
			    r->begun ? report_enrollment_json(&r->spare, &r->temporary.result, &r->temporary.pins.made,
							      r->failed.code != ERR_NONE ? &r->failed : NULL)
				     : json_null());
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void print_loss(const struct life_loss *l, const char *user)
{
	char line[600], text[600], since[DAY_SIZE];
	for (size_t i = 0; i < l->n_tokens; i++) {
		const struct store_issued *t = &l->tokens[i];
		day_format(since, t->lost);
		snprintf(line, sizeof line, "Token %s \"%s\" (%s) of %s is reported lost%s%s.", t->token.serial,
			 t->token.label, t->token.model, user, l->already ? " since " : "", l->already ? since : "");
		clean_text(text, sizeof text, line);
		puts(text);
	}
	for (size_t i = 0; i < l->n_certs; i++) {
		certui_text(&l->certs[i], text, sizeof text);
		printf("  certificate  %s\n", text);
	}
}

static void print(const struct lifeui *u, const void *result)
{
	const struct lost *r = result;
	const char *user = u->o->args[0], *serial = r->loss.n_tokens > 0 ? r->loss.tokens[0].token.serial : "S";
	struct err unsaid = ERR_INIT;
	print_loss(&r->loss, user);
	if (!r->begun)
		printf("  next         with the spare token plugged in: tokenroll %s\n", user);
	printf("  if it is found again: tokenroll found --serial %s\n", serial);
	if (r->begun) {
		putchar('\n');
		(void)report_enrollment(&r->spare, &r->temporary.result, &r->temporary.pins.made, NULL, &unsaid);
	}
}

static int check(const struct options *o, struct err *e)
{
	if (lifeui_arguments(o, 1, e) != 0)
		return -1;
	if (o->n_args == 1)
		return 0;
	err_set(e, ERR_USAGE, "whose token is lost? No user name was given");
	if (o->json)
		report_error_json(e);
	return -1;
}

int cmd_lost(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct lost r = {.begun = false};
	if (check(o, e) != 0)
		return -1;
	int got = lifeui_run(&verb, o, o->args[0], &r, e);
	life_loss_free(&r.loss);
	enrollment_free(&r.temporary);
	return got;
}
