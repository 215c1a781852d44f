#include "pkcs11/login.h"
#include "pkcs11/ckr.h"
#include "pkcs11/object.h"
#include "pkcs11/pad.h"
#include "pkcs11/token_impl.h"

/* The flags of CK_TOKEN_INFO that count a secret's tries (PKCS#11 v2.40, 3.2). */
struct counter {
	CK_FLAGS low, final, locked;
};

static const struct counter counters[PROFILE_NOBODY] = {
    [PROFILE_USER] = {CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED},
    [PROFILE_SO] = {CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED},
};

/* What people know this secret of the token as. */
static const char *name_of(const struct p11_token *t, enum profile_who who)
{
	const char *name = t->profile->pin[who == PROFILE_SO ? PROFILE_SO_PIN : PROFILE_PIN].name;
	return name != NULL ? name : who == PROFILE_SO ? "SO PIN" : "PIN";
}

static int so_locked(const struct p11_token *t, struct err *e)
{
	err_set(e, ERR_PIN_LOCKED, "the %s of token %s is locked", name_of(t, PROFILE_SO), p11_token_name(t));
	return err_next(e, "take another token; this one can only be reset with its maker's tool");
}

static int check_counter(const struct p11_token *t, enum profile_who who, bool last_try, struct err *e)
{
	const struct p11_token_info *info = &t->info;
	if ((info->flags & counters[who].locked) != 0)
		return who == PROFILE_SO
			   ? so_locked(t, e)
			   : err_set(e, ERR_PIN_LOCKED, "the PIN of token %s is locked", p11_token_name(t));
	if (who == PROFILE_USER && !(info->flags & CKF_USER_PIN_INITIALIZED) && (info->flags & CKF_LOGIN_REQUIRED)) {
		err_set(e, ERR_PIN_NEEDED, "token %s has no user PIN yet", p11_token_name(t));
		return err_next(e, "set one with the token's SO PIN, then run the same command");
	}
	if ((info->flags & counters[who].final) == 0 || last_try)
		return 0;
	if (who == PROFILE_USER)
		return err_set(e, ERR_PIN_LAST_TRY, "token %s has one PIN try left, which was not spent",
			       p11_token_name(t));
	err_set(e, ERR_PIN_LAST_TRY, "the %s of token %s has one try left, which was not spent", name_of(t, who),
		p11_token_name(t));
	return err_next(e, "if you are sure of it, add --last-try");
}

/* What the counter says now is worth telling; the token itself knows best. */
static const char *tries_left(const struct p11_token *t, enum profile_who who)
{
	struct p11_token_info now = {.flags = 0};
	if (p11_token_read_info(t->module, t->info.slot, &now, NULL) != 0)
		return "";
	if (now.flags & counters[who].locked)
		return " and is locked now";
	if (now.flags & counters[who].final)
		return "; ONE try is left before it locks";
	return now.flags & counters[who].low ? "; few tries are left" : "";
}

static bool says_wrong(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID;
}

static int login_failed(const struct p11_token *t, enum profile_who who, bool on_pad, CK_RV rv, struct err *e)
{
	if (on_pad && p11_pad_failed(rv, p11_token_name(t), e))
		return -1;
	const char *left = rv == CKR_PIN_INCORRECT ? tries_left(t, who) : "";
	if (says_wrong(rv)) {
		ckr_error(e, CKR_PIN_INCORRECT, ERR_PIN_WRONG, "the %s of token %s is wrong%s", name_of(t, who),
			  p11_token_name(t), left);
		err_native(e, "%s", ckr_name(rv));
		return who == PROFILE_USER
			   ? -1
			   : err_next(e, "it was tried once and is not tried again by itself; run the "
					 "command again with the right one, also if this was: some modules "
					 "call it wrong whenever the card fails; or take another token");
	}
	if (who == PROFILE_SO && rv == CKR_PIN_LOCKED) {
		so_locked(t, e);
		return err_native(e, "%s", ckr_name(rv));
	}
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot log in to token %s%s", p11_token_name(t),
			 who == PROFILE_SO ? " as security officer" : "");
}

static CK_RV call_login(struct p11_token *t, CK_USER_TYPE user, struct secret *s)
{
	CK_FUNCTION_LIST *f = p11_module_functions(t->module);
	return f->C_Login(t->session, user, s != NULL ? (CK_UTF8CHAR_PTR)s->bytes : NULL, s != NULL ? s->len : 0);
}

static int login(struct p11_token *t, enum profile_who who, struct secret *s, struct err *e)
{
	p11_logout(t);
	CK_RV rv = call_login(t, who == PROFILE_SO ? CKU_SO : CKU_USER, s);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return login_failed(t, who, s == NULL, rv, e);
	t->logged_in = who;
	return 0;
}

/* A secret that is used once is not kept. */
static bool is_needed_again(const struct profile_key *k)
{
	return k->generate == PROFILE_SO || k->certificate == PROFILE_SO || k->delete == PROFILE_SO ||
	       k->always_authenticate != PROFILE_NO;
}

static void remember(struct p11_token *t, enum profile_who who, const struct secret *s)
{
	secret_free(&t->known[who]);
	if (s != NULL && is_needed_again(&t->profile->key)) {
		t->known[who] = secret_new();
		secret_set(t->known[who], s->bytes, s->len, NULL);
	}
	t->had[who] = true;
}

/* The flags about tries as they are now. Those of a moment ago, when the token was opened, are; a login makes them old.
 */
static int read_flags(struct p11_token *t, struct err *e)
{
	bool fresh = p11_token_is_fresh(&t->info);
	t->info.read_at = 0;
	return fresh ? 0 : p11_token_read_info(t->module, t->info.slot, &t->info, e);
}

int p11_login(struct p11_token *t, enum profile_who who, struct secret *s, bool last_try, struct err *e)
{
	if (read_flags(t, e) != 0 || check_counter(t, who, last_try, e) != 0)
		return -1;
	if (p11_pad_check(t->info.flags, p11_token_name(t), s, name_of(t, who), e) != 0 || login(t, who, s, e) != 0)
		return -1;
	remember(t, who, s);
	return 0;
}

int p11_login_as(struct p11_token *t, enum profile_who who, struct err *e)
{
	if (who == PROFILE_NOBODY || t->logged_in == who)
		return 0;
	bool pad = (t->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	if (!t->had[who] || (t->known[who] == NULL && !pad))
		return err_set(e, ERR_PIN_NEEDED, "token %s needs its %s for this", p11_token_name(t), name_of(t, who));
	return login(t, who, t->known[who], e);
}

int p11_login_to_sign(struct p11_token *t, struct err *e)
{
	bool so_signs = t->profile->key.sign == PROFILE_SIGN_AFTER_PIN && t->had[PROFILE_USER];
	return so_signs && t->logged_in == PROFILE_SO ? 0 : p11_login_as(t, PROFILE_USER, e);
}

enum profile_who p11_login_who(const struct p11_token *t)
{
	return t->logged_in;
}

void p11_login_changed(struct p11_token *t, enum profile_who who, const struct secret *s)
{
	if (t->had[who])
		remember(t, who, s);
}

void p11_logout(struct p11_token *t)
{
	if (t->logged_in != PROFILE_NOBODY)
		p11_module_functions(t->module)->C_Logout(t->session);
	t->logged_in = PROFILE_NOBODY;
}

bool p11_login_is_wanted(const struct p11_token *t, CK_OBJECT_HANDLE key)
{
	switch (t->profile->key.always_authenticate) {
	case PROFILE_YES:
		return true;
	case PROFILE_NO:
		return false;
	default:
		return p11_attribute_bool(t, key, CKA_ALWAYS_AUTHENTICATE, false);
	}
}

int p11_login_again(struct p11_token *t, struct err *e)
{
	CK_RV rv = call_login(t, CKU_CONTEXT_SPECIFIC, t->known[PROFILE_USER]);
	return rv == CKR_OK ? 0 : login_failed(t, PROFILE_USER, t->known[PROFILE_USER] == NULL, rv, e);
}

const struct secret *p11_login_pin(const struct p11_token *t)
{
	return t->known[PROFILE_USER];
}

void p11_login_forget(struct p11_token *t)
{
	for (int who = 0; who < PROFILE_NOBODY; who++) {
		secret_free(&t->known[who]);
		t->had[who] = false;
	}
	t->logged_in = PROFILE_NOBODY;
}
