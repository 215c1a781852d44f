/*
 * pinletter_parts: what a rendered template of a letter says, part by part.
 *
 *     <letter font="DejaVu Sans">      font: optional, of all but the PIN
 *     <sender> … </sender>             optional: a small line above the address
 *     <window> … </window>             the address, behind the window of the envelope
 *     <title> … </title>               optional
 *     <pin> … </pin>                   what stands above the PIN
 *     <puk> … </puk>                   optional: what stands before the PUK, if the token has one
 *     <text> … </text>                 what to do
 *     </letter>
 *
 * Within a part there is Pango's markup; a line of it is a line, or paragraph,
 * of the page.
 */
#ifndef HANDOVER_PINLETTER_PARTS_H
#define HANDOVER_PINLETTER_PARTS_H

#include "core/err.h"

#include <stdbool.h>

enum pinletter_part {
	PINLETTER_SENDER,
	PINLETTER_WINDOW,
	PINLETTER_TITLE,
	PINLETTER_PIN,
	PINLETTER_PUK,
	PINLETTER_TEXT,
	PINLETTER_PART_COUNT
};

struct pinletter_parts {
	char *markup[PINLETTER_PART_COUNT]; /* Pango's markup without blanks around it; NULL if it is not there */
	int line[PINLETTER_PART_COUNT];     /* where it begins */
	char *font;                         /* NULL: the usual ones */
};

/* As it is written in the template, for a parser of markup that knows nothing of mustache: tags other than values are
 * blanked out in place, so that lines stay where they are. */
void pinletter_parts_blank(char *text);

/* written: this is a whole template in which sections are not decided yet, so a part may be there twice. file is for
 * messages. ERR_TEMPLATE with the line of text. */
int pinletter_parts_parse(struct pinletter_parts *ret, const char *file, const char *text, bool written, struct err *e);
void pinletter_parts_free(struct pinletter_parts *p);

#endif
