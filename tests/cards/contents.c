#include "contents.h"

#include "crypt.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void put_hex(struct bytes data, char *ret)
{
	for (size_t i = 0; i < data.n; i++)
		sprintf(ret + 2 * i, "%02x", data.p[i]);
}

void contents_add(struct contents *c, struct bytes data, const char *head, ...)
{
	struct buf digest = {0};
	char hex[2 * 32 + 1] = "", text[64];
	va_list ap;

	va_start(ap, head);
	vsnprintf(text, sizeof(text), head, ap);
	va_end(ap);
	if (c->n == CONTENTS_LINES_MAX || crypt_hash("SHA256", data, &digest) != 0) {
		c->failed = true;
	} else {
		put_hex(buf_bytes(&digest), hex);
		snprintf(c->lines[c->n++], CONTENTS_LINE_SIZE, "%s sha256=%s\n", text, hex);
	}
	buf_free(&digest);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

int contents_put(struct contents *c, struct buf *out)
{
	qsort(c->lines, c->n, sizeof(c->lines[0]), compare);
	for (size_t i = 0; i < c->n; i++)
		buf_put_bytes(out, bytes_of_text(c->lines[i]));
	return c->failed ? -1 : 0;
}
