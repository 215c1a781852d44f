/*
 * pinletter_text: the templates of letters, one a language, from the folder
 * that the configuration names: letter.de.pango is the German one. What a
 * template can say (as in names.h):
 *
 *     user name department language date                name is the user if there is no other
 *     token_label token_serial token_model token_manufacturer
 *     expires                                           YYYY-MM-DD, UTC, as is date
 *     pin puk                                           only as sections: there is a PUK, too
 *     and the columns of the roster, and [template]; what a person has wins
 */
#ifndef HANDOVER_PINLETTER_TEXT_H
#define HANDOVER_PINLETTER_TEXT_H

#include "core/config.h"
#include "core/err.h"
#include "handover/pinletter.h"
#include "handover/pinletter_parts.h"

#include <stdbool.h>
#include <stddef.h>

struct pinletter_texts;

/* Reads all of them. ERR_CONFIG for no such folder, none for [letter] language, and [template]; ERR_TEMPLATE with file
 * and line. Borrows from cfg, which has to live longer. */
int pinletter_texts_load(struct pinletter_texts **ret, const struct config *cfg, struct err *e);
void pinletter_texts_free(struct pinletter_texts **t);

/* "de", and so on: the place in this list is i below. */
const struct config_list *pinletter_texts_languages(const struct pinletter_texts *t);

/* Which one is for a language (pinletter_language.h), or NULL; that of [letter] language if there is none for it. */
size_t pinletter_texts_find(const struct pinletter_texts *t, const char *language);

/* The path, for messages. */
const char *pinletter_texts_file(const struct pinletter_texts *t, size_t i);

/* Whether its markup is whole, before sections are decided, and every name is known. ERR_TEMPLATE with file and line.
 */
int pinletter_texts_check(const struct pinletter_texts *t, size_t i, const struct pinletter_facts *f, struct err *e);

/* Renders one for a person. ERR_TEMPLATE. */
int pinletter_texts_render(struct pinletter_parts *ret, const struct pinletter_texts *t, size_t i,
			   const struct pinletter_facts *f, bool has_puk, struct err *e);

#endif
