/*
 * slotevent: that a token has come into a slot or gone from one, as the module tells it. Worker process only.
 */
#ifndef PKCS11_SLOTEVENT_H
#define PKCS11_SLOTEVENT_H

#include "pkcs11/module.h"

enum p11_slot_event {
	P11_SLOT_EVENT_CAME,
	P11_SLOT_EVENT_NOT_YET, /* the module does not wait, but can be asked */
	P11_SLOT_EVENT_NEVER,   /* it has none */
	P11_SLOT_EVENT_FAILED,  /* it has them, perhaps, but not now */
};

/*
 * C_WaitForSlotEvent (PKCS#11 v2.40 and v3.0, 5.5) of a module that is initialized: returns when something has happened
 * in any slot since C_Initialize or the last call, which may be never. Which slot it was is not told: a token may have
 * come and gone again, and its slot with it.
 */
enum p11_slot_event p11_slot_event_wait(const struct p11_module *m);

/* The same for a module that does not wait, which is asked each second; never P11_SLOT_EVENT_NOT_YET. SoftHSM2 is asked
 * in vain. */
enum p11_slot_event p11_slot_event_ask(const struct p11_module *m);

#endif
