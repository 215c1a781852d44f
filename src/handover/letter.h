/*
 * letter: the mail itself, its addresses, headers and text. No header takes
 * anything that could begin another one.
 */
#ifndef HANDOVER_LETTER_H
#define HANDOVER_LETTER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/handover.h"

#include <curl/curl.h>

struct letter {
	char *from;                    /* bare address */
	struct curl_slist *recipients; /* bare addresses */
	struct curl_slist *headers;
	char *text;
};

/* Reads the bare addresses from "a@b" or "Name <a@b>", separated by commas. ERR_CONFIG naming the key. */
int letter_addresses(struct curl_slist **ret, const char *key, const char *list, struct err *e);

/* Writes the letter about a user's bundle. ERR_CONFIG for addresses, ERR_FAILED without random numbers. */
int letter_write(struct letter *ret, const struct config_mail *cfg, const struct handover_facts *f, struct err *e);
void letter_free(struct letter *l);

#endif
