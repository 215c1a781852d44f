#include "enroll/describe.h"

#include <string.h>

void describe(const struct p11_token_info *i, struct worker_token *ret)
{
	static const struct {
		CK_FLAGS theirs;
		unsigned ours;
	} map[] = {
	    {CKF_TOKEN_INITIALIZED, WORKER_TOKEN_INITIALIZED},         {CKF_WRITE_PROTECTED, WORKER_TOKEN_READ_ONLY},
	    {CKF_PROTECTED_AUTHENTICATION_PATH, WORKER_TOKEN_PIN_PAD}, {CKF_USER_PIN_COUNT_LOW, WORKER_TOKEN_PIN_LOW},
	    {CKF_USER_PIN_FINAL_TRY, WORKER_TOKEN_PIN_LAST_TRY},       {CKF_USER_PIN_LOCKED, WORKER_TOKEN_PIN_LOCKED},
	};
	const CK_FLAGS set_up = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
	memset(ret, 0, sizeof *ret);
	ret->slot = i->slot;
	memcpy(ret->reader, i->reader, sizeof ret->reader);
	memcpy(ret->label, i->label, sizeof ret->label);
	memcpy(ret->manufacturer, i->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, i->model, sizeof ret->model);
	memcpy(ret->serial, i->serial, sizeof ret->serial);
	for (size_t k = 0; k < sizeof map / sizeof *map; k++)
		ret->flags |= (i->flags & map[k].theirs) != 0 ? map[k].ours : 0;
	if ((i->flags & set_up) == (CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED))
		ret->flags |= WORKER_TOKEN_NO_PIN;
	if (i->unreadable)
		ret->flags = i->unknown ? WORKER_TOKEN_UNKNOWN : WORKER_TOKEN_UNREADABLE;
	ret->flags |= i->hardware ? WORKER_TOKEN_IN_HARDWARE : 0;
	/* some modules say 0 or all ones when they do not know */
	bool known = i->free_public != CK_UNAVAILABLE_INFORMATION && i->free_public != 0;
	ret->free_bytes = known && !i->unreadable ? i->free_public : WORKER_FREE_UNKNOWN;
	ret->pin_min = i->pin_min < 1024 ? (unsigned)i->pin_min : 0;
	ret->pin_max = i->pin_max < 1024 ? (unsigned)i->pin_max : 1024;
}

void describe_wanted(const struct worker_token *t, struct p11_token_info *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->slot = (CK_SLOT_ID)t->slot;
	memcpy(ret->manufacturer, t->manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, t->model, sizeof ret->model);
	memcpy(ret->serial, t->serial, sizeof ret->serial);
	ret->pin_min = t->pin_min;
	ret->pin_max = t->pin_max;
}
