/* What a file that says nothing means, and what only shows once all of it is known. */
#include "core/xalloc.h"
#include "pkcs11/profile_read.h"

#include <stdlib.h>
#include <string.h>

static const char *const pin_sections[PROFILE_PIN_COUNT] = {"pin", "so-pin", "puk"};
static const char *const call_sections[PROFILE_OPERATION_COUNT] = {"change-pin", "change-so-pin", "change-puk",
								   "unblock"};

/* PKCS#11 v2.40, 5.5: C_SetPIN in a public session changes the user's PIN, logged in as SO the SO's; C_InitPIN gives
 * the user a new one. A PUK is nothing that the standard knows. */
static void set_call_defaults(struct profile *p)
{
	static const struct {
		enum profile_how how;
		enum profile_who login;
	} defaults[PROFILE_OPERATION_COUNT] = {
	    [PROFILE_CHANGE_PIN] = {PROFILE_HOW_SET_PIN, PROFILE_NOBODY},
	    [PROFILE_CHANGE_SO_PIN] = {PROFILE_HOW_SET_PIN, PROFILE_SO},
	    [PROFILE_CHANGE_PUK] = {PROFILE_HOW_NOT, PROFILE_NOBODY},
	    [PROFILE_UNBLOCK] = {PROFILE_HOW_INIT_PIN, PROFILE_SO},
	};
	for (size_t i = 0; i < PROFILE_OPERATION_COUNT; i++) {
		p->call[i].how = defaults[i].how;
		p->call[i].login = defaults[i].login;
	}
}

static enum profile_alphabet usual_random_alphabet(size_t which)
{
	/* an SO PIN by the narrowest of the usual rules: a SmartCard-HSM takes hex digits only */
	return which == PROFILE_PIN ? PROFILE_DIGITS : which == PROFILE_SO_PIN ? PROFILE_HEX : PROFILE_ALPHANUMERIC;
}

static void set_pin_defaults(struct profile *p)
{
	static const char *const names[PROFILE_PIN_COUNT] = {"PIN", "SO PIN", "PUK"};
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		struct profile_pin *pin = &p->pin[i];
		pin->exists = i != PROFILE_PUK;
		pin->pad = i != PROFILE_PUK;
		pin->name = xstrdup(names[i]);
		pin->multiple = 1;
		pin->alphabet = PROFILE_UTF8;
		/* a PIN is typed every day, the others are kept */
		pin->random_alphabet = usual_random_alphabet(i);
		pin->report_narrows = i == PROFILE_PIN;
	}
}

void profile_set_defaults(struct profile *p)
{
	p->id = xstrdup("builtin");
	p->key.generate = p->key.certificate = p->key.delete = PROFILE_USER;
	p->init.how = PROFILE_HOW_INIT_TOKEN;
	set_pin_defaults(p);
	set_call_defaults(p);
}

static int check_factory(struct profile_reader *r, const struct profile_pin *pin, const char *section)
{
	for (size_t i = 0; i < pin->factory.n; i++) {
		const char *v = pin->factory.v[i];
		size_t len = strlen(v);
		if ((pin->min != 0 && len < pin->min) || (pin->max != 0 && len > pin->max) ||
		    !profile_alphabet_has(pin->alphabet, v, len))
			return profile_fault_at(r, section, "factory",
						"the factory's value '%s' is not what the rules of [%s] allow", v,
						section);
	}
	if (pin->tries_answer != NULL && (pin->tries_apdu.n == 0 || strstr(pin->tries_answer, "##") == NULL))
		return profile_fault_at(r, section, "tries-answer", "%s",
					pin->tries_apdu.n == 0 ? "there is no tries-apdu"
							       : "## is missing, where the number of tries stands");
	if ((pin->factory_apdu.n != 0) != (pin->factory_answer != NULL))
		return profile_fault_at(r, section, pin->factory_apdu.n != 0 ? "factory-apdu" : "factory-answer",
					"factory-apdu and factory-answer go together");
	if (pin->own_answer != NULL && pin->factory_apdu.n == 0)
		return profile_fault_at(r, section, "own-answer", "there is no factory-apdu");
	return 1;
}

static int complete_pin(struct profile_reader *r, size_t which)
{
	struct profile_pin *pin = &r->p->pin[which];
	const char *section = pin_sections[which];
	if (pin->multiple == 0)
		pin->multiple = 1;
	if (pin->max != 0 && pin->min > pin->max)
		return profile_fault_at(r, section, "min", "min is %zu, but max is %zu", pin->min, pin->max);
	/* each alphabet has all characters of the ones before it */
	if (pin->random_alphabet > pin->alphabet) {
		if (pin->random_alphabet != usual_random_alphabet(which))
			return profile_fault_at(r, section, "random-alphabet", "alphabet does not allow all of these");
		pin->random_alphabet = pin->alphabet;
	}
	if (pin->random != 0 &&
	    ((pin->max != 0 && pin->random > pin->max) || pin->random < pin->min || pin->random % pin->multiple != 0))
		return profile_fault_at(r, section, "random", "a random one of %zu bytes is not what the rules allow",
					pin->random);
	return check_factory(r, pin, section);
}

static unsigned needs_of(const struct profile_template *t)
{
	unsigned needs = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->piece[i].kind == PROFILE_SECRET_BYTES)
			needs |= 1u << t->piece[i].secret;
	}
	return needs;
}

/* The arguments as the standard has them, where the file says none. */
static int set_arguments(struct profile_reader *r, size_t which)
{
	static const char *const old[PROFILE_OPERATION_COUNT] = {"{pin}", "{so-pin}", "{puk}", "{puk}"};
	struct profile_call *c = &r->p->call[which];
	if (c->how == PROFILE_HOW_SET_PIN && c->old.n == 0 && !profile_template_argument(r, &c->old, old[which]))
		return 0;
	if ((c->how == PROFILE_HOW_SET_PIN || c->how == PROFILE_HOW_INIT_PIN) && c->new.n == 0)
		return profile_template_argument(r, &c->new, "{new}");
	return 1;
}

/* Keys that say how, without the call that uses them, would be obeyed by nobody. */
static int check_call(struct profile_reader *r, const struct profile_call *c, const char *section)
{
	bool arguments = c->how == PROFILE_HOW_SET_PIN || c->how == PROFILE_HOW_INIT_PIN;
	if ((c->apdu.n != 0) != (c->how == PROFILE_HOW_APDU))
		return profile_fault_at(r, section, c->apdu.n != 0 ? "apdu" : "call",
					"call = apdu and apdu go together");
	if ((c->tool != NULL) != (c->how == PROFILE_HOW_TOOL))
		return profile_fault_at(r, section, c->tool != NULL ? "tool" : "call",
					"call = tool and tool go together");
	if (!arguments && (c->old.n != 0 || c->new.n != 0))
		return profile_fault_at(r, section, c->new.n != 0 ? "new" : "old", "this call has no arguments");
	if (c->how == PROFILE_HOW_INIT_PIN && c->old.n != 0)
		return profile_fault_at(r, section, "old", "C_InitPIN has no old value");
	return 1;
}

static const struct profile_pin *missing_secret(const struct profile *p, unsigned needs)
{
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if ((needs & 1u << i) != 0 && !p->pin[i].exists)
			return &p->pin[i];
	}
	return NULL;
}

static int complete_call(struct profile_reader *r, size_t which)
{
	struct profile_call *c = &r->p->call[which];
	const char *section = call_sections[which];
	if (!check_call(r, c, section) || !set_arguments(r, which))
		return 0;
	c->needs = needs_of(&c->old) | needs_of(&c->new);
	for (size_t i = 0; i < c->apdu.n; i++)
		c->needs |= needs_of(&c->apdu.v[i]);
	if (c->how == PROFILE_HOW_SET_PIN || c->how == PROFILE_HOW_INIT_PIN)
		c->needs |=
		    c->login == PROFILE_USER ? 1u << PROFILE_PIN : (c->login == PROFILE_SO ? 1u << PROFILE_SO_PIN : 0);
	if ((c->needs & 1u << PROFILE_FILE) != 0)
		return profile_fault_at(r, section, NULL, "{file} has its place in [orphan] only");
	const struct profile_pin *missing = missing_secret(r->p, c->needs);
	if (missing != NULL && profile_has_section(r, section))
		return profile_fault_at(r, section, "call", "[%s] uses the %s, but this token has none", section,
					missing->name);
	if (missing != NULL) {
		/* the standard's way, which this token lacks the secret for */
		c->how = PROFILE_HOW_NOT;
		c->needs = 0;
	}
	if (c->how != PROFILE_HOW_NOT && c->how != PROFILE_HOW_TOOL && (c->needs & 1u << PROFILE_NEW) == 0)
		return profile_fault_at(r, section, "call", "there is no {new} in it");
	return 1;
}

static bool is_empty(const struct profile_match *m)
{
	size_t n = 0;
	for (size_t i = 0; i < PROFILE_FACT_COUNT; i++)
		n += m->fact[i].n;
	return n == 0;
}

static int complete_match(struct profile_reader *r)
{
	const struct profile *p = r->p;
	if (p->name == NULL)
		return profile_fault_at(r, "token", NULL, "[token] name is missing");
	for (size_t i = 0; i < p->n_match; i++) {
		if (is_empty(&p->match[i]))
			return profile_fault_at(r, "match", NULL,
						"a [match] with nothing in it would match every token");
	}
	for (size_t i = 0; i < p->n_card; i++) {
		if (is_empty(&p->card[i]))
			return profile_fault_at(r, "card", NULL, "a [card] with nothing in it would match every card");
	}
	if (p->n_match == 0 && p->n_card == 0)
		return profile_fault_at(r, "token", NULL, "there is no [match], so no token is of this kind");
	return 1;
}

#define DRIVER_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static int complete_key(struct profile_reader *r)
{
	const struct profile_key *k = &r->p->key;
	if ((k->id == PROFILE_ID_FIXED) != (k->n_place != 0))
		return profile_fault_at(r, "key", k->n_place != 0 ? "place" : "id", "id = fixed and place go together");
	if (k->attestation == PROFILE_ATTEST_NONE && k->attestation_issuer.len != 0)
		return profile_fault_at(r, "key", "attestation-issuer", "there is no attestation to issue");
	const char *driver = r->p->module.opensc_driver;
	if (driver != NULL && driver[strspn(driver, DRIVER_CHARACTERS)] != '\0')
		return profile_fault_at(r, "module", "opensc-driver", "'%s' is not the name of a driver", driver);
	if (r->p->module.required && r->p->module.enroll.n == 0)
		return profile_fault_at(r, "module", "required", "no module is named with enroll");
	return 1;
}

/* Each command has a place for this secret, or with PROFILE_SECRET_COUNT for none. */
static int check_places(struct profile_reader *r, const struct profile_apdus *list, enum profile_secret which,
			const char *section, const char *key)
{
	unsigned wanted = which != PROFILE_SECRET_COUNT ? 1u << which : 0, needs = 0;
	for (size_t i = 0; i < list->n; i++)
		needs |= needs_of(&list->v[i]);
	return needs == wanted ? 1
			       : profile_fault_at(r, section, key,
						  wanted != 0 ? "a command has {file:2} in it, and nothing else"
							      : "these commands have no places");
}

static int complete_orphan(struct profile_reader *r)
{
	const struct profile_orphan *o = &r->p->orphan;
	if (!check_places(r, &r->p->key.deselect, PROFILE_SECRET_COUNT, "key", "deselect") ||
	    !check_places(r, &r->p->serial_apdu, PROFILE_SECRET_COUNT, "token", "serial-apdu"))
		return 0;
	if (!profile_has_section(r, "orphan"))
		return 1;
	if (o->list.n == 0 || o->key.len != 1 || o->files.len == 0 || o->read.n == 0 || o->delete.n == 0)
		return profile_fault_at(r, "orphan", NULL, "list, key (one byte), files, read and delete go together");
	return check_places(r, &o->list, PROFILE_SECRET_COUNT, "orphan", "list") &&
	       check_places(r, &o->read, PROFILE_FILE, "orphan", "read") &&
	       check_places(r, &o->delete, PROFILE_FILE, "orphan", "delete");
}

static int complete_init(struct profile_reader *r)
{
	const struct profile_init *i = &r->p->init;
	if ((i->tool != NULL) != (i->how == PROFILE_HOW_TOOL))
		return profile_fault_at(r, "init", i->tool != NULL ? "tool" : "call",
					"call = tool and tool go together");
	if (i->leaves_factory && r->p->pin[PROFILE_PIN].factory.n == 0)
		return profile_fault_at(r, "init", "leaves", "[pin] does not say the factory's value");
	return 1;
}

int profile_complete_calls(struct profile_reader *r)
{
	int ok = 1;
	for (size_t i = 0; ok && i < PROFILE_OPERATION_COUNT; i++)
		ok = complete_call(r, i);
	return ok;
}

int profile_complete(struct profile_reader *r)
{
	int ok = complete_match(r) && complete_key(r) && complete_orphan(r) && complete_init(r);
	for (size_t i = 0; ok && i < PROFILE_PIN_COUNT; i++)
		ok = complete_pin(r, i);
	return ok && profile_complete_calls(r);
}
