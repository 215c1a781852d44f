#include "schsm.h"

#include <stdlib.h>
#include <string.h>

#define OVERHEAD 16 /* of the card's memory, for each file and key */

enum {
	TAG_SERIAL = 0x80,
	TAG_DEVICE,
	TAG_OPTIONS,
	TAG_MEMORY,
	TAG_USER = 0xA0,
	TAG_SO,
	TAG_FILE,
	TAG_KEY,
	/* within a file or key */
	TAG_ID = 0x80,
	TAG_DATA
};

struct schsm_file *schsm_find_file(struct schsm *card, uint16_t fid)
{
	for (size_t i = 0; i < card->n_files; i++)
		if (card->files[i].fid == fid)
			return &card->files[i];
	return NULL;
}

struct schsm_key *schsm_find_key(struct schsm *card, uint8_t id)
{
	for (size_t i = 0; i < card->n_keys; i++)
		if (card->keys[i].id == id)
			return &card->keys[i];
	return NULL;
}

static bool has_room(const struct schsm *card, size_t more)
{
	size_t used = 0;

	for (size_t i = 0; i < card->n_files; i++)
		used += OVERHEAD + card->files[i].data.n;
	for (size_t i = 0; i < card->n_keys; i++)
		used += OVERHEAD + card->keys[i].saved.n;
	return used + more <= card->memory;
}

uint16_t schsm_write_file(struct schsm *card, uint16_t fid, size_t offset, struct bytes data)
{
	struct schsm_file *file = schsm_find_file(card, fid);
	size_t before = file ? file->data.n : 0, after = offset + data.n;

	if (offset > before)
		return SW_OFFSET;
	if (after > before && !has_room(card, after - before + (file ? 0 : OVERHEAD)))
		return SW_FULL;
	if (!file) {
		if (card->n_files == SCHSM_FILES_MAX)
			return SW_FULL;
		file = &card->files[card->n_files++];
		*file = (struct schsm_file){.fid = fid};
	}
	if (offset == 0 || after > before)
		buf_resize(&file->data, after);
	if (file->data.failed)
		return SW_EXECUTION;
	if (data.n > 0)
		memcpy(file->data.p + offset, data.p, data.n);
	return SW_OK;
}

static void free_key(struct schsm_key *key)
{
	EVP_PKEY_free(key->pair);
	buf_free(&key->saved);
}

uint16_t schsm_add_key(struct schsm *card, uint8_t id, EVP_PKEY *pair)
{
	struct schsm_key key = {.id = id, .pair = pair};
	uint16_t sw = SW_OK;

	if (crypt_save_key(pair, &key.saved) == -1)
		sw = SW_EXECUTION;
	else if (card->n_keys == SCHSM_KEYS_MAX || !has_room(card, OVERHEAD + key.saved.n))
		sw = SW_FULL;
	if (sw == SW_OK)
		card->keys[card->n_keys++] = key;
	else
		free_key(&key);
	return sw;
}

uint16_t schsm_delete_file(struct schsm *card, uint16_t fid)
{
	struct schsm_file *file = schsm_find_file(card, fid);

	if (!file)
		return SW_NO_FILE;
	buf_free(&file->data);
	*file = card->files[--card->n_files];
	if (card->current == fid)
		card->current = 0;
	return SW_OK;
}

uint16_t schsm_delete_key(struct schsm *card, uint8_t id)
{
	struct schsm_key *key = schsm_find_key(card, id);

	if (!key)
		return SW_NO_FILE;
	free_key(key);
	*key = card->keys[--card->n_keys];
	return SW_OK;
}

void schsm_wipe(struct schsm *card)
{
	while (card->n_keys > 0)
		free_key(&card->keys[--card->n_keys]);
	for (size_t i = card->n_files; i-- > 0;)
		if (card->files[i].fid != SCHSM_DEVICE_CERTIFICATE)
			schsm_delete_file(card, card->files[i].fid);
	card->current = 0;
}

static void save_object(struct buf *out, unsigned tag, uint16_t id, struct bytes data)
{
	size_t begun = tlv_begin(out, tag);

	tlv_put_u16(out, TAG_ID, id);
	tlv_put(out, TAG_DATA, data);
	tlv_end(out, begun);
}

void schsm_save(const void *card, struct buf *out)
{
	const struct schsm *c = card;
	size_t begun;

	tlv_put(out, TAG_SERIAL, bytes_of_text(c->serial));
	begun = tlv_begin(out, TAG_DEVICE);
	if (crypt_save_key(c->device, out) == -1)
		out->failed = true;
	tlv_end(out, begun);
	tlv_put_byte(out, TAG_OPTIONS, c->options);
	tlv_put_u16(out, TAG_MEMORY, (uint16_t)(c->memory / 1024));
	pin_save(&c->user, TAG_USER, out);
	pin_save(&c->so, TAG_SO, out);
	for (size_t i = 0; i < c->n_files; i++)
		save_object(out, TAG_FILE, c->files[i].fid, buf_bytes(&c->files[i].data));
	for (size_t i = 0; i < c->n_keys; i++)
		save_object(out, TAG_KEY, c->keys[i].id, buf_bytes(&c->keys[i].saved));
}

static int load_object(struct schsm *card, unsigned tag, struct bytes saved)
{
	struct bytes id, data;
	EVP_PKEY *pair;

	if (!tlv_find(saved, TAG_ID, &id) || !tlv_find(saved, TAG_DATA, &data))
		return -1;
	if (tag == TAG_FILE)
		return schsm_write_file(card, (uint16_t)bytes_number(id), 0, data) == SW_OK ? 0 : -1;
	pair = crypt_load_key(data);
	return pair && schsm_add_key(card, (uint8_t)bytes_number(id), pair) == SW_OK ? 0 : -1;
}

static int load_head(struct schsm *card, struct bytes saved)
{
	struct bytes serial, device, options, memory, user, so;

	if (!tlv_find(saved, TAG_SERIAL, &serial) || serial.n > SCHSM_SERIAL_MAX ||
	    !tlv_find(saved, TAG_DEVICE, &device) || !tlv_find(saved, TAG_OPTIONS, &options) ||
	    !tlv_find(saved, TAG_MEMORY, &memory) || !tlv_find(saved, TAG_USER, &user) ||
	    !tlv_find(saved, TAG_SO, &so) || pin_load(&card->user, user) == -1 || pin_load(&card->so, so) == -1)
		return -1;
	memcpy(card->serial, serial.p, serial.n);
	card->device = crypt_load_key(device);
	card->options = (uint8_t)bytes_number(options);
	card->memory = 1024 * (size_t)bytes_number(memory);
	return card->device ? 0 : -1;
}

int schsm_load(void **ret_card, struct bytes saved)
{
	struct schsm *card = calloc(1, sizeof(*card));
	void *failed = card;
	struct bytes value;
	unsigned tag;
	int rc = card ? load_head(card, saved) : -1;

	while (rc == 0 && tlv_next(&saved, &tag, &value) == 1)
		if (tag == TAG_FILE || tag == TAG_KEY)
			rc = load_object(card, tag, value);
	if (rc == 0)
		*ret_card = card;
	else
		schsm_free(&failed);
	return rc;
}

void schsm_free(void **card)
{
	struct schsm *c = *card;

	*card = NULL;
	if (!c)
		return;
	while (c->n_keys > 0)
		free_key(&c->keys[--c->n_keys]);
	while (c->n_files > 0)
		buf_free(&c->files[--c->n_files].data);
	EVP_PKEY_free(c->device);
	free(c);
}
