#include "enroll/preset.h"

#include <string.h>

static const char *word_of(enum profile_secret which)
{
	static const char *const words[PROFILE_PIN_COUNT] = {"pin", "so-pin", "puk"};
	return words[which];
}

bool preset_is_current(const struct profile *p, bool blank, struct p11_pin_state states[PROFILE_PIN_COUNT])
{
	bool current = blank && p->init.how == PROFILE_HOW_INIT_TOKEN && p->init.so_pin_current;
	struct p11_pin_state *so = &states[PROFILE_SO_PIN];
	if (current && so->factory == P11_FACTORY_UNKNOWN)
		so->factory = P11_FACTORY_MAYBE;
	return current;
}

int preset_may_send(const struct preset *p, enum profile_secret which, const struct p11_pin_state *now, bool *ret,
		    struct err *e)
{
	bool refused = false, wrong_before = now->low || now->final || now->locked;
	*ret = p->profile->pin[which].factory.n == 1 && now->factory == P11_FACTORY_YES;
	if (p->profile->pin[which].factory.n != 1 || now->factory != P11_FACTORY_MAYBE || wrong_before)
		return 0;
	if (p->port->audited(p->store, p->serial, PRESET_REFUSED, word_of(which), &refused, e) != 0)
		return -1;
	*ret = !refused;
	return 0;
}

int preset_value(const struct profile *p, enum profile_secret which, struct secret *ret, struct err *e)
{
	const char *value = p->pin[which].factory.v[0];
	return secret_set(ret, value, strlen(value), e);
}

int preset_refused(const struct preset *p, enum profile_secret which, struct err *e)
{
	static const char *const options[PROFILE_PIN_COUNT] = {"--pin-file", "--so-pin-file", "--puk-file"};
	struct err unsaid = ERR_INIT;
	if (e->code != ERR_PIN_WRONG && e->code != ERR_PIN_LOCKED)
		return -1;
	if (p->port->audit(p->store, PRESET_REFUSED, "", p->serial, word_of(which), &unsaid) != 0)
		return err_next(e, "it was the factory's, and that could not be noted (%s); give the right one with %s",
				unsaid.what, options[which]);
	return err_next(e,
			"nobody gave it, so the factory's was tried, which will not happen again; give the right one "
			"with %s FILE, or run the command again and type it",
			options[which]);
}
