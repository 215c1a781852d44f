#include "bytes.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct bytes bytes_part(struct bytes b, size_t at, size_t n)
{
	if (at >= b.n)
		return (struct bytes){NULL, 0};
	return (struct bytes){b.p + at, n < b.n - at ? n : b.n - at};
}

uint32_t bytes_number(struct bytes b)
{
	uint32_t number = 0;

	for (size_t i = 0; i < b.n; i++)
		number = number << 8 | b.p[i];
	return number;
}

int bytes_from_hex(uint8_t *ret, size_t size, size_t *ret_n, const char *text)
{
	size_t n = strlen(text);

	if (n % 2 != 0 || n / 2 > size || strspn(text, "0123456789abcdefABCDEF") != n)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		const char pair[3] = {text[2 * i], text[2 * i + 1], 0};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	*ret_n = n / 2;
	return 0;
}

/* Makes room for n bytes more. */
static bool reserve(struct buf *b, size_t n)
{
	size_t room = b->room ? b->room : 256;
	uint8_t *larger;

	while (!b->failed && room - b->n < n)
		room *= 2;
	if (b->failed || room == b->room)
		return !b->failed;
	larger = OPENSSL_clear_realloc(b->p, b->room, room);
	b->failed = !larger;
	if (!larger)
		return false;
	b->p = larger;
	b->room = room;
	return true;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_put_bytes(struct buf *b, struct bytes data)
{
	buf_put(b, data.p, data.n);
}

void buf_put_byte(struct buf *b, uint8_t byte)
{
	buf_put(b, &byte, 1);
}

void buf_put_u16(struct buf *b, uint16_t number)
{
	buf_put_byte(b, (uint8_t)(number >> 8));
	buf_put_byte(b, (uint8_t)number);
}

void buf_resize(struct buf *b, size_t n)
{
	if (n > b->n) {
		if (!reserve(b, n - b->n))
			return;
		memset(b->p + b->n, 0, n - b->n);
	}
	b->n = n;
}

void buf_clear(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->room);
	b->n = 0;
	b->failed = false;
}

void buf_free(struct buf *b)
{
	OPENSSL_clear_free(b->p, b->room);
	*b = (struct buf){0};
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

static void put_tag(struct buf *b, unsigned tag)
{
	if (tag > 0xFF)
		buf_put_byte(b, (uint8_t)(tag >> 8));
	buf_put_byte(b, (uint8_t)tag);
}

/* The length field for a value of n bytes, of which there are at most 65535 on a card. */
static size_t length_field(uint8_t field[3], size_t n)
{
	if (n < 0x80) {
		field[0] = (uint8_t)n;
		return 1;
	}
	if (n < 0x100) {
		field[0] = 0x81;
		field[1] = (uint8_t)n;
		return 2;
	}
	field[0] = 0x82;
	field[1] = (uint8_t)(n >> 8);
	field[2] = (uint8_t)n;
	return 3;
}

void tlv_put(struct buf *b, unsigned tag, struct bytes value)
{
	uint8_t field[3] = {0};
	size_t width = length_field(field, value.n);

	if (value.n > 0xFFFF)
		b->failed = true;
	put_tag(b, tag);
	buf_put(b, field, width);
	buf_put_bytes(b, value);
}

void tlv_put_byte(struct buf *b, unsigned tag, uint8_t value)
{
	tlv_put(b, tag, (struct bytes){&value, 1});
}

void tlv_put_u16(struct buf *b, unsigned tag, uint16_t value)
{
	const uint8_t two[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	tlv_put(b, tag, (struct bytes){two, sizeof(two)});
}

size_t tlv_begin(struct buf *b, unsigned tag)
{
	put_tag(b, tag);
	return b->n;
}

void tlv_end(struct buf *b, size_t begun)
{
	uint8_t field[3];
	size_t n = b->n - begun, width = length_field(field, n);

	if (n > 0xFFFF)
		b->failed = true;
	if (!reserve(b, width))
		return;
	memmove(b->p + begun + width, b->p + begun, n);
	memcpy(b->p + begun, field, width);
	b->n += width;
}

static int take_byte(struct bytes *in, uint8_t *ret)
{
	if (in->n == 0)
		return -1;
	*ret = *in->p++;
	in->n--;
	return 0;
}

static int take_length(struct bytes *in, size_t *ret)
{
	size_t length = 0;
	uint8_t byte;

	if (take_byte(in, &byte) == -1)
		return -1;
	if (byte < 0x80) {
		*ret = byte;
		return 0;
	}
	if (byte == 0x80 || byte > 0x83)
		return -1;
	for (unsigned width = byte & 0x0F; width > 0; width--) {
		if (take_byte(in, &byte) == -1)
			return -1;
		length = length << 8 | byte;
	}
	*ret = length;
	return 0;
}

int tlv_next(struct bytes *in, unsigned *ret_tag, struct bytes *ret_value)
{
	struct bytes rest = *in;
	unsigned tag;
	uint8_t byte;
	size_t length;

	if (rest.n == 0)
		return 0;
	if (take_byte(&rest, &byte) == -1)
		return -1;
	tag = byte;
	if ((byte & 0x1F) == 0x1F) {
		if (take_byte(&rest, &byte) == -1 || byte & 0x80)
			return -1;
		tag = tag << 8 | byte;
	}
	if (take_length(&rest, &length) == -1 || length > rest.n)
		return -1;
	*ret_tag = tag;
	*ret_value = (struct bytes){rest.p, length};
	*in = (struct bytes){rest.p + length, rest.n - length};
	return 1;
}

bool tlv_find(struct bytes in, unsigned tag, struct bytes *ret_value)
{
	struct bytes value;
	unsigned found;

	while (tlv_next(&in, &found, &value) == 1) {
		if (found == tag) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}
