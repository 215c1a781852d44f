#include "piv.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 160

static void put_hex(struct bytes data, char *ret)
{
	for (size_t i = 0; i < data.n; i++)
		sprintf(ret + 2 * i, "%02x", data.p[i]);
}

/* What is between head and the end of its line: the SHA-256 of data. */
static int write_line(char ret[LINE_SIZE], const char *head, struct bytes data)
{
	struct buf digest = {0};
	char hex[2 * 32 + 1] = "";
	int rc = crypt_hash("SHA256", data, &digest);

	if (rc == 0)
		put_hex(buf_bytes(&digest), hex);
	snprintf(ret, LINE_SIZE, "%s sha256=%s\n", head, hex);
	buf_free(&digest);
	return rc;
}

static int key_line(const struct piv_key *key, char ret[LINE_SIZE])
{
	char head[64];

	snprintf(head, sizeof(head), "key %02x algorithm=%02x pin=%u touch=%u origin=%u", key->slot, key->algorithm,
		 key->pin_policy, key->touch_policy, key->origin);
	return write_line(ret, head, buf_bytes(&key->saved));
}

static int object_line(const struct piv_object *object, char ret[LINE_SIZE])
{
	char head[64];

	snprintf(head, sizeof(head), "object %06x size=%zu", (unsigned)object->tag, object->data.n);
	return write_line(ret, head, buf_bytes(&object->data));
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorted, because what is written anew changes its place in the card's memory. */
static int put_contents(const struct piv *card, struct buf *out)
{
	char lines[PIV_KEYS_MAX + PIV_OBJECTS_MAX][LINE_SIZE];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < card->n_keys && rc == 0; i++)
		rc = key_line(&card->keys[i], lines[n++]);
	for (size_t i = 0; i < card->n_objects && rc == 0; i++)
		rc = object_line(&card->objects[i], lines[n++]);
	qsort(lines, n, sizeof(lines[0]), compare);
	for (size_t i = 0; i < n; i++)
		buf_put_bytes(out, bytes_of_text(lines[i]));
	return rc;
}

int piv_export(const void *card, const char *name, struct buf *out)
{
	if (strcmp(name, "attestation-root") == 0)
		return piv_attestation_root(out);
	return strcmp(name, "contents") == 0 ? put_contents(card, out) : -1;
}
