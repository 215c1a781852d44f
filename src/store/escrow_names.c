/* Apart from the rows, so that a process which opens a value is linked with no database. */
#include "store/store.h"

static const char *const kind_names[ESCROW_KIND_COUNT] = {[ESCROW_SO_PIN] = "so-pin", [ESCROW_PUK] = "puk"};

static const char *const state_names[ESCROW_STATE_COUNT] = {
    [ESCROW_PENDING] = "pending", [ESCROW_CONFIRMED] = "confirmed", [ESCROW_REPLACED] = "replaced"};

const char *escrow_kind_name(enum escrow_kind kind)
{
	return (unsigned)kind < ESCROW_KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *escrow_state_name(enum escrow_state st)
{
	return (unsigned)st < ESCROW_STATE_COUNT ? state_names[st] : "unknown";
}
