#include "newpins.h"
#include "core/clean.h"
#include "core/prompt.h"
#include "credentials.h"

/* SO PINs as even the strictest tokens want them: SmartCard-HSM takes exactly 16 hex digits. */
#define SO_PIN_ALPHABET "0123456789ABCDEF"
#define SO_PIN_LEN 16
#define PIN_ALPHABET "0123456789"
#define PIN_LEN 8
#define PIN_MIN 4 /* where the token does not say */

static size_t clamp_len(size_t want, unsigned min, unsigned max)
{
	size_t len = want < min ? min : want;
	return max != 0 && len > max ? max : len;
}

static int made_at_random(struct secret *ret, const char *alphabet, size_t len, struct secret **ret_made, struct err *e)
{
	secret_free(ret_made);
	if (secret_random(ret, alphabet, len, e) != 0)
		return -1;
	*ret_made = secret_new();
	return secret_set(*ret_made, ret->bytes, ret->len, e);
}

static int new_pin(struct newpins *n, const struct worker_token *t, struct secret *ret, struct err *e)
{
	size_t min = t->pin_min != 0 ? t->pin_min : PIN_MIN;
	size_t max = t->pin_max != 0 ? t->pin_max : SECRET_MAX;
	if (credentials_has_pin(n->o)) {
		if (credentials_pin(n->o, "", ret, e) != 0)
			return -1;
		if (ret->len < min || ret->len > max)
			return err_set(e, ERR_PIN_RULES, "the new PIN must have %zu to %zu characters", min, max);
		return 0;
	}
	if (n->cfg->token.pin == CONFIG_PIN_RANDOM)
		return made_at_random(ret, PIN_ALPHABET, clamp_len(PIN_LEN, t->pin_min, t->pin_max), &n->made.pin, e);
	if (prompt_possible())
		return prompt_new_secret(ret, "New PIN for the token", min, max, e);
	err_set(e, ERR_SECRET_NEEDED, "a new PIN for the token is needed and there is no terminal to ask for it");
	return err_next(e, "give it with --pin-file FILE, or set [token] pin = random");
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
				   "take another token");
	}
	snprintf(line, sizeof line, "token %s was initialized but has no user PIN yet: its SO PIN was shown then",
		 t->serial);
	screen_note(n->screen, line);
	snprintf(line, sizeof line, "SO PIN of token \"%s\" (%s): ", t->label, t->serial);
	clean_text(text, sizeof text, line);
	return prompt_secret(ret, text, e);
}

static int so_pin(struct newpins *n, const struct worker_token *t, struct secret *ret, struct err *e)
{
	if (n->o->so_pin_file != NULL)
		return secret_read_file(ret, n->o->so_pin_file, e);
	if ((t->flags & WORKER_TOKEN_NO_PIN) != 0)
		return old_so_pin(n, t, ret, e);
	return made_at_random(ret, SO_PIN_ALPHABET, clamp_len(SO_PIN_LEN, t->pin_min, t->pin_max), &n->made.so_pin, e);
}

int newpins_get(struct newpins *n, const struct worker_token *t, struct secret *ret_so_pin, struct secret *ret_pin,
		struct err *e)
{
	/* what an earlier call has made was not set */
	secret_free(&n->made.so_pin);
	if (so_pin(n, t, ret_so_pin, e) != 0)
		return -1;
	return ret_pin->len != 0 ? 0 : new_pin(n, t, ret_pin, e);
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
