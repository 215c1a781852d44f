#include "pkcs11/slotevent.h"

#include <stdbool.h>
#include <time.h>

#define ASK_AGAIN_S 1

/* It came with version 2.01: the list of an older module ends before it. */
static bool has_call(const CK_FUNCTION_LIST *f)
{
	bool old = f->version.major < 2 || (f->version.major == 2 && f->version.minor == 0);
	return !old && f->C_WaitForSlotEvent != NULL;
}

static CK_RV ask(CK_FUNCTION_LIST *f, CK_FLAGS flags)
{
	CK_SLOT_ID slot = 0;
	return f->C_WaitForSlotEvent(flags, &slot, NULL);
}

static enum p11_slot_event translate(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return P11_SLOT_EVENT_CAME;
	case CKR_NO_EVENT:
		return P11_SLOT_EVENT_NOT_YET;
	case CKR_FUNCTION_NOT_SUPPORTED:
		return P11_SLOT_EVENT_NEVER;
	default:
		return P11_SLOT_EVENT_FAILED;
	}
}

enum p11_slot_event p11_slot_event_wait(const struct p11_module *m)
{
	CK_FUNCTION_LIST *f = p11_module_functions(m);
	if (!has_call(f))
		return P11_SLOT_EVENT_NEVER;
	CK_RV rv = ask(f, 0);
	/* modules that cannot wait say so in more ways than one */
	if (rv != CKR_OK && rv != CKR_NO_EVENT)
		rv = ask(f, CKF_DONT_BLOCK);
	return translate(rv);
}

enum p11_slot_event p11_slot_event_ask(const struct p11_module *m)
{
	static const struct timespec pause = {ASK_AGAIN_S, 0};
	CK_FUNCTION_LIST *f = p11_module_functions(m);
	CK_RV rv = CKR_FUNCTION_NOT_SUPPORTED;
	while (has_call(f) && (rv = ask(f, CKF_DONT_BLOCK)) == CKR_NO_EVENT)
		nanosleep(&pause, NULL);
	return translate(rv);
}
