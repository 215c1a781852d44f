/*
 * plan: what a test has asked a card to do: be slow, be pulled at the k-th APDU, answer it with something else.
 */
#ifndef CARDS_PLAN_H
#define CARDS_PLAN_H

#include "bytes.h"

enum deed_kind {
	DEED_NONE,
	DEED_PULL,      /* the reader gets no answer */
	DEED_STATUS,    /* the answer is a status word */
	DEED_GARBAGE,   /* the answer's data is noise of the same length (of 16 bytes if there was none), and 9000 */
	DEED_TRUNCATED, /* the second half of the answer's data is missing; if there was none, half of the status word
			 */
};

struct deed {
	enum deed_kind kind;
	bool after; /* the command is executed, and the answer lost or replaced; else the card never sees it */
	uint16_t sw;
	unsigned in; /* how many APDUs are left until then: 1 is the next one */
};

#define PLAN_MAX 16

struct plan {
	unsigned delay;     /* milliseconds for each APDU */
	unsigned key_delay; /* milliseconds more for each that makes a key */
	/* milliseconds until somebody touches a card that waits for it; 0: nobody does by himself */
	unsigned touch_after;
	struct deed deeds[PLAN_MAX];
	size_t n;
};

/* Returns 0, or -1 if there are PLAN_MAX already. */
int plan_add(struct plan *p, struct deed deed);

/* Counts one APDU and returns what was planned for it; that is then no longer planned. */
struct deed plan_next(struct plan *p);

/* Makes of a whole answer what the deed wants. */
void plan_spoil(struct deed deed, struct buf *answer);

#endif
