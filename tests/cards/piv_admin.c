#include "piv.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

/* NIST SP 800-78-4 has two numbers for one algorithm. OpenSC says the first when it wants random numbers. */
#define OLD_3DES 0x00
#define NEW_3DES 0x03

enum { TAG_TEMPLATE = 0x7C, TAG_WITNESS = 0x80, TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82 };

static const struct algorithm {
	uint8_t number;
	const char *cipher;
	size_t key, block;
	uint8_t since_minor, since_patch; /* of version 5 */
} algorithms[] = {
    {NEW_3DES, "DES-EDE3-ECB", 24, 8, 0, 0},
    {0x08, "AES-128-ECB", 16, 16, 4, 2},
    {0x0A, "AES-192-ECB", 24, 16, 4, 2},
    {0x0C, "AES-256-ECB", 32, 16, 4, 2},
};

static const uint8_t default_key[] = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8};

static const struct algorithm *find_algorithm(uint8_t number)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

static uint8_t default_algorithm(const struct piv *card)
{
	return piv_since(card, 5, 7, 0) ? 0x0A : NEW_3DES;
}

int piv_set_admin(struct piv *card, uint8_t number, struct bytes key)
{
	const struct algorithm *algorithm = find_algorithm(number);

	if (!algorithm || key.n != algorithm->key ||
	    (algorithm->since_minor && !piv_since(card, 5, algorithm->since_minor, algorithm->since_patch)))
		return -1;
	card->admin.algorithm = number;
	memset(card->admin.key, 0, sizeof(card->admin.key));
	memcpy(card->admin.key, key.p, key.n);
	return 0;
}

void piv_default_admin(struct piv *card)
{
	piv_set_admin(card, default_algorithm(card), (struct bytes){default_key, sizeof(default_key)});
	card->admin.touch = false;
	card->admin.authenticated = false;
	card->admin.awaits = 0;
}

bool piv_is_default_admin(const struct piv *card)
{
	return card->admin.algorithm == default_algorithm(card) &&
	       memcmp(card->admin.key, default_key, sizeof(default_key)) == 0;
}

size_t piv_admin_size(const struct piv_admin *admin)
{
	return find_algorithm(admin->algorithm)->key;
}

static int encrypt(const struct piv_admin *admin, struct bytes block, struct buf *out)
{
	const struct algorithm *algorithm = find_algorithm(admin->algorithm);

	return crypt_block(algorithm->cipher, (struct bytes){admin->key, algorithm->key}, block, out);
}

/* Makes a challenge. As a witness the other side gets it encrypted and has to give it back plain, else it is the other
 * way round. */
static uint16_t ask(struct piv_admin *admin, size_t block, uint8_t tag, struct buf *answer)
{
	struct bytes challenge = {admin->challenge, block};
	struct buf encrypted = {0};
	size_t begun;
	int rc;

	rc = RAND_bytes(admin->challenge, (int)block) == 1 ? encrypt(admin, challenge, &encrypted) : -1;
	if (rc == 0) {
		begun = tlv_begin(answer, TAG_TEMPLATE);
		tlv_put(answer, tag, tag == TAG_WITNESS ? buf_bytes(&encrypted) : challenge);
		tlv_end(answer, begun);
		admin->awaits = tag == TAG_WITNESS ? TAG_WITNESS : TAG_RESPONSE;
	}
	buf_free(&encrypted);
	return rc == 0 ? SW_OK : SW_EXECUTION;
}

/* Whether what came back belongs to the challenge. One challenge is good for one answer. */
static bool is_right(struct piv_admin *admin, size_t block, uint8_t tag, struct bytes response)
{
	struct buf encrypted = {0};
	struct bytes expected = {admin->challenge, block};
	bool right = false;

	if (admin->awaits == tag && response.n == block &&
	    (tag == TAG_WITNESS || encrypt(admin, expected, &encrypted) == 0)) {
		if (tag == TAG_RESPONSE)
			expected = buf_bytes(&encrypted);
		right = CRYPTO_memcmp(response.p, expected.p, block) == 0;
	}
	admin->awaits = 0;
	admin->authenticated = right;
	if (!right)
		admin->wrong++;
	buf_free(&encrypted);
	return right;
}

/* What the other side wants to see encrypted, after it has shown that it has the key. */
static uint16_t prove(const struct piv_admin *admin, size_t block, struct bytes inner, struct buf *answer)
{
	struct buf encrypted = {0};
	struct bytes challenge;
	uint16_t sw = SW_OK;
	size_t begun;

	if (!tlv_find(inner, TAG_CHALLENGE, &challenge))
		return SW_OK;
	if (challenge.n != block)
		return SW_DATA;
	if (encrypt(admin, challenge, &encrypted) == 0) {
		begun = tlv_begin(answer, TAG_TEMPLATE);
		tlv_put(answer, TAG_RESPONSE, buf_bytes(&encrypted));
		tlv_end(answer, begun);
	} else {
		sw = SW_EXECUTION;
	}
	buf_free(&encrypted);
	return sw;
}

/* In two commands, mutually (witness, then witness and challenge) or not (challenge, then response). */
uint16_t piv_cmd_authenticate(struct piv *card, const struct apdu *a, struct buf *answer)
{
	struct piv_admin *admin = &card->admin;
	size_t block = find_algorithm(admin->algorithm)->block;
	uint8_t algorithm = a->p1 == OLD_3DES ? NEW_3DES : a->p1;
	struct bytes inner, value;

	if (algorithm != admin->algorithm || !tlv_find(a->data, TAG_TEMPLATE, &inner))
		return SW_DATA;
	if (piv_wants_touch(card, a) && !card->touched)
		return SW_SECURITY;
	if (tlv_find(inner, TAG_WITNESS, &value)) {
		if (value.n == 0)
			return ask(admin, block, TAG_WITNESS, answer);
		return is_right(admin, block, TAG_WITNESS, value) ? prove(admin, block, inner, answer) : SW_SECURITY;
	}
	if (tlv_find(inner, TAG_CHALLENGE, &value) && value.n == 0)
		return ask(admin, block, TAG_CHALLENGE, answer);
	if (tlv_find(inner, TAG_RESPONSE, &value))
		return is_right(admin, block, TAG_RESPONSE, value) ? SW_OK : SW_SECURITY;
	return SW_DATA;
}

/* Algorithm, 9B, length, key. P2 FE: from now on it takes a touch, too. */
uint16_t piv_cmd_set_admin_key(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)answer;
	if (!card->admin.authenticated)
		return SW_SECURITY;
	if (a->p1 != 0xFF || (a->p2 != 0xFF && a->p2 != 0xFE))
		return SW_P1P2;
	if (a->data.n < 3 || a->data.p[1] != PIV_MANAGEMENT || a->data.p[2] != a->data.n - 3 ||
	    piv_set_admin(card, a->data.p[0], bytes_part(a->data, 3, a->data.n)) == -1)
		return SW_DATA;
	card->admin.touch = a->p2 == 0xFE;
	return SW_OK;
}
