#include "pkcs11/pins.h"
#include "pkcs11/apdu.h"
#include "pkcs11/ckr.h"
#include "pkcs11/login.h"
#include "pkcs11/pad.h"

#include <string.h>

#define SW_UNUSABLE 0x6984 /* reference data not usable (ISO/IEC 7816-4, 5.1.3): there is none yet */

/* The flags that a secret has in CK_TOKEN_INFO (PKCS#11 v2.40, 3.2); a PUK has none. */
static const struct {
	CK_FLAGS low, final, locked, to_be_changed;
} flags[PROFILE_PIN_COUNT] = {
    [PROFILE_PIN] = {CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED, CKF_USER_PIN_TO_BE_CHANGED},
    [PROFILE_SO_PIN] = {CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED, CKF_SO_PIN_TO_BE_CHANGED},
};

/* Which secret an operation gives a new value, and which one it is allowed by. */
static const struct {
	enum profile_secret changed, key;
} operations[PROFILE_OPERATION_COUNT] = {
    [PROFILE_CHANGE_PIN] = {PROFILE_PIN, PROFILE_PIN},
    [PROFILE_CHANGE_SO_PIN] = {PROFILE_SO_PIN, PROFILE_SO_PIN},
    [PROFILE_CHANGE_PUK] = {PROFILE_PUK, PROFILE_PUK},
    [PROFILE_UNBLOCK] = {PROFILE_PIN, PROFILE_PUK},
};

static void read_flags(const struct p11_token_info *t, size_t which, struct p11_pin_state *ret)
{
	/* of a blank one they mean nothing: SoftHSM calls its SO PIN locked */
	if ((t->flags & CKF_TOKEN_INITIALIZED) == 0)
		return;
	ret->low = (t->flags & flags[which].low) != 0;
	ret->final = (t->flags & flags[which].final) != 0;
	ret->locked = (t->flags & flags[which].locked) != 0;
	if ((t->flags & flags[which].to_be_changed) != 0)
		ret->factory = P11_FACTORY_MAYBE;
}

/* The card's own count is newer than what a module remembers. */
static int read_tries(const char *reader, const struct profile_pin *pin, struct p11_pin_state *ret, struct err *e)
{
	static const struct profile_secrets none = {{NULL}};
	struct apdu_answer a;
	if (pin->tries_apdu.n == 0)
		return 0;
	if (apdu_run(reader, &pin->tries_apdu, &none, &a, e) != 0)
		return -1;
	int tries = a.sw == 0x9000 ? profile_answer_tries(pin, a.data, a.len) : apdu_tries(a.sw);
	ret->unset = a.sw == SW_UNUSABLE;
	if (tries < 0)
		return 0;
	ret->tries = tries;
	ret->locked = tries == 0;
	ret->final = tries == 1;
	ret->low = ret->low || (pin->tries != 0 && (unsigned)tries < pin->tries);
	return 0;
}

/* ISO/IEC 7816-4, 5.1.3: this card has no such command, or not for this secret. */
static bool is_not_known(unsigned sw)
{
	return sw >> 8 == 0x6D || sw >> 8 == 0x6E || sw == 0x6A81 || sw == 0x6A86 || sw == 0x6A88;
}

static int no_sense(const char *reader, const struct profile_pin *pin, unsigned sw, struct err *e)
{
	err_set(e, ERR_TOKEN_FAILED, "the card in '%s' was asked whether its %s is the factory's, and did not tell",
		reader, pin->name);
	return err_native(e, "SW %04X", sw);
}

static int read_factory(const char *reader, const struct profile_pin *pin, struct p11_pin_state *ret, struct err *e)
{
	static const struct profile_secrets none = {{NULL}};
	struct apdu_answer a;
	if (pin->factory_apdu.n == 0)
		return 0;
	if (apdu_run(reader, &pin->factory_apdu, &none, &a, e) != 0)
		return -1;
	/* a card that does not know the command says nothing of it; but what was only not understood is asked again,
	 * because a secret that everybody knows would stay */
	if (is_not_known(a.sw))
		return 0;
	bool factory = a.sw == 0x9000 && profile_answer_is_factory(pin, a.data, a.len);
	bool own = a.sw == 0x9000 && profile_answer_is_own(pin, a.data, a.len);
	if (factory == own)
		return no_sense(reader, pin, a.sw, e);
	ret->factory = factory ? P11_FACTORY_YES : P11_FACTORY_NO;
	return 0;
}

static int read_one(const struct profile *p, const struct p11_token_info *t, const char *reader, size_t which,
		    bool brief, struct p11_pin_state *ret, struct err *e)
{
	const struct profile_pin *pin = &p->pin[which];
	*ret = (struct p11_pin_state){.exists = pin->exists, .tries = -1};
	if (!pin->exists)
		return 0;
	read_flags(t, which, ret);
	if (*reader == '\0')
		return 0;
	if ((!brief || which == PROFILE_PIN) && read_tries(reader, pin, ret, e) != 0)
		return -1;
	return read_factory(reader, pin, ret, e);
}

int p11_pins_blank(const struct profile *p, const char *reader, bool *ret, struct err *e)
{
	struct p11_pin_state pin = {.exists = true, .tries = -1};
	int got = read_tries(reader, &p->pin[PROFILE_PIN], &pin, e);
	*ret = pin.unset;
	return got;
}

int p11_pins_read(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot,
		  const struct p11_token_info *known, const char *reader, bool brief,
		  struct p11_pin_state ret[PROFILE_PIN_COUNT], struct err *e)
{
	struct p11_token_info t;
	if (known != NULL)
		t = *known;
	else if (p11_token_read(m, slot, &t, e) != 0)
		return -1;
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if (read_one(p, &t, reader, i, brief, &ret[i], e) != 0)
			return -1;
	}
	return 0;
}

/* ---- changing */

static enum profile_secret key_of(const struct profile *p, enum profile_operation what)
{
	enum profile_secret key = operations[what].key;
	/* the standard unblocks with the SO PIN */
	return what == PROFILE_UNBLOCK && (p->call[what].needs & 1u << PROFILE_PUK) == 0 ? PROFILE_SO_PIN : key;
}

static int no_way(const struct profile *p, const char *serial, enum profile_operation what, struct err *e)
{
	const struct profile_call *c = &p->call[what];
	err_set(e, ERR_UNSUPPORTED, "tokenroll cannot %s the %s of token %s (profile %s)",
		what == PROFILE_UNBLOCK ? "unblock" : "change", p->pin[operations[what].changed].name, serial, p->id);
	return c->tool != NULL ? err_next(e, "use %s", c->tool)
			       : err_next(e, "use the program of the token's maker, if it can");
}

/* Where the one that helps is locked itself. */
static int no_help(enum profile_secret key, struct err *e)
{
	return key == PROFILE_PIN
		   ? -1
		   : err_next(e, "take another token; this one can only be reset, which loses what is on it");
}

static int check_counter(const struct profile *p, const char *serial, enum profile_secret key,
			 const struct p11_pin_state *s, bool last_try, struct err *e)
{
	const char *name = p->pin[key].name;
	if (s->locked) {
		err_set(e, ERR_PIN_LOCKED, "the %s of token %s is locked", name, serial);
		return no_help(key, e);
	}
	if (!s->final || last_try)
		return 0;
	err_set(e, ERR_PIN_LAST_TRY, "the %s of token %s has one try left, which was not spent", name, serial);
	return err_next(e, "if you are sure of it, add --last-try");
}

static int wrong(const struct profile *p, const char *serial, enum profile_secret key, int tries, const char *native,
		 struct err *e)
{
	const char *name = p->pin[key].name;
	if (tries == 0)
		err_set(e, ERR_PIN_LOCKED, "the %s of token %s is wrong and is locked now", name, serial);
	else if (tries > 0)
		err_set(e, ERR_PIN_WRONG, "the %s of token %s is wrong; %d %s left", name, serial, tries,
			tries == 1 ? "try is" : "tries are");
	else
		err_set(e, ERR_PIN_WRONG, "the %s of token %s is wrong", name, serial);
	if (tries == 0)
		no_help(key, e);
	return err_native(e, "%s", native);
}

static int run_apdus(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot, const char *reader,
		     enum profile_operation what, const struct profile_secrets *v, struct err *e)
{
	struct apdu_answer a;
	struct p11_token_info t;
	char sw[16];
	if (p11_token_read(m, slot, &t, e) != 0)
		return -1;
	const char *serial = t.serial;
	if (apdu_run(reader, &p->call[what].apdu, v, &a, e) != 0)
		return -1;
	if (a.sw == 0x9000)
		return 0;
	snprintf(sw, sizeof sw, "SW %04X", a.sw);
	int tries = apdu_tries(a.sw);
	if (tries >= 0)
		return wrong(p, serial, key_of(p, what), tries, sw, e);
	err_set(e, ERR_TOKEN_FAILED, "token %s refused the new %s", serial, p->pin[operations[what].changed].name);
	return err_native(e, "%s", sw);
}

/* Both NULL: the reader asks. */
static CK_RV call(struct p11_token *t, const struct profile_call *c, struct secret *old, struct secret *new)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	CK_SESSION_HANDLE s = p11_token_session(t);
	CK_UTF8CHAR_PTR o = old != NULL ? (CK_UTF8CHAR_PTR)old->bytes : NULL;
	CK_UTF8CHAR_PTR n = new != NULL ? (CK_UTF8CHAR_PTR) new->bytes : NULL;
	CK_ULONG o_len = old != NULL ? old->len : 0, n_len = new != NULL ? new->len : 0;
	return c->how == PROFILE_HOW_INIT_PIN ? f->C_InitPIN(s, n, n_len) : f->C_SetPIN(s, o, o_len, n, n_len);
}

static bool on_pad(const struct profile_secrets *v)
{
	return v->v[PROFILE_NEW] == NULL;
}

/* The secret of whoever has to be logged in, to be copied: logging in does not take it away. */
static int log_in(struct p11_token *t, const struct profile_call *c, const struct profile_secrets *v, bool last_try,
		  struct err *e)
{
	if (c->login == p11_login_who(t))
		return 0;
	p11_logout(t);
	if (c->login == PROFILE_NOBODY)
		return 0;
	if (on_pad(v))
		return p11_login(t, c->login, NULL, last_try, e);
	const struct secret *s = v->v[c->login == PROFILE_SO ? PROFILE_SO_PIN : PROFILE_PIN];
	struct secret *copy = secret_new();
	int ret = s != NULL ? secret_set(copy, s->bytes, s->len, e)
			    : err_set(e, ERR_PIN_NEEDED, "a secret of token %s is missing", p11_token_name(t));
	if (ret == 0)
		ret = p11_login(t, c->login, copy, last_try, e);
	secret_free(&copy);
	return ret;
}

static int refused(struct p11_token *t, enum profile_operation what, CK_RV rv, struct err *e)
{
	const struct profile *p = p11_token_profile(t);
	const char *serial = p11_token_name(t);
	/* C_InitPIN has no old value: that what logged in was wrong some tokens tell only there */
	if (rv == CKR_PIN_INCORRECT)
		return wrong(p, serial, key_of(p, what), -1, ckr_name(rv), e);
	if (rv == CKR_PIN_LOCKED) {
		err_set(e, ERR_PIN_LOCKED, "the %s of token %s is locked", p->pin[key_of(p, what)].name, serial);
		no_help(key_of(p, what), e);
		return err_native(e, "%s", ckr_name(rv));
	}
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "token %s refused the new %s", serial,
			 p->pin[operations[what].changed].name);
}

static int run_on_pad(struct p11_token *t, enum profile_operation what, const struct profile_secrets *v, bool last_try,
		      struct err *e)
{
	const struct profile_call *c = &p11_token_profile(t)->call[what];
	if (log_in(t, c, v, last_try, e) != 0)
		return -1;
	CK_RV rv = call(t, c, NULL, NULL);
	if (rv == CKR_OK)
		return 0;
	return p11_pad_failed(rv, p11_token_name(t), e) ? -1 : refused(t, what, rv, e);
}

static int run_with(struct p11_token *t, enum profile_operation what, const struct profile_secrets *v, bool last_try,
		    struct err *e)
{
	const struct profile_call *c = &p11_token_profile(t)->call[what];
	struct secret *old = secret_new(), *new = secret_new();
	int ret = c->old.n != 0 ? profile_render(&c->old, v, old, e) : 0;
	if (ret == 0)
		ret = profile_render(&c->new, v, new, e);
	if (ret == 0)
		ret = log_in(t, c, v, last_try, e);
	if (ret == 0) {
		CK_RV rv = call(t, c, old, new);
		ret = rv == CKR_OK ? 0 : refused(t, what, rv, e);
	}
	secret_free(&old);
	secret_free(&new);
	return ret;
}

static int run_call(struct p11_token *t, enum profile_operation what, const struct profile_secrets *v, bool last_try,
		    struct err *e)
{
	int ret = on_pad(v) ? run_on_pad(t, what, v, last_try, e) : run_with(t, what, v, last_try, e);
	/* a session that goes on logs in with the new one */
	if (ret == 0 && (what == PROFILE_CHANGE_PIN || what == PROFILE_CHANGE_SO_PIN))
		p11_login_changed(t, what == PROFILE_CHANGE_SO_PIN ? PROFILE_SO : PROFILE_USER, v->v[PROFILE_NEW]);
	return ret;
}

void p11_pins_tell_tries(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot, const char *reader,
			 const char *name, enum profile_secret which, struct err *e)
{
	struct p11_token_info t;
	struct p11_pin_state now;
	char native[sizeof e->native], next[sizeof e->next];
	if (e->code != ERR_PIN_WRONG || p11_token_read(m, slot, &t, NULL) != 0 ||
	    read_one(p, &t, reader, which, false, &now, NULL) != 0)
		return;
	memcpy(native, e->native, sizeof native);
	memcpy(next, e->next, sizeof next);
	if (now.tries < 0 && !now.locked)
		return;
	wrong(p, name != NULL ? name : t.serial, which, now.locked ? 0 : now.tries, native, e);
	if (e->code == ERR_PIN_WRONG && next[0] != '\0')
		err_next(e, "%s", next);
}

/* The new value: by the rules, or entered where nobody else sees it. */
static int check_new(const struct profile *p, const struct p11_token_info *t, enum profile_operation what,
		     const struct profile_secrets *v, struct err *e)
{
	struct profile_limits limits;
	const char *name = p->pin[operations[what].changed].name;
	if (on_pad(v))
		return profile_pad_takes(p, what)
			   ? p11_pad_check(t->flags, t->serial, NULL, name, e)
			   : err_set(e, ERR_PIN_NEEDED, "a new %s for token %s is missing", name, t->serial);
	profile_limits_of(&limits, p, operations[what].changed, t->pin_min, t->pin_max);
	return profile_pin_check(&limits, v->v[PROFILE_NEW], e);
}

/* What has to be so before anything is sent. */
static int check_change(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot, const char *reader,
			enum profile_operation what, const struct profile_secrets *v, bool last_try, struct err *e)
{
	const struct profile_call *c = &p->call[what];
	enum profile_secret key = key_of(p, what);
	struct p11_pin_state now[PROFILE_PIN_COUNT];
	struct p11_token_info t;
	if (p11_token_read(m, slot, &t, e) != 0)
		return -1;
	if (c->how == PROFILE_HOW_NOT || c->how == PROFILE_HOW_TOOL)
		return no_way(p, t.serial, what, e);
	if (check_new(p, &t, what, v, e) != 0 || p11_pins_read(m, p, slot, NULL, reader, false, now, e) != 0)
		return -1;
	return check_counter(p, t.serial, key, &now[key], last_try, e);
}

int p11_pins_change(struct p11_module *m, const struct profile *p, struct p11_token *open, CK_SLOT_ID slot,
		    const char *reader, enum profile_operation what, const struct profile_secrets *v, bool last_try,
		    struct err *e)
{
	struct p11_token *own = NULL;
	/* commands to the card would end the logins of the open session */
	if (check_change(m, p, slot, open != NULL ? "" : reader, what, v, last_try, e) != 0)
		return -1;
	if (p->call[what].how == PROFILE_HOW_APDU)
		return run_apdus(m, p, slot, reader, what, v, e);
	if (open == NULL && p11_token_open(&own, m, p, slot, NULL, NULL, true, e) != 0)
		return -1;
	int ret = run_call(open != NULL ? open : own, what, v, last_try, e);
	p11_token_close(&own);
	if (ret != 0 && open == NULL)
		p11_pins_tell_tries(m, p, slot, reader, NULL, key_of(p, what), e);
	return ret;
}
