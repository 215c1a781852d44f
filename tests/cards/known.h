/*
 * known: a card's PIN and its like in the clear, as text that a test can compare with what people and escrow know: a
 * value that nobody knows makes a card worthless, and to try it out would cost tries.
 */
#ifndef CARDS_KNOWN_H
#define CARDS_KNOWN_H

#include "bytes.h"

/* A line with a name, and unless it was never set a value: as it is typed, or in hexadecimal digits. */
void known_put_text(struct buf *out, const char *name, struct bytes value);
void known_put_hex(struct buf *out, const char *name, struct bytes value);

#endif
