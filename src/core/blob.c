#include "core/blob.h"
#include "core/xalloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void blob_set(struct blob *ret, const void *data, size_t len)
{
	unsigned char *copy = xcalloc(1, len + 1);
	if (len != 0)
		memcpy(copy, data, len);
	blob_take(ret, copy, len);
}

void blob_take(struct blob *ret, unsigned char *data, size_t len)
{
	free(ret->data);
	ret->data = data;
	ret->len = len;
}

void blob_append(struct blob *ret, const struct blob *b)
{
	if (b->len == 0)
		return;
	ret->data = xrealloc(ret->data, ret->len + b->len, 1);
	memcpy(ret->data + ret->len, b->data, b->len);
	ret->len += b->len;
}

void blob_free(struct blob *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

void hex_encode(char *ret, size_t size, const void *data, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *p = data;
	size_t n = 0;
	for (size_t i = 0; i < len && n + 2 < size; i++) {
		ret[n++] = digits[p[i] >> 4];
		ret[n++] = digits[p[i] & 15];
	}
	if (n < size)
		ret[n] = '\0';
}

int hex_decode(struct blob *ret, const char *hex)
{
	size_t digits = strlen(hex);
	if (digits % 2 != 0)
		return -1;
	unsigned char *data = xcalloc(1, digits / 2 + 1);
	for (size_t i = 0; i < digits; i++) {
		int v = OPENSSL_hexchar2int((unsigned char)hex[i]);
		if (v < 0) {
			free(data);
			return -1;
		}
		data[i / 2] = (unsigned char)(data[i / 2] << 4 | v);
	}
	blob_take(ret, data, digits / 2);
	return 0;
}
