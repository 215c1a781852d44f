/*
 * state: a card's memory in a file. A file is whole or it is refused: it is written beside and renamed, and carries a
 * checksum. It is not synced: it has to survive a killed process, not a power cut. Secrets are in it as they are.
 */
#ifndef CARDS_STATE_H
#define CARDS_STATE_H

#include "bytes.h"

/* Reads what a card of that type saved. Returns 1, 0 if there is no such file, -1 with a sentence in complaint. */
int state_read(const char *path, const char *type, struct buf *ret, char *complaint, size_t size);

int state_write(const char *path, const char *type, struct bytes saved, char *complaint, size_t size);

#endif
