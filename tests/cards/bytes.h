/*
 * bytes: what somebody else owns (struct bytes) and what grows (struct buf), and BER-TLV in both.
 *
 * A struct buf starts as {0}. Appending never fails by itself: without memory it sets .failed and takes no more, so
 * that one look at the end is enough. Tags have one or two bytes and are written as numbers: 0x81, 0x7F49.
 */
#ifndef CARDS_BYTES_H
#define CARDS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct buf {
	uint8_t *p;
	size_t n, room;
	bool failed;
};

struct bytes bytes_of_text(const char *text);
bool bytes_equal(struct bytes a, struct bytes b);

/* The part that begins at offset at and has n bytes; what lies outside is cut off. */
struct bytes bytes_part(struct bytes b, size_t at, size_t n);

/* Big-endian; of more than four bytes the last four count. */
uint32_t bytes_number(struct bytes b);

/* Two hexadecimal digits for each byte, either case. Returns 0, or -1 if the text is anything else or longer than
 * size bytes. */
int bytes_from_hex(uint8_t *ret, size_t size, size_t *ret_n, const char *text);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_bytes(struct buf *b, struct bytes data);
void buf_put_byte(struct buf *b, uint8_t byte);
void buf_put_u16(struct buf *b, uint16_t number);

/* Cuts it to n bytes, or lengthens it with zeros. */
void buf_resize(struct buf *b, size_t n);

/* Overwrites and empties it; the memory stays. */
void buf_clear(struct buf *b);

/* Overwrites it and gives the memory back. */
void buf_free(struct buf *b);

struct bytes buf_bytes(const struct buf *b);

/* ---- BER-TLV */

void tlv_put(struct buf *b, unsigned tag, struct bytes value);
void tlv_put_byte(struct buf *b, unsigned tag, uint8_t value);
void tlv_put_u16(struct buf *b, unsigned tag, uint16_t value);

/* A constructed object around what is put between the two calls: begin returns what end needs. */
size_t tlv_begin(struct buf *b, unsigned tag);
void tlv_end(struct buf *b, size_t begun);

/* Takes the next object off the front of in. Returns 1, 0 at the end of the data, -1 if what is there is no object
 * that fits into it. */
int tlv_next(struct bytes *in, unsigned *ret_tag, struct bytes *ret_value);

/* The first object with that tag. Returns false if there is none, or rubbish before it. */
bool tlv_find(struct bytes in, unsigned tag, struct bytes *ret_value);

#endif
