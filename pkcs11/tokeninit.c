#include "pkcs11/ckr.h"
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

static int check_blank(struct p11_module *m, CK_SLOT_ID slot, struct err *e)
{
	CK_TOKEN_INFO ti;
	CK_RV rv = p11_module_functions(m)->C_GetTokenInfo(slot, &ti);
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "the token in slot %lu cannot be read", slot);
	/* a PIN means that somebody has set the token up, whatever its other flag says */
	if (ti.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED))
		return err_set(e, ERR_FOREIGN, "the token in slot %lu is initialized already and was left as it is",
			       slot);
	return 0;
}

static bool was_there(const struct p11_token_info *before, size_t n, const struct p11_token_info *t)
{
	for (size_t i = 0; i < n; i++) {
		if ((before[i].flags & CKF_TOKEN_INITIALIZED) && strcmp(before[i].serial, t->serial) == 0)
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

static int set_pin(struct p11_module *m, CK_SLOT_ID slot, struct secret *so_pin, struct secret *pin, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_module_functions(m);
	CK_SESSION_HANDLE s = CK_INVALID_HANDLE;
	CK_RV rv = f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot open a session to set the user PIN");
	rv = f->C_Login(s, CKU_SO, (CK_UTF8CHAR_PTR)so_pin->bytes, so_pin->len);
	if (rv == CKR_OK) {
		rv = f->C_InitPIN(s, (CK_UTF8CHAR_PTR)pin->bytes, pin->len);
		f->C_Logout(s);
	}
	f->C_CloseSession(s);
	return rv == CKR_OK ? 0 : ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot set the user PIN of the new token");
}

int p11_token_init(struct p11_module *m, CK_SLOT_ID slot, const char *label, struct secret *so_pin, struct secret *pin,
		   struct p11_token_info *ret_info, struct err *e)
{
	struct p11_token_info *before = NULL;
	size_t n = 0;
	CK_UTF8CHAR padded[32];
	if (check_blank(m, slot, e) != 0 || p11_token_list(m, &before, &n, e) != 0)
		return -1;
	pad_label(padded, label);
	CK_RV rv = p11_module_functions(m)->C_InitToken(slot, (CK_UTF8CHAR_PTR)so_pin->bytes, so_pin->len, padded);
	int ret =
	    rv == CKR_OK ? 0 : ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot initialize the token in slot %lu", slot);
	struct p11_token_info made = {.slot = slot};
	if (ret == 0)
		ret = find_initialized(m, slot, label, before, n, &made, e);
	if (ret == 0)
		ret = set_pin(m, made.slot, so_pin, pin, e);
	/* the flags changed with the PIN */
	if (ret == 0)
		ret = find_initialized(m, made.slot, label, before, n, ret_info, e);
	free(before);
	return ret;
}
