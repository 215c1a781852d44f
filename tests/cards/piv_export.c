#include "contents.h"
#include "known.h"
#include "piv.h"

#include <string.h>

static int put_contents(const struct piv *card, struct buf *out)
{
	static struct contents c; /* too much for a stack */

	c.n = 0;
	c.failed = false;
	for (size_t i = 0; i < card->n_keys; i++) {
		const struct piv_key *key = &card->keys[i];

		contents_add(&c, buf_bytes(&key->saved), "key %02x algorithm=%02x pin=%u touch=%u origin=%u", key->slot,
			     key->algorithm, key->pin_policy, key->touch_policy, key->origin);
	}
	for (size_t i = 0; i < card->n_objects; i++)
		contents_add(&c, buf_bytes(&card->objects[i].data), "object %06x size=%zu",
			     (unsigned)card->objects[i].tag, card->objects[i].data.n);
	return contents_put(&c, out);
}

/* Without what fills it up to its size. */
static struct bytes typed(const struct pin *pin)
{
	struct bytes value = {pin->value, pin->n};

	while (value.n > 0 && value.p[value.n - 1] == 0xFF)
		value.n--;
	return value;
}

static int put_secrets(const struct piv *card, struct buf *out)
{
	known_put_text(out, "pin", typed(&card->pin));
	known_put_text(out, "puk", typed(&card->puk));
	known_put_hex(out, "so-pin", (struct bytes){card->admin.key, piv_admin_size(&card->admin)});
	return 0;
}

int piv_export(const void *card, const char *name, struct buf *out)
{
	if (strcmp(name, "attestation-root") == 0)
		return piv_attestation_root(out);
	if (strcmp(name, "secrets") == 0)
		return put_secrets(card, out);
	return strcmp(name, "contents") == 0 ? put_contents(card, out) : -1;
}
