#include "pkcs11/pad.h"
#include "pkcs11/ckr.h"

int p11_pad_check(CK_FLAGS token, const char *serial, const struct secret *s, const char *name, struct err *e)
{
	if (s != NULL || (token & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
		return 0;
	return err_set(e, ERR_PIN_NEEDED, "token %s needs its %s", serial, name);
}

bool p11_pad_failed(CK_RV rv, const char *serial, struct err *e)
{
	const char *token = serial[0] != '\0' ? "token " : "the blank token";
	switch (rv) {
	case CKR_FUNCTION_CANCELED:
		err_set(e, ERR_PIN_NEEDED, "nothing was entered on the reader of %s%s, or it was cancelled there",
			token, serial);
		err_next(e, "run the same command again and enter it when you are told to");
		break;
	case CKR_ARGUMENTS_BAD:
	case CKR_FUNCTION_NOT_SUPPORTED:
		err_set(e, ERR_UNSUPPORTED,
			"the module does not let the reader of %s%s ask for this, but it has a PIN pad", token, serial);
		err_next(e,
			 "put the token into a reader without one; if no token of this kind can do it, say `pad = no` "
			 "in its profile");
		break;
	default:
		return false;
	}
	err_native(e, "%s", ckr_name(rv));
	return true;
}
