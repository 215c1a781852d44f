#include "piv.h"

#include <stdlib.h>
#include <string.h>

/* A certificate that the key has signed itself. */
static int certify(struct piv *card, const struct piv_key *key)
{
	struct buf der = {0};
	char cn[48];
	int rc = -1;

	snprintf(cn, sizeof(cn), "Qualified signature %02x", key->slot);
	if (crypt_certificate(key->pair, cn, &der) == 0 &&
	    piv_put_certificate(card, key->slot, buf_bytes(&der)) == SW_OK)
		rc = 0;
	buf_free(&der);
	return rc;
}

/* "9c:rsa:2048": a key in that slot. */
static int add_one(struct piv *card, const char *word, bool hidden)
{
	char *end;
	unsigned long slot = strtoul(word, &end, 16);
	uint8_t algorithm = *end == ':' ? piv_kind_number(end + 1) : 0;
	struct piv_key key;

	if (!algorithm || slot >= PIV_ATTESTATION || !piv_is_slot((uint8_t)slot))
		return -1;
	key = piv_new_key(card, (uint8_t)slot, algorithm);
	key.origin = hidden ? PIV_IMPORTED : PIV_GENERATED;
	key.pair = crypt_generate(end + 1);
	if (key.pair && (hidden || certify(card, &key) == 0))
		return piv_put_key(card, key) == SW_OK ? 0 : -1;
	EVP_PKEY_free(key.pair);
	return -1;
}

int piv_add_foreign(struct piv *card, const char *list, bool hidden)
{
	char *words = strdup(list), *rest = NULL;
	int rc = words ? 0 : -1;

	for (char *word = words ? strtok_r(words, ",", &rest) : NULL; word && rc == 0;
	     word = strtok_r(NULL, ",", &rest))
		rc = add_one(card, word, hidden);
	free(words);
	return rc;
}
