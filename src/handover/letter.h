/*
 * letter: the mail itself, its addresses, headers and text. No header takes
 * anything that could begin another one.
 */
#ifndef HANDOVER_LETTER_H
#define HANDOVER_LETTER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/handover.h"

#include <stddef.h>

/* Texts on the heap. */
struct letter_lines {
	char **v;
	size_t n;
};

void letter_lines_free(struct letter_lines *l);

struct letter {
	char *from;                     /* bare address */
	struct letter_lines recipients; /* bare addresses */
	struct letter_lines headers;
	char *text;
};

/* Reads the bare addresses from "a@b" or "Name <a@b>", separated by commas. ERR_CONFIG naming the key. */
int letter_addresses(struct letter_lines *ret, const char *key, const char *list, struct err *e);

/* Writes the letter about a user's bundle. ERR_CONFIG for addresses, ERR_FAILED without random numbers. */
int letter_write(struct letter *ret, const struct config_mail *cfg, const struct handover_facts *f, struct err *e);
void letter_free(struct letter *l);

#endif
