/*
 * events: slot events of the faulty module, for tokens that PC/SC knows nothing of. A file that grows is a token that
 * comes or goes, in slot 0; what has grown since C_Initialize is told once, however often it grew.
 */
#ifndef FAULT_EVENTS_H
#define FAULT_EVENTS_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

/* Whether FAULTY_EVENTS names such a file. */
bool events_are_told(void);

/* At C_Initialize: what it answers. */
CK_RV events_begin(void);

/* C_WaitForSlotEvent. */
CK_RV events_wait(CK_FLAGS flags, CK_SLOT_ID *ret_slot, void *reserved);

#endif
