#include "piv.h"

#include <string.h>

#define FOR_ANY_VERSION 0

enum {
	TAG_TEMPLATE = 0xAC,
	TAG_ALGORITHM = 0x80,
	TAG_PIN_POLICY = 0xAA,
	TAG_TOUCH_POLICY = 0xAB,
	TAG_PUBLIC_KEY = 0x7F49,
	TAG_MODULUS = 0x81,
	TAG_EXPONENT = 0x82,
	TAG_POINT = 0x86
};

const struct piv_kind piv_kinds[] = {
    {0x06, "rsa:1024", FOR_ANY_VERSION},
    {0x07, "rsa:2048", FOR_ANY_VERSION},
    {0x11, "ec:P-256", FOR_ANY_VERSION},
    {0x14, "ec:P-384", FOR_ANY_VERSION},
    {0x05, "rsa:3072", 7},
    {0x16, "rsa:4096", 7},
    {0, NULL, 0},
};

/* The kind with that number, if this card makes keys of it. */
static const struct piv_kind *find_kind(const struct piv *card, uint8_t number)
{
	for (size_t i = 0; piv_kinds[i].number; i++)
		if (piv_kinds[i].number == number && card->types & 1U << i)
			return &piv_kinds[i];
	return NULL;
}

/* One of 1 to 3, or what it is without. Returns -1 if it is anything else. */
static int read_policy(struct bytes in, unsigned tag, uint8_t *policy)
{
	struct bytes value;

	if (!tlv_find(in, tag, &value))
		return 0;
	if (value.n != 1 || value.p[0] < 1 || value.p[0] > 3)
		return -1;
	*policy = value.p[0];
	return 0;
}

static uint8_t default_pin_policy(uint8_t slot)
{
	if (slot == PIV_SIGNATURE)
		return PIV_PIN_ALWAYS;
	return slot == PIV_CARD_AUTHENTICATION ? PIV_PIN_NEVER : PIV_PIN_ONCE;
}

uint8_t piv_kind_number(const char *type)
{
	for (size_t i = 0; piv_kinds[i].number; i++)
		if (strcmp(piv_kinds[i].type, type) == 0)
			return piv_kinds[i].number;
	return 0;
}

struct piv_key piv_new_key(const struct piv *card, uint8_t slot, uint8_t algorithm)
{
	return (struct piv_key){.slot = slot,
				.algorithm = algorithm,
				.pin_policy = default_pin_policy(slot),
				.touch_policy = card->touch_policy};
}

/* What a command says of a key before there is one. */
static uint16_t prepare(const struct piv *card, struct piv_key *key, uint8_t slot, uint8_t algorithm,
			struct bytes policies)
{
	if (!piv_is_slot(slot))
		return SW_OFFSET; /* a YubiKey's word for a slot that it does not have */
	*key = piv_new_key(card, slot, algorithm);
	if (!find_kind(card, algorithm) || read_policy(policies, TAG_PIN_POLICY, &key->pin_policy) == -1 ||
	    read_policy(policies, TAG_TOUCH_POLICY, &key->touch_policy) == -1)
		return SW_DATA;
	return SW_OK;
}

static int put_public_key(EVP_PKEY *pair, struct buf *out)
{
	struct buf first = {0}, second = {0};
	int rc;

	if (crypt_is_rsa(pair)) {
		rc = crypt_rsa_public(pair, &first, &second);
		tlv_put(out, TAG_MODULUS, buf_bytes(&first));
		tlv_put(out, TAG_EXPONENT, buf_bytes(&second));
	} else {
		rc = crypt_ec_point(pair, &first);
		tlv_put(out, TAG_POINT, buf_bytes(&first));
	}
	buf_free(&first);
	buf_free(&second);
	return rc;
}

uint16_t piv_cmd_generate(struct piv *card, const struct apdu *a, struct buf *answer)
{
	struct bytes wanted, algorithm;
	struct piv_key key;
	size_t begun;
	uint16_t sw;

	if (!card->admin.authenticated)
		return SW_SECURITY;
	if (a->p1 != 0)
		return SW_P1P2;
	if (!tlv_find(a->data, TAG_TEMPLATE, &wanted) || !tlv_find(wanted, TAG_ALGORITHM, &algorithm) ||
	    algorithm.n != 1)
		return SW_DATA;
	sw = prepare(card, &key, a->p2, algorithm.p[0], wanted);
	if (sw != SW_OK)
		return sw;
	key.origin = PIV_GENERATED;
	key.pair = crypt_generate(find_kind(card, key.algorithm)->type);
	if (!key.pair)
		return SW_EXECUTION;
	begun = tlv_begin(answer, TAG_PUBLIC_KEY);
	sw = put_public_key(key.pair, answer) == 0 ? SW_OK : SW_EXECUTION;
	tlv_end(answer, begun);
	if (sw == SW_OK)
		return piv_put_key(card, key);
	EVP_PKEY_free(key.pair);
	return sw;
}

/* The five numbers of an RSA key, tags 1 to 5. */
static EVP_PKEY *read_rsa(struct bytes in, const char *type)
{
	struct crypt_rsa_parts parts;
	EVP_PKEY *pair;
	char found[16];

	if (!tlv_find(in, 1, &parts.p) || !tlv_find(in, 2, &parts.q) || !tlv_find(in, 3, &parts.dp) ||
	    !tlv_find(in, 4, &parts.dq) || !tlv_find(in, 5, &parts.qinv))
		return NULL;
	pair = crypt_rsa_from(&parts);
	if (pair) {
		snprintf(found, sizeof(found), "rsa:%d", EVP_PKEY_get_bits(pair));
		if (strcmp(found, type) == 0)
			return pair;
	}
	EVP_PKEY_free(pair);
	return NULL;
}

static EVP_PKEY *read_ec(struct bytes in, const char *type)
{
	struct bytes scalar;
	size_t width = strcmp(type, "ec:P-256") == 0 ? 32 : 48;

	return tlv_find(in, 6, &scalar) && scalar.n == width ? crypt_ec_from(type, scalar) : NULL;
}

uint16_t piv_cmd_import(struct piv *card, const struct apdu *a, struct buf *answer)
{
	const char *type;
	struct piv_key key;
	uint16_t sw;

	(void)answer;
	if (!card->admin.authenticated)
		return SW_SECURITY;
	sw = prepare(card, &key, a->p2, a->p1, a->data);
	if (sw != SW_OK)
		return sw;
	type = find_kind(card, key.algorithm)->type;
	key.origin = PIV_IMPORTED;
	key.pair = strncmp(type, "rsa:", 4) == 0 ? read_rsa(a->data, type) : read_ec(a->data, type);
	return key.pair ? piv_put_key(card, key) : SW_DATA;
}

enum { META_ALGORITHM = 1, META_POLICIES, META_ORIGIN, META_PUBLIC_KEY, META_IS_DEFAULT, META_TRIES };

static uint16_t describe_pin(const struct pin *pin, bool puk, struct buf *answer)
{
	tlv_put_byte(answer, META_ALGORITHM, 0xFF);
	tlv_put_byte(answer, META_IS_DEFAULT, piv_is_default_pin(pin, puk));
	tlv_put_u16(answer, META_TRIES, (uint16_t)(pin->tries << 8 | pin->left));
	return SW_OK;
}

static uint16_t describe_admin(const struct piv *card, struct buf *answer)
{
	tlv_put_byte(answer, META_ALGORITHM, card->admin.algorithm);
	tlv_put_u16(answer, META_POLICIES, card->admin.touch ? PIV_TOUCH_ALWAYS : PIV_TOUCH_NEVER);
	tlv_put_byte(answer, META_IS_DEFAULT, piv_is_default_admin(card));
	return SW_OK;
}

static uint16_t describe_key(const struct piv_key *key, struct buf *answer)
{
	size_t begun;
	int rc;

	tlv_put_byte(answer, META_ALGORITHM, key->algorithm);
	tlv_put_u16(answer, META_POLICIES, (uint16_t)(key->pin_policy << 8 | key->touch_policy));
	tlv_put_byte(answer, META_ORIGIN, key->origin);
	begun = tlv_begin(answer, META_PUBLIC_KEY);
	rc = put_public_key(key->pair, answer);
	tlv_end(answer, begun);
	return rc == 0 ? SW_OK : SW_EXECUTION;
}

/* What is known of a key, the PIN (80), the PUK (81) or the management key. */
uint16_t piv_cmd_metadata(struct piv *card, const struct apdu *a, struct buf *answer)
{
	const struct piv_key *key = piv_find_key(card, a->p2);

	if (!piv_since(card, 5, 3, 0))
		return SW_INS;
	if (a->p1 != 0)
		return SW_P1P2;
	if (a->p2 == 0x80 || a->p2 == 0x81)
		return describe_pin(a->p2 == 0x80 ? &card->pin : &card->puk, a->p2 == 0x81, answer);
	if (a->p2 == PIV_MANAGEMENT)
		return describe_admin(card, answer);
	return key ? describe_key(key, answer) : SW_NO_REFERENCE;
}
