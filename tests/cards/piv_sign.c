#include "piv.h"

enum { TAG_TEMPLATE = 0x7C, TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82, TAG_POINT = 0x85 };

#define INS_GENERAL_AUTHENTICATE 0x87
#define CLA_CHAINED 0x10

bool piv_pin_suffices(const struct piv *card, const struct piv_key *key)
{
	if (key->pin_policy == PIV_PIN_NEVER)
		return true;
	return key->pin_policy == PIV_PIN_ALWAYS ? card->just_verified : card->pin.verified;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

void piv_touched(void *card)
{
	struct piv *c = card;

	c->touched = c->was_touched = true;
	c->touched_at = now();
}

static bool key_wants_touch(const struct piv *card, const struct piv_key *key)
{
	bool lately = card->was_touched && now() - card->touched_at < PIV_TOUCH_CACHED_SECONDS;

	if (key->touch_policy == PIV_TOUCH_CACHED)
		return !lately;
	return key->touch_policy == PIV_TOUCH_ALWAYS;
}

/* Asked of the last piece of a chain only, and of no key that would be refused for another reason. */
bool piv_wants_touch(const void *card, const struct apdu *a)
{
	const struct piv *c = card;

	if (a->cla & CLA_CHAINED || a->ins != INS_GENERAL_AUTHENTICATE || c->applet != PIV_APPLET_PIV)
		return false;
	if (a->p2 == PIV_MANAGEMENT)
		return c->admin.touch && c->admin.awaits;
	for (size_t i = 0; i < c->n_keys; i++)
		if (c->keys[i].slot == a->p2)
			return piv_pin_suffices(c, &c->keys[i]) && key_wants_touch(c, &c->keys[i]);
	return false;
}

/* A block as long as the modulus, or a digest no longer than the curve's field; a point to agree on a secret. */
static int respond(EVP_PKEY *pair, struct bytes inner, struct buf *out)
{
	struct bytes value;

	if (tlv_find(inner, TAG_POINT, &value))
		return crypt_ecdh(pair, value, out);
	if (!tlv_find(inner, TAG_CHALLENGE, &value))
		return -1;
	if (crypt_is_rsa(pair))
		return crypt_rsa_raw(pair, value, out);
	return value.n <= ((size_t)EVP_PKEY_get_bits(pair) + 7) / 8 ? crypt_ecdsa(pair, value, out) : -1;
}

uint16_t piv_cmd_sign(struct piv *card, const struct apdu *a, struct buf *answer)
{
	const struct piv_key *key = piv_find_key(card, a->p2);
	struct buf response = {0};
	struct bytes inner;
	uint16_t sw = SW_DATA;
	size_t begun;

	if (a->p2 == PIV_MANAGEMENT)
		return piv_cmd_authenticate(card, a, answer);
	if (!key || key->slot == PIV_ATTESTATION)
		return SW_DATA;
	if (!piv_pin_suffices(card, key))
		return SW_SECURITY;
	if (a->p1 != key->algorithm || !tlv_find(a->data, TAG_TEMPLATE, &inner))
		return SW_DATA;
	if (key_wants_touch(card, key) && !card->touched)
		return SW_SECURITY; /* nobody did in time */
	if (respond(key->pair, inner, &response) == 0) {
		begun = tlv_begin(answer, TAG_TEMPLATE);
		tlv_put(answer, TAG_RESPONSE, buf_bytes(&response));
		tlv_end(answer, begun);
		sw = SW_OK;
	}
	buf_free(&response);
	return sw;
}
