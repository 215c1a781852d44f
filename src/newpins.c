#include "newpins.h"
#include "core/clean.h"
#include "core/prompt.h"
#include "credentials.h"

static struct profile_limits limits_of(const struct profile *p, const struct worker_token *t, enum profile_secret which)
{
	struct profile_limits l;
	profile_limits_of(&l, p, which, t->pin_min, t->pin_max);
	return l;
}

/* Also kept, to be shown. */
static int made_at_random(const struct profile_limits *l, struct secret *ret, struct secret **ret_made, struct err *e)
{
	secret_free(ret_made);
	if (profile_pin_random(l, ret, e) != 0)
		return -1;
	*ret_made = secret_new();
	return secret_set(*ret_made, ret->bytes, ret->len, e);
}

static int typed(const struct profile_limits *l, struct secret *ret, struct err *e)
{
	char rule[128], text[200];
	profile_limits_text(rule, sizeof rule, l);
	snprintf(text, sizeof text, "New PIN for the token (%s)", rule);
	return prompt_new_secret(ret, text, l->min, l->max, e);
}

static int new_pin(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret,
		   struct err *e)
{
	struct profile_limits l = limits_of(p, t, PROFILE_PIN);
	if (n->o->new_pin_file != NULL)
		return secret_read_file(ret, n->o->new_pin_file, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	if (credentials_has_pin(n->o))
		return credentials_pin(n->o, "", ret, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	if (n->cfg->token.pin == CONFIG_PIN_RANDOM)
		return made_at_random(&l, ret, &n->made.pin, e);
	if (prompt_possible())
		return typed(&l, ret, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	err_set(e, ERR_SECRET_NEEDED, "a new PIN for the token is needed and there is no terminal to ask for it");
	return err_next(e, "give it with --pin-file FILE, or set [token] pin = random");
}

/* The SO PIN of a blank token that wants the one it has. */
static int current_so_pin(const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e)
{
	const char *name = p->pin[PROFILE_SO_PIN].name;
	char line[200], text[200];
	if (!prompt_possible()) {
		err_set(e, ERR_SECRET_NEEDED,
			"a token of this kind (%s) wants the %s that it has when it is initialized", p->name, name);
		return err_next(e, "give it with --so-pin-file FILE; nothing was changed");
	}
	snprintf(line, sizeof line, "%s that token %s has: ", name, t->serial);
	clean_text(text, sizeof text, line);
	return prompt_secret(ret, text, e);
}

/* The SO PIN of a token that has got one, but no user PIN yet. */
static int old_so_pin(struct newpins *n, const struct worker_token *t, struct secret *ret, struct err *e)
{
	char line[200], text[200];
	if (!prompt_possible()) {
		err_set(e, ERR_SECRET_NEEDED,
			"token %s was initialized but has no user PIN yet, and its SO PIN is needed to set one",
			t->serial);
		return err_next(e, "give the SO PIN that was shown when it was initialized with --so-pin-file FILE, or "
				   "where it is in escrow the recovery key with --recovery-key FILE, or take another "
				   "token");
	}
	snprintf(line, sizeof line,
		 "token %s was initialized but has no user PIN yet: its SO PIN was shown then, if it "
		 "is not in escrow",
		 t->serial);
	screen_note(n->screen, line);
	snprintf(line, sizeof line, "SO PIN of token \"%s\" (%s): ", t->label, t->serial);
	clean_text(text, sizeof text, line);
	return prompt_secret(ret, text, e);
}

static int so_pin(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret,
		  struct err *e)
{
	struct profile_limits l = limits_of(p, t, PROFILE_SO_PIN);
	if (n->o->so_pin_file != NULL)
		return secret_read_file(ret, n->o->so_pin_file, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	if ((t->flags & WORKER_TOKEN_NO_PIN) != 0)
		return old_so_pin(n, t, ret, e);
	if (p->init.so_pin_current)
		return current_so_pin(t, p, ret, e);
	return made_at_random(&l, ret, &n->made.so_pin, e);
}

int newpins_get(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret_so_pin,
		struct secret *ret_pin, struct err *e)
{
	/* what an earlier call has made was not set */
	secret_free(&n->made.so_pin);
	if (ret_so_pin->len == 0 && so_pin(n, t, p, ret_so_pin, e) != 0)
		return -1;
	return ret_pin->len != 0 ? 0 : new_pin(n, t, p, ret_pin, e);
}

int newpins_replacement(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret,
			struct err *e)
{
	struct profile_limits l = limits_of(p, t, PROFILE_PIN);
	if (n->o->new_pin_file != NULL)
		return secret_read_file(ret, n->o->new_pin_file, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	if (n->cfg->token.pin == CONFIG_PIN_RANDOM)
		return made_at_random(&l, ret, &n->made.pin, e);
	if (prompt_possible())
		return typed(&l, ret, e) != 0 ? -1 : profile_pin_check(&l, ret, e);
	err_set(e, ERR_SECRET_NEEDED, "the token has the factory's PIN, and there is no terminal to ask for a new one");
	return err_next(e, "give it with --new-pin-file FILE, set [token] pin = random, or add --keep-factory-pins");
}

int newpins_show(struct newpins *n, struct err *e)
{
	/* a step is under way */
	screen_pause(n->screen);
	int ret = report_new_pins(n->o, &n->made, e);
	screen_resume(n->screen);
	if (!n->o->json)
		newpins_free(n);
	return ret;
}

void newpins_free(struct newpins *n)
{
	secret_free(&n->made.so_pin);
	secret_free(&n->made.pin);
}
