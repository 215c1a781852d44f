#include "piv.h"

#include <stdlib.h>
#include <string.h>

#define OVERHEAD 16 /* of the card's memory, for each object */

enum { TAG_CERTIFICATE = 0x70, TAG_CERTIFICATE_INFO = 0x71, TAG_ERROR_DETECTION = 0xFE };

struct piv_key *piv_find_key(struct piv *card, uint8_t slot)
{
	for (size_t i = 0; i < card->n_keys; i++)
		if (card->keys[i].slot == slot)
			return &card->keys[i];
	return NULL;
}

struct piv_object *piv_find_object(struct piv *card, uint32_t tag)
{
	for (size_t i = 0; i < card->n_objects; i++)
		if (card->objects[i].tag == tag)
			return &card->objects[i];
	return NULL;
}

bool piv_is_slot(uint8_t slot)
{
	return slot == PIV_AUTHENTICATION || slot == PIV_SIGNATURE || slot == PIV_KEY_MANAGEMENT ||
	       slot == PIV_CARD_AUTHENTICATION || slot == PIV_ATTESTATION ||
	       (slot >= PIV_RETIRED_FIRST && slot <= PIV_RETIRED_LAST);
}

uint32_t piv_certificate_tag(uint8_t slot)
{
	static const struct {
		uint8_t slot;
		uint32_t tag;
	} tags[] = {
	    {PIV_AUTHENTICATION, 0x5FC105},
	    {PIV_SIGNATURE, 0x5FC10A},
	    {PIV_KEY_MANAGEMENT, 0x5FC10B},
	    {PIV_CARD_AUTHENTICATION, 0x5FC101},
	    {PIV_ATTESTATION, PIV_OBJECT_ATTESTATION},
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].slot == slot)
			return tags[i].tag;
	return 0x5FC10D + (uint32_t)(slot - PIV_RETIRED_FIRST);
}

static void free_key(struct piv_key *key)
{
	EVP_PKEY_free(key->pair);
	buf_free(&key->saved);
}

uint16_t piv_put_key(struct piv *card, struct piv_key key)
{
	struct piv_key *place = piv_find_key(card, key.slot);

	key.saved = (struct buf){0};
	if (crypt_save_key(key.pair, &key.saved) == -1 || key.saved.failed ||
	    (!place && card->n_keys == PIV_KEYS_MAX)) {
		free_key(&key);
		return SW_EXECUTION;
	}
	if (place)
		free_key(place);
	else
		place = &card->keys[card->n_keys++];
	*place = key;
	return SW_OK;
}

static size_t memory_used(const struct piv *card)
{
	size_t used = 0;

	for (size_t i = 0; i < card->n_objects; i++)
		used += OVERHEAD + card->objects[i].data.n;
	return used;
}

static void delete_object(struct piv *card, struct piv_object *object)
{
	buf_free(&object->data);
	*object = card->objects[--card->n_objects];
}

uint16_t piv_put_object(struct piv *card, uint32_t tag, struct bytes data)
{
	struct piv_object *object = piv_find_object(card, tag);
	size_t freed = object ? OVERHEAD + object->data.n : 0;

	if (data.n > 0 && memory_used(card) - freed + OVERHEAD + data.n > card->memory)
		return SW_FULL;
	if (object)
		delete_object(card, object);
	if (data.n == 0)
		return SW_OK;
	if (card->n_objects == PIV_OBJECTS_MAX)
		return SW_FULL;
	object = &card->objects[card->n_objects++];
	*object = (struct piv_object){.tag = tag};
	buf_put_bytes(&object->data, data);
	return object->data.failed ? SW_EXECUTION : SW_OK;
}

uint16_t piv_put_certificate(struct piv *card, uint8_t slot, struct bytes der)
{
	struct buf data = {0};
	uint16_t sw;

	tlv_put(&data, TAG_CERTIFICATE, der);
	tlv_put_byte(&data, TAG_CERTIFICATE_INFO, 0);
	tlv_put(&data, TAG_ERROR_DETECTION, (struct bytes){NULL, 0});
	sw = data.failed ? SW_EXECUTION : piv_put_object(card, piv_certificate_tag(slot), buf_bytes(&data));
	buf_free(&data);
	return sw;
}

void piv_wipe(struct piv *card)
{
	for (size_t i = card->n_keys; i-- > 0;) {
		if (card->keys[i].slot == PIV_ATTESTATION)
			continue;
		free_key(&card->keys[i]);
		card->keys[i] = card->keys[--card->n_keys];
	}
	for (size_t i = card->n_objects; i-- > 0;)
		if (card->objects[i].tag != PIV_OBJECT_ATTESTATION)
			delete_object(card, &card->objects[i]);
}

void piv_free(void **card)
{
	struct piv *c = *card;

	*card = NULL;
	if (!c)
		return;
	while (c->n_keys > 0)
		free_key(&c->keys[--c->n_keys]);
	while (c->n_objects > 0)
		buf_free(&c->objects[--c->n_objects].data);
	free(c);
}
