#include "cvc.h"
#include "schsm.h"

#include <string.h>

enum { TAG_CAR = 0x42, TAG_CHR = 0x5F20, TAG_PUBLIC_KEY = 0x7F49, TAG_BITS = 0x02, TAG_PRIME = 0x81 };

/* The name of the key that a public key object asks for, as crypt_generate wants it; NULL: none that we make. */
static const char *wanted_type(struct bytes wanted, char type[16])
{
	static const char *const curves[] = {"ec:P-256", "ec:P-384"};
	static const unsigned sizes[] = {2048, 3072, 4096};
	struct bytes value;

	if (tlv_find(wanted, TAG_BITS, &value)) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			snprintf(type, 16, "rsa:%u", sizes[i]);
			if (bytes_number(value) == sizes[i])
				return type;
		}
		return NULL;
	}
	for (size_t i = 0; tlv_find(wanted, TAG_PRIME, &value) && i < sizeof(curves) / sizeof(curves[0]); i++) {
		struct buf prime = {0};
		bool same = crypt_ec_prime(curves[i], &prime) == 0 && bytes_equal(buf_bytes(&prime), value);

		buf_free(&prime);
		if (same)
			return curves[i];
	}
	return NULL;
}

static int put_request(struct schsm *card, const struct apdu *a, struct bytes wanted, EVP_PKEY *pair,
		       struct buf *answer)
{
	struct buf public_key = {0};
	struct bytes car, chr;
	char outer[SCHSM_CHR_SIZE];
	int rc = -1;

	schsm_holder(card, outer);
	if (tlv_find(a->data, TAG_CAR, &car) && tlv_find(a->data, TAG_CHR, &chr) &&
	    cvc_put_public_key(&public_key, wanted, pair) == 0)
		rc =
		    cvc_put_request(answer, car, chr, buf_bytes(&public_key), pair, bytes_of_text(outer), card->device);
	buf_free(&public_key);
	return rc;
}

uint16_t schsm_cmd_generate(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	struct bytes wanted;
	EVP_PKEY *pair;
	char name[16];
	const char *type;
	uint16_t sw;

	if (!card->user.verified)
		return SW_SECURITY;
	if (!tlv_find(a->data, TAG_PUBLIC_KEY, &wanted))
		return SW_DATA;
	type = wanted_type(wanted, name);
	if (!type)
		return SW_FUNCTION;
	if (schsm_find_key(card, a->p1))
		return SW_EXISTS;
	pair = crypt_generate(type);
	if (!pair || put_request(card, a, wanted, pair, answer) == -1) {
		EVP_PKEY_free(pair);
		return SW_EXECUTION;
	}
	sw = schsm_add_key(card, a->p1, pair);
	if (sw != SW_OK)
		buf_clear(answer);
	return sw;
}

static const struct algorithm {
	uint8_t number;
	const char *hash; /* of what comes; NULL: it is a digest, or a padded block */
	int (*sign)(EVP_PKEY *key, struct bytes data, struct buf *out);
} algorithms[] = {
    {0x20, NULL, crypt_rsa_raw},     {0x40, NULL, crypt_rsa_pss},   {0x41, "SHA1", crypt_rsa_pss},
    {0x43, "SHA256", crypt_rsa_pss}, {0x70, NULL, crypt_ecdsa},     {0x71, "SHA1", crypt_ecdsa},
    {0x72, "SHA224", crypt_ecdsa},   {0x73, "SHA256", crypt_ecdsa},
};

static int sign(const struct algorithm *algorithm, EVP_PKEY *pair, struct bytes data, struct buf *answer)
{
	struct buf digest = {0};
	int rc;

	if (!algorithm->hash)
		return algorithm->sign(pair, data, answer);
	rc = crypt_hash(algorithm->hash, data, &digest);
	if (rc == 0)
		rc = algorithm->sign(pair, buf_bytes(&digest), answer);
	buf_free(&digest);
	return rc;
}

uint16_t schsm_cmd_sign(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	const struct schsm_key *key = schsm_find_key(card, a->p1);
	const struct algorithm *algorithm = NULL;

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].number == a->p2)
			algorithm = &algorithms[i];
	if (!card->user.verified)
		return SW_SECURITY;
	if (!key)
		return SW_NO_REFERENCE;
	if (!algorithm)
		return SW_P1P2;
	if (sign(algorithm, key->pair, a->data, answer) == -1) {
		buf_clear(answer);
		return SW_DATA;
	}
	return SW_OK;
}
