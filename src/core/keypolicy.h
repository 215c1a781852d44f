/*
 * keypolicy: what a token asks of its user before it uses a key, in words
 * that every vendor's are translated to.
 */
#ifndef CORE_KEYPOLICY_H
#define CORE_KEYPOLICY_H

#include "core/err.h"

enum keypolicy_pin {
	KEYPOLICY_PIN_UNKNOWN,
	KEYPOLICY_PIN_NEVER,
	KEYPOLICY_PIN_ONCE,       /* in a session */
	KEYPOLICY_PIN_ALWAYS,     /* for each use */
	KEYPOLICY_PIN_MATCH_ONCE, /* a fingerprint, else the PIN */
	KEYPOLICY_PIN_MATCH_ALWAYS,
	KEYPOLICY_PIN_COUNT
};

enum keypolicy_touch {
	KEYPOLICY_TOUCH_UNKNOWN,
	KEYPOLICY_TOUCH_NEVER,
	KEYPOLICY_TOUCH_ALWAYS,
	KEYPOLICY_TOUCH_CACHED, /* good for some seconds */
	KEYPOLICY_TOUCH_COUNT
};

#define KEYPOLICY_PIN_BIT(p) (1U << (p))

/* Any but never: a key that asks for no PIN is anybody's who holds the token. */
#define KEYPOLICY_PINS_DEFAULT                                                             \
	(KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_ONCE) | KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_ALWAYS) | \
	 KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_MATCH_ONCE) | KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_MATCH_ALWAYS))

/* "never", "once", "always", "match-once", "match-always"; "unknown" for anything else. */
const char *keypolicy_pin_name(enum keypolicy_pin p);

/* "never", "always", "cached"; "unknown" for anything else. */
const char *keypolicy_touch_name(enum keypolicy_touch t);

/* Reads names with blanks or commas between into a set of KEYPOLICY_PIN_BIT; "" leaves *ret as it is. ERR_CONFIG says
 * which word is none of them. */
int keypolicy_parse_pins(unsigned *ret, const char *names, struct err *e);

#endif
