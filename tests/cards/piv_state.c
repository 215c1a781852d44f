#include "piv.h"

#include <stdlib.h>
#include <string.h>

enum {
	TAG_HEAD = 0x80, /* serial, version, and what else is fixed, in this order */
	TAG_ADMIN_KEY,
	TAG_ADMIN_STATE,
	TAG_VOID,
	TAG_PIN = 0xA0,
	TAG_PUK,
	TAG_KEY,
	TAG_OBJECT,
	/* within a key or object */
	TAG_ID = 0x80,
	TAG_DATA
};

static void put_number(struct buf *out, uint32_t number)
{
	buf_put_u16(out, (uint16_t)(number >> 16));
	buf_put_u16(out, (uint16_t)number);
}

static void save_head(const struct piv *c, struct buf *out)
{
	size_t begun = tlv_begin(out, TAG_HEAD);

	put_number(out, c->serial);
	put_number(out, c->types);
	put_number(out, (uint32_t)c->memory);
	buf_put(out, c->version, sizeof(c->version));
	buf_put_byte(out, c->extended);
	buf_put_byte(out, c->attests);
	buf_put_byte(out, c->touch_policy);
	tlv_end(out, begun);
	tlv_put(out, TAG_ADMIN_KEY, (struct bytes){c->admin.key, sizeof(c->admin.key)});
	begun = tlv_begin(out, TAG_ADMIN_STATE);
	buf_put_byte(out, c->admin.algorithm);
	buf_put_byte(out, c->admin.touch);
	put_number(out, c->admin.wrong);
	tlv_end(out, begun);
	begun = tlv_begin(out, TAG_VOID);
	put_number(out, c->pin_void);
	put_number(out, c->puk_void);
	tlv_end(out, begun);
}

void piv_save(const void *card, struct buf *out)
{
	const struct piv *c = card;
	size_t begun;

	save_head(c, out);
	pin_save(&c->pin, TAG_PIN, out);
	pin_save(&c->puk, TAG_PUK, out);
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct piv_key *key = &c->keys[i];
		const uint8_t id[] = {key->slot, key->algorithm, key->pin_policy, key->touch_policy, key->origin};

		begun = tlv_begin(out, TAG_KEY);
		tlv_put(out, TAG_ID, (struct bytes){id, sizeof(id)});
		tlv_put(out, TAG_DATA, buf_bytes(&key->saved));
		tlv_end(out, begun);
	}
	for (size_t i = 0; i < c->n_objects; i++) {
		begun = tlv_begin(out, TAG_OBJECT);
		put_number(out, c->objects[i].tag);
		buf_put_bytes(out, buf_bytes(&c->objects[i].data));
		tlv_end(out, begun);
	}
}

static uint32_t number_at(struct bytes b, size_t at)
{
	return bytes_number(bytes_part(b, at, 4));
}

static int load_head(struct piv *c, struct bytes saved)
{
	struct bytes head, key, state, voids, pin, puk;

	if (!tlv_find(saved, TAG_HEAD, &head) || head.n != 18 || !tlv_find(saved, TAG_ADMIN_KEY, &key) ||
	    key.n != sizeof(c->admin.key) || !tlv_find(saved, TAG_ADMIN_STATE, &state) || state.n != 6 ||
	    !tlv_find(saved, TAG_VOID, &voids) || voids.n != 8 || !tlv_find(saved, TAG_PIN, &pin) ||
	    !tlv_find(saved, TAG_PUK, &puk) || pin_load(&c->pin, pin) == -1 || pin_load(&c->puk, puk) == -1)
		return -1;
	c->serial = number_at(head, 0);
	c->types = number_at(head, 4);
	c->memory = number_at(head, 8);
	memcpy(c->version, head.p + 12, sizeof(c->version));
	c->extended = head.p[15];
	c->attests = head.p[16];
	c->touch_policy = head.p[17];
	memcpy(c->admin.key, key.p, key.n);
	c->admin.algorithm = state.p[0];
	c->admin.touch = state.p[1];
	c->admin.wrong = number_at(state, 2);
	c->pin_void = number_at(voids, 0);
	c->puk_void = number_at(voids, 4);
	return 0;
}

static int load_key(struct piv *c, struct bytes saved)
{
	struct bytes id, data;
	struct piv_key key;

	if (!tlv_find(saved, TAG_ID, &id) || id.n != 5 || !tlv_find(saved, TAG_DATA, &data))
		return -1;
	key = (struct piv_key){.slot = id.p[0],
			       .algorithm = id.p[1],
			       .pin_policy = id.p[2],
			       .touch_policy = id.p[3],
			       .origin = id.p[4],
			       .pair = crypt_load_key(data)};
	return key.pair && piv_put_key(c, key) == SW_OK ? 0 : -1;
}

static int load_part(struct piv *c, unsigned tag, struct bytes saved)
{
	if (tag == TAG_KEY)
		return load_key(c, saved);
	if (tag == TAG_OBJECT)
		return piv_put_object(c, number_at(saved, 0), bytes_part(saved, 4, saved.n)) == SW_OK ? 0 : -1;
	return 0;
}

int piv_load(void **ret_card, struct bytes saved)
{
	struct piv *card = calloc(1, sizeof(*card));
	void *failed = card;
	struct bytes value;
	unsigned tag;
	int rc = card ? load_head(card, saved) : -1;

	while (rc == 0 && tlv_next(&saved, &tag, &value) == 1)
		rc = load_part(card, tag, value);
	if (rc == 0)
		*ret_card = card;
	else
		piv_free(&failed);
	return rc;
}
