#include "piv.h"

#include <stdlib.h>
#include <string.h>

/* "9c:rsa:2048": a key in that slot, and a certificate that it has signed itself. */
static int add_one(struct piv *card, const char *word)
{
	char *end, cn[48];
	uint8_t slot = (uint8_t)strtoul(word, &end, 16);
	uint8_t algorithm = *end == ':' ? piv_kind_number(end + 1) : 0;
	struct piv_key key = piv_new_key(card, slot, algorithm);
	struct buf der = {0};
	int rc;

	if (!algorithm || !piv_is_slot(slot) || slot == PIV_ATTESTATION)
		return -1;
	key.origin = PIV_GENERATED;
	key.pair = crypt_generate(end + 1);
	snprintf(cn, sizeof(cn), "Qualified signature %02x", slot);
	rc = key.pair && crypt_certificate(key.pair, cn, &der) == 0 &&
		     piv_put_certificate(card, slot, buf_bytes(&der)) == SW_OK
		 ? 0
		 : -1;
	buf_free(&der);
	if (rc == 0)
		return piv_put_key(card, key) == SW_OK ? 0 : -1;
	EVP_PKEY_free(key.pair);
	return -1;
}

int piv_add_foreign(struct piv *card, const char *list)
{
	char *words = strdup(list), *rest = NULL;
	int rc = words ? 0 : -1;

	for (char *word = words ? strtok_r(words, ",", &rest) : NULL; word && rc == 0;
	     word = strtok_r(NULL, ",", &rest))
		rc = add_one(card, word);
	free(words);
	return rc;
}
