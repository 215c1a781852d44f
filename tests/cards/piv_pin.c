#include "piv.h"

#include <string.h>

#define REFERENCE_PIN 0x80
#define REFERENCE_PUK 0x81
#define PIN_MIN 6
#define TRIES 3

static const uint8_t default_pin[PIV_PIN_SIZE] = {'1', '2', '3', '4', '5', '6', 0xFF, 0xFF};
static const uint8_t default_puk[PIV_PIN_SIZE] = {'1', '2', '3', '4', '5', '6', '7', '8'};

void piv_default_pins(struct piv *card, unsigned pin_tries, unsigned puk_tries)
{
	pin_set(&card->pin, (struct bytes){default_pin, sizeof(default_pin)}, pin_tries);
	pin_set(&card->puk, (struct bytes){default_puk, sizeof(default_puk)}, puk_tries);
}

bool piv_is_default_pin(const struct pin *pin, bool puk)
{
	return memcmp(pin->value, puk ? default_puk : default_pin, PIV_PIN_SIZE) == 0;
}

/* FF throughout. */
static bool is_void(struct bytes value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != 0xFF)
			return false;
	return true;
}

/* Compares PIN or PUK. */
static uint16_t check(struct piv *card, struct pin *pin, struct bytes value)
{
	unsigned wrong = pin->wrong;
	uint16_t sw = pin_verify(pin, value);

	if (pin->wrong > wrong && is_void(value))
		*(pin == &card->pin ? &card->pin_void : &card->puk_void) += 1;
	return sw;
}

/* Of the eight bytes of a new one the first six have to be set. */
static bool is_acceptable(struct bytes new)
{
	return new.p[PIN_MIN - 1] != 0xFF;
}

/* Before 4.3.2 a YubiKey never said that the PIN was verified. */
static uint16_t state(const struct piv *card)
{
	struct pin unverified = card->pin;

	unverified.verified = false;
	return pin_state(piv_since(card, 4, 3, 2) ? &card->pin : &unverified);
}

uint16_t piv_cmd_verify(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)answer;
	if (a->p1 != 0)
		return SW_P1P2;
	if (a->p2 != REFERENCE_PIN)
		return SW_NO_REFERENCE;
	if (a->data.n == 0)
		return state(card);
	return a->data.n == PIV_PIN_SIZE ? check(card, &card->pin, a->data) : SW_DATA;
}

uint16_t piv_cmd_change(struct piv *card, const struct apdu *a, struct buf *answer)
{
	struct pin *pin = a->p2 == REFERENCE_PIN ? &card->pin : &card->puk;
	struct bytes old = bytes_part(a->data, 0, PIV_PIN_SIZE), new = bytes_part(a->data, PIV_PIN_SIZE, a->data.n);
	bool verified = pin->verified;
	uint16_t sw;

	(void)answer;
	if (a->p1 != 0)
		return SW_P1P2;
	if (a->p2 != REFERENCE_PIN && a->p2 != REFERENCE_PUK)
		return SW_NO_REFERENCE;
	if (a->data.n != 2 * PIV_PIN_SIZE)
		return SW_DATA;
	sw = check(card, pin, old);
	if (sw != SW_OK)
		return sw;
	if (is_acceptable(new))
		pin_set(pin, new, pin->tries);
	pin->verified = verified; /* changing it is not verifying it */
	return is_acceptable(new) ? SW_OK : SW_DATA;
}

uint16_t piv_cmd_unblock(struct piv *card, const struct apdu *a, struct buf *answer)
{
	struct bytes puk = bytes_part(a->data, 0, PIV_PIN_SIZE), new = bytes_part(a->data, PIV_PIN_SIZE, a->data.n);
	uint16_t sw;

	(void)answer;
	if (a->p1 != 0)
		return SW_P1P2;
	if (a->p2 != REFERENCE_PIN)
		return SW_NO_REFERENCE;
	if (a->data.n != 2 * PIV_PIN_SIZE)
		return SW_DATA;
	sw = check(card, &card->puk, puk);
	if (sw != SW_OK)
		return sw;
	if (!is_acceptable(new))
		return SW_DATA;
	pin_set(&card->pin, new, card->pin.tries);
	return SW_OK;
}

uint16_t piv_cmd_set_tries(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)answer;
	if (!card->admin.authenticated || !card->pin.verified)
		return SW_SECURITY;
	if (a->p1 == 0 || a->p2 == 0)
		return SW_P1P2;
	piv_default_pins(card, a->p1, a->p2);
	return SW_OK;
}

uint16_t piv_cmd_reset(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)a;
	(void)answer;
	if (card->pin.left > 0 || card->puk.left > 0)
		return SW_CONDITIONS;
	piv_wipe(card);
	piv_default_pins(card, TRIES, TRIES);
	piv_default_admin(card);
	return SW_OK;
}
