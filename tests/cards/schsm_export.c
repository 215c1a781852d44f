#include "contents.h"
#include "known.h"
#include "schsm.h"

#include <string.h>

static int put_secrets(const struct schsm *card, struct buf *out)
{
	known_put_text(out, "pin", (struct bytes){card->user.value, card->user.n});
	known_put_hex(out, "so-pin", (struct bytes){card->so.value, card->so.n});
	return 0;
}

static int put_contents(const struct schsm *schsm, struct buf *out)
{
	static struct contents c; /* too much for a stack */

	c.n = 0;
	c.failed = false;
	for (size_t i = 0; i < schsm->n_keys; i++)
		contents_add(&c, buf_bytes(&schsm->keys[i].saved), "key %02x", schsm->keys[i].id);
	for (size_t i = 0; i < schsm->n_files; i++)
		contents_add(&c, buf_bytes(&schsm->files[i].data), "file %04x size=%zu", schsm->files[i].fid,
			     schsm->files[i].data.n);
	return contents_put(&c, out);
}

int schsm_export(const void *card, const char *name, struct buf *out)
{
	if (strcmp(name, "secrets") == 0)
		return put_secrets(card, out);
	return strcmp(name, "contents") == 0 ? put_contents(card, out) : -1;
}
