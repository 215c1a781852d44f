/*
 * pin: a secret with a counter of tries, as all cards have them: PIN, SO PIN, PUK, management key.
 */
#ifndef CARDS_PIN_H
#define CARDS_PIN_H

#include "apdu.h"

#define PIN_MAX 64

struct pin {
	uint8_t value[PIN_MAX];
	size_t n; /* 0: not set */
	unsigned tries, left;
	unsigned wrong;    /* how often it was wrong since the card was made */
	unsigned last_try; /* how often the last try was spent, on a right or a wrong value */
	bool verified;     /* until the next reset */
};

/* Sets a new value, all tries and not verified; the statistics stay. Returns 0, or -1 if it is longer than PIN_MAX. */
int pin_set(struct pin *p, struct bytes value, unsigned tries);

/* Compares. SW_OK: verified, and all tries are back. Wrong: SW_PIN_WRONG + what is left of the tries, also for 0.
 * SW_BLOCKED: no try was left, nothing was compared. SW_NOT_USABLE: not set. */
uint16_t pin_verify(struct pin *p, struct bytes value);

/* What a question for the state says: SW_OK if verified, else what the next pin_verify starts from. */
uint16_t pin_state(const struct pin *p);

/* One TLV object with everything but verified, and back. */
void pin_save(const struct pin *p, unsigned tag, struct buf *out);
int pin_load(struct pin *ret, struct bytes saved);

#endif
