#include "contents.h"
#include "schsm.h"

#include <string.h>

int schsm_export(const void *card, const char *name, struct buf *out)
{
	static struct contents c; /* too much for a stack */
	const struct schsm *schsm = card;

	if (strcmp(name, "contents") != 0)
		return -1;
	c.n = 0;
	c.failed = false;
	for (size_t i = 0; i < schsm->n_keys; i++)
		contents_add(&c, buf_bytes(&schsm->keys[i].saved), "key %02x", schsm->keys[i].id);
	for (size_t i = 0; i < schsm->n_files; i++)
		contents_add(&c, buf_bytes(&schsm->files[i].data), "file %04x size=%zu", schsm->files[i].fid,
			     schsm->files[i].data.n);
	return contents_put(&c, out);
}
