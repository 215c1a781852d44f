/*
 * pad: a reader's PIN pad, and who types on it. A file has what will be typed, a line for each time the pad asks; what
 * was typed is no longer in it. When there is nothing left, whoever stands there cancels.
 */
#ifndef FAULT_PAD_H
#define FAULT_PAD_H

#include <stdbool.h>
#include <stddef.h>

#define PAD_PIN_MAX 64

struct pad_pin {
	unsigned char bytes[PAD_PIN_MAX];
	size_t len;
};

enum pad_answer { PAD_ENTERED, PAD_CANCELED, PAD_DIFFERENT };

/* The file of FAULTY_PAD; NULL: there is no pad. */
const char *pad_file(void);

/* Asks for a PIN; for a new one twice. */
enum pad_answer pad_ask(struct pad_pin *ret, bool new);

#endif
