#include "pkcs11/ckr.h"
#include "pkcs11/login.h"
#include "pkcs11/object.h"
#include "pkcs11/pad.h"
#include "pkcs11/pins.h"
#include "pkcs11/profile.h"
#include "pkcs11/token.h"

#include <stdlib.h>
#include <string.h>

/* The label as C_InitToken wants it: 32 bytes, padded with blanks. */
static void pad_label(CK_UTF8CHAR ret[32], const char *label)
{
	memset(ret, ' ', 32);
	size_t n = strlen(label);
	memcpy(ret, label, n < 32 ? n : 32);
}

int p11_token_correct(struct p11_token_info *t, const struct profile *p, struct err *e)
{
	bool blank = false;
	if (p != NULL && t->hardware && !t->unreadable && p11_pins_blank(p, t->reader, &blank, e) != 0)
		return -1;
	if (blank)
		t->flags &= ~(CK_FLAGS)(CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
	return 0;
}

static int check_blank(const struct p11_token_info *t, struct err *e)
{
	/* a PIN means that somebody has set the token up, whatever its other flag says */
	if ((t->flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)) == 0)
		return 0;
	err_set(e, ERR_FOREIGN, "the token in slot %lu is initialized already and was left as it is", t->slot);
	return err_next(e, "pull it out, put it in again and run the same command; if it stays so, `tokenroll tokens` "
			   "shows what is on it");
}

/* How many objects of somebody's can be seen without a PIN. */
static int count_objects(const struct p11_token *t, size_t *ret, struct err *e)
{
	struct p11_objects found = {NULL, 0};
	*ret = 0;
	if (p11_object_find(t, P11_CLASS_ANY, NULL, &found, e) != 0)
		return -1;
	for (size_t i = 0; i < found.n; i++)
		*ret += !p11_object_is_nobodys(t, found.handle[i]);
	p11_objects_free(&found);
	return 0;
}

static int check_empty(const struct p11_token *t, struct err *e)
{
	size_t n;
	if (count_objects(t, &n, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	err_set(e, ERR_FOREIGN, "token %s has no user PIN but holds objects (%zu), so it was left as it is",
		p11_token_name(t), n);
	return err_next(e, "take another token; if this one is the right one, set its user PIN with its maker's tool, "
			   "then run the same command");
}

/* A token that says it is blank, but is not: C_InitToken would destroy what is on it. Most modules open no session
 * where there is nothing yet, and then nothing can be seen. */
static int check_nothing_there(struct p11_module *m, const struct profile *p, CK_SLOT_ID slot, struct err *e)
{
	struct p11_token *t = NULL;
	struct err why = ERR_INIT;
	size_t n = 0;
	if (p11_token_open(&t, m, p, slot, NULL, NULL, false, &why) != 0) {
		if (why.code != ERR_REMOVED)
			return 0;
		*e = why;
		return -1;
	}
	int ret = count_objects(t, &n, e);
	p11_token_close(&t);
	if (ret != 0 || n == 0)
		return ret;
	err_set(e, ERR_FOREIGN,
		"the token in slot %lu says that it was never initialized but holds objects (%zu), so "
		"it was left as it is",
		slot, n);
	return err_next(e, "take another token; this one can only be cleared with its maker's tool");
}

static bool was_there(const struct p11_token_info *before, size_t n, const struct p11_token_info *t)
{
	for (size_t i = 0; i < n; i++) {
		bool same = before[i].unreadable ? before[i].slot == t->slot : strcmp(before[i].serial, t->serial) == 0;
		if (same && (before[i].unreadable || (before[i].flags & CKF_TOKEN_INITIALIZED)))
			return true;
	}
	return false;
}

/* The token that C_InitToken made: in the same slot if it is initialized now, else the one that is new. */
static int find_initialized(struct p11_module *m, CK_SLOT_ID slot, const char *label,
			    const struct p11_token_info *before, size_t n_before, struct p11_token_info *ret,
			    struct err *e)
{
	struct p11_token_info *now = NULL;
	size_t n = 0;
	if (p11_token_list(m, &now, &n, e) != 0)
		return -1;
	const struct p11_token_info *found = NULL;
	for (size_t i = 0; i < n && found == NULL; i++) {
		bool fresh = (now[i].flags & CKF_TOKEN_INITIALIZED) && !was_there(before, n_before, &now[i]);
		if (fresh && (now[i].slot == slot || strcmp(now[i].label, label) == 0))
			found = &now[i];
	}
	if (found != NULL)
		*ret = *found;
	free(now);
	return found != NULL ? 0 : err_set(e, ERR_TOKEN_FAILED, "the token was initialized but cannot be found again");
}

static int read_same(struct p11_module *m, const struct profile *p, const struct p11_token_info *want,
		     const struct secret *so_pin, struct err *e)
{
	struct p11_token_info is;
	if (p11_token_read(m, want->slot, &is, e) != 0 || p11_token_same(want, &is, e) != 0)
		return -1;
	if (p11_token_correct(&is, p, e) != 0 || check_blank(&is, e) != 0)
		return -1;
	return p11_pad_check(is.flags, is.serial, so_pin, "new SO PIN", e);
}

/* so_pin NULL: the reader asks. */
static CK_RV call_init_token(struct p11_module *m, CK_SLOT_ID slot, struct secret *so_pin, CK_UTF8CHAR label[32])
{
	CK_UTF8CHAR_PTR pin = so_pin != NULL ? (CK_UTF8CHAR_PTR)so_pin->bytes : NULL;
	return p11_module_functions(m)->C_InitToken(slot, pin, so_pin != NULL ? so_pin->len : 0, label);
}

static int init_token(struct p11_module *m, CK_SLOT_ID slot, struct secret *so_pin, CK_UTF8CHAR label[32],
		      struct err *e)
{
	CK_RV rv = call_init_token(m, slot, so_pin, label);
	if (rv == CKR_OK)
		return 0;
	if (so_pin == NULL && p11_pad_failed(rv, "", e))
		return -1;
	return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot initialize the token in slot %lu", slot);
}

int p11_token_init(struct p11_module *m, const struct profile *p, const struct p11_token_info *want, const char *label,
		   struct secret *so_pin, struct p11_token_info *ret_info, struct err *e)
{
	struct p11_token_info *before = NULL;
	size_t n = 0;
	CK_UTF8CHAR padded[32];
	if (p11_token_list(m, &before, &n, e) != 0)
		return -1;
	/* some modules say of it that it is initialized already */
	for (size_t i = 0; i < n; i++)
		before[i].flags &= before[i].slot == want->slot ? 0 : ~(CK_FLAGS)0;
	pad_label(padded, label);
	int ret = check_nothing_there(m, p, want->slot, e);
	/* last, so that nobody can have put in another one meanwhile without its being noticed */
	if (ret == 0)
		ret = read_same(m, p, want, so_pin, e);
	if (ret == 0)
		ret = init_token(m, want->slot, so_pin, padded, e);
	if (ret == 0)
		ret = find_initialized(m, want->slot, label, before, n, ret_info, e);
	free(before);
	return ret;
}

/* The token in want's slot, or the one of its serial number: some modules move it to another slot. */
static int find_reset(struct p11_module *m, const struct p11_token_info *want, struct p11_token_info *ret,
		      struct err *e)
{
	struct p11_token_info *now = NULL;
	size_t n = 0;
	if (p11_token_list(m, &now, &n, e) != 0)
		return -1;
	const struct p11_token_info *found = NULL;
	for (size_t i = 0; i < n; i++) {
		bool same = want->serial[0] != '\0' && strcmp(now[i].serial, want->serial) == 0;
		if (same || (found == NULL && now[i].slot == want->slot))
			found = &now[i];
	}
	if (found != NULL)
		*ret = *found;
	free(now);
	return found != NULL ? 0 : err_set(e, ERR_TOKEN_FAILED, "the token was initialized but cannot be found again");
}

int p11_token_reset(struct p11_module *m, const struct p11_token_info *want, const char *label, struct secret *so_pin,
		    struct p11_token_info *ret_info, struct err *e)
{
	struct p11_token_info is;
	CK_UTF8CHAR padded[32];
	pad_label(padded, label);
	if (p11_token_read(m, want->slot, &is, e) != 0 || p11_token_same(want, &is, e) != 0 ||
	    p11_pad_check(is.flags, is.serial, so_pin, "SO PIN", e) != 0)
		return -1;
	CK_RV rv = call_init_token(m, want->slot, so_pin, padded);
	if (so_pin == NULL && p11_pad_failed(rv, want->serial, e))
		return -1;
	if (rv == CKR_PIN_INCORRECT) {
		err_set(e, ERR_PIN_WRONG, "the SO PIN of token %s is wrong", want->serial);
		return err_native(e, "%s", ckr_name(rv));
	}
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot initialize token %s", want->serial);
	return find_reset(m, want, ret_info, e);
}

static int check_pinless(const struct p11_token_info *t, struct err *e)
{
	if (!(t->flags & CKF_TOKEN_INITIALIZED) || (t->flags & CKF_USER_PIN_INITIALIZED))
		return err_set(e, ERR_FOREIGN, "token %s does not wait for its first user PIN and was left as it is",
			       t->serial);
	return 0;
}

static int set_pin(struct p11_token *t, bool last_try, struct secret *so_pin, struct secret *pin, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	if (p11_login(t, PROFILE_SO, so_pin, last_try, e) != 0)
		return -1;
	CK_RV rv = f->C_InitPIN(p11_token_session(t), pin != NULL ? (CK_UTF8CHAR_PTR)pin->bytes : NULL,
				pin != NULL ? pin->len : 0);
	p11_logout(t);
	if (pin == NULL && p11_pad_failed(rv, p11_token_name(t), e))
		return -1;
	return rv == CKR_OK
		   ? 0
		   : ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot set the user PIN of token %s", p11_token_name(t));
}

int p11_token_init_pin(struct p11_module *m, const struct profile *p, const struct p11_token_info *want, bool ours,
		       bool last_try, struct secret *so_pin, struct secret *pin, struct p11_token_info *ret_info,
		       struct err *e)
{
	struct p11_token *t = NULL;
	if (p11_token_open(&t, m, p, want->slot, NULL, NULL, true, e) != 0)
		return -1;
	int ret = p11_token_same(want, p11_token_description(t), e);
	if (ret == 0 && !ours)
		ret = check_pinless(p11_token_description(t), e);
	if (ret == 0 && !ours)
		ret = check_empty(t, e);
	if (ret == 0)
		ret = set_pin(t, last_try, so_pin, pin, e);
	p11_token_close(&t);
	/* its flags are others now */
	return ret == 0 ? p11_token_read(m, want->slot, ret_info, e) : -1;
}
