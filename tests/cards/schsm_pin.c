#include "schsm.h"

#define USER_PIN 0x81
#define SO_PIN 0x88
#define SO_PIN_SIZE 8
#define SO_PIN_TRIES 15
#define USER_PIN_MIN 6
#define USER_PIN_MAX 16

enum { TAG_OPTIONS = 0x80, TAG_USER_PIN = 0x81, TAG_SO_PIN = 0x82, TAG_TRIES = 0x91 };

static struct pin *find_pin(struct schsm *card, uint8_t reference)
{
	if (reference == USER_PIN)
		return &card->user;
	return reference == SO_PIN ? &card->so : NULL;
}

/* This card says that a PIN is blocked with the try that has blocked it. */
static uint16_t check(struct pin *pin, struct bytes value)
{
	uint16_t sw = pin_verify(pin, value);

	return sw == SW_PIN_WRONG ? SW_BLOCKED : sw;
}

static bool is_user_pin(struct bytes value)
{
	return value.n >= USER_PIN_MIN && value.n <= USER_PIN_MAX;
}

uint16_t schsm_cmd_verify(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	struct pin *pin = find_pin(card, a->p2);

	(void)answer;
	if (a->p1 != 0)
		return SW_P1P2;
	if (!pin) /* 85 and 86 too: they would be a PIN pad and a fingerprint */
		return SW_NO_REFERENCE;
	return a->data.n == 0 ? pin_state(pin) : check(pin, a->data);
}

uint16_t schsm_cmd_change(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	struct pin *pin = find_pin(card, a->p2);
	struct bytes old, new;
	uint16_t sw;

	(void)answer;
	if (a->p1 != 0)
		return SW_P1P2;
	if (!pin)
		return SW_NO_REFERENCE;
	if (pin->n == 0)
		return SW_NOT_USABLE;
	old = bytes_part(a->data, 0, pin->n); /* only the card knows where the old one ends */
	new = bytes_part(a->data, pin->n, a->data.n);
	if (pin == &card->user ? !is_user_pin(new) : new.n != SO_PIN_SIZE)
		return SW_LENGTH;
	sw = check(pin, old);
	if (sw != SW_OK)
		return sw;
	pin_set(pin, new, pin->tries);
	pin->verified = true;
	return SW_OK;
}

/* SO PIN, then a new user PIN: P1 = 0. The SO PIN alone gives the old user PIN its tries back: P1 = 1. */
uint16_t schsm_cmd_unblock(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	struct bytes so = bytes_part(a->data, 0, SO_PIN_SIZE), new = bytes_part(a->data, SO_PIN_SIZE, a->data.n);
	uint16_t sw;

	(void)answer;
	if (a->p1 > 1)
		return SW_P1P2;
	if (a->p2 != USER_PIN)
		return SW_NO_REFERENCE;
	if (!(card->options & SCHSM_UNBLOCK_ALLOWED))
		return SW_CONDITIONS;
	if (a->p1 == 0 ? !is_user_pin(new) : a->data.n != SO_PIN_SIZE)
		return SW_LENGTH;
	sw = check(&card->so, so);
	if (sw != SW_OK)
		return sw;
	if (a->p1 == 0)
		pin_set(&card->user, new, card->user.tries);
	card->user.left = card->user.tries;
	return SW_OK;
}

/* Who initializes a card that is not blank has to know its SO PIN; then all on it is lost. */
uint16_t schsm_cmd_initialize(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	struct bytes options, user, so, tries;
	uint16_t sw;

	(void)answer;
	if (!tlv_find(a->data, TAG_OPTIONS, &options) || options.n != 2 || !tlv_find(a->data, TAG_USER_PIN, &user) ||
	    !is_user_pin(user) || !tlv_find(a->data, TAG_SO_PIN, &so) || so.n != SO_PIN_SIZE ||
	    !tlv_find(a->data, TAG_TRIES, &tries) || tries.n != 1 || tries.p[0] == 0 || tries.p[0] > 10)
		return SW_DATA;
	sw = card->so.n ? check(&card->so, so) : SW_OK;
	if (sw != SW_OK)
		return sw == SW_BLOCKED ? sw : SW_CONDITIONS;
	schsm_wipe(card);
	card->options = options.p[1];
	pin_set(&card->user, user, tries.p[0]);
	pin_set(&card->so, so, SO_PIN_TRIES);
	return SW_OK;
}
