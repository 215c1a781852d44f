/*
 * pinletter_page: the page of a letter, drawn by Pango and cairo: A4, one side.
 *
 * It is folded at 105 and 210 mm from the top, where it has marks (DIN 5008,
 * form B): the lowest part up, the uppermost back. So it fits an envelope of
 * DIN long (110 x 220 mm) or C6/5 (114 x 229 mm) with a window on the left
 * (DIN 680); the address stands behind that, the PIN lies between two layers,
 * and the paper that lies on the PIN has a pattern in that place, so that it
 * cannot be read against the light.
 *
 * What it draws is in ordinary memory of the process, too: one that has drawn a
 * letter has to end.
 */
#ifndef HANDOVER_PINLETTER_PAGE_H
#define HANDOVER_PINLETTER_PAGE_H

#include "core/config.h"
#include "core/err.h"
#include "core/secret.h"
#include "handover/pinletter_parts.h"
#include "handover/pinletter_sheet.h"

#include <stdbool.h>

struct pinletter_page {
	enum config_letter_format format;
	const char *file;     /* of the template, for messages */
	const char *language; /* "de" */
	const struct pinletter_parts *parts;
	const struct secret *pin;
	const struct secret *puk; /* NULL: none */
	bool strict;              /* for the check of a template: nothing is cut, each character has to be in a font */
};

/*
 * Draws it and finishes the sheet. Texts are made smaller until they fit; all but the main one are cut then.
 *
 * ERR_LETTER: PIN or PUK has a character that cannot be printed, or is too long for its place; the page is too large.
 * ERR_TEMPLATE: the text is too long for the page. ERR_CONFIG: there is no font for it, or none for a PIN.
 */
int pinletter_page_draw(const struct pinletter_page *page, struct pinletter_sheet *sheet, struct err *e);

/* Whether the fonts of this page have all characters of a text. */
bool pinletter_page_can_show(const struct pinletter_page *page, const char *text);

/* Places on the page in mm from its upper left corner; what a test measures, too. */
struct pinletter_box {
	double x, y, w, h;
};

#define PINLETTER_WIDTH 210.0
#define PINLETTER_HEIGHT 297.0
#define PINLETTER_FOLD_1 105.0
#define PINLETTER_FOLD_2 210.0

/* The recipient's zone of DIN 5008, form B, which the windows of both envelopes show. */
static const struct pinletter_box pinletter_window = {25, 63.5, 80, 25.5};
/* Lies on the paper below the second fold when it is folded. */
static const struct pinletter_box pinletter_pin = {25, 136, 160, 22};

#endif
