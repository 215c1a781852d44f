/*
 * pinletter_fit: texts on a page, each in its box, made smaller until it fits.
 */
#ifndef HANDOVER_PINLETTER_FIT_H
#define HANDOVER_PINLETTER_FIT_H

#include "core/secret.h"
#include "handover/pinletter_page.h"

#include <pango/pangocairo.h>

struct pinletter_canvas {
	cairo_t *cr; /* in points */
	PangoContext *context;
	PangoFontDescription *font; /* of texts */
	PangoFontDescription *mono; /* of a PIN */
	bool uncut;                 /* what does not fit does not fit, whatever the style says */
	int unknown;                /* how many characters no font has, so far */
};

/* Millimetres in points. */
double pinletter_points(double mm);

/* ERR_CONFIG if there is no font in which the characters of a PIN differ. font: families, or NULL for the usual ones.
 */
int pinletter_canvas_open(struct pinletter_canvas *c, cairo_surface_t *surface, const char *font, const char *language,
			  struct err *e);
void pinletter_canvas_close(struct pinletter_canvas *c);

struct pinletter_style {
	double most, least; /* size in points */
	bool cut;           /* what does not fit at the least size is cut, line by line, unless it must not be */
};

/* Draws Pango's markup. Returns 0, or -1 if it does not fit. NULL is nothing. */
int pinletter_fit_text(struct pinletter_canvas *c, const char *markup, const struct pinletter_box *box,
		       const struct pinletter_style *style);

/* How many characters of this text no font has. */
int pinletter_fit_unknown(const struct pinletter_canvas *c, const char *text);

/* Draws a secret in the fixed-width font, in groups if it is long, in the middle of the box. Returns 0, or -1 if it
 * does not fit. */
int pinletter_fit_secret(struct pinletter_canvas *c, const struct secret *s, const struct pinletter_box *box,
			 const struct pinletter_style *style);

/* Whether it can be printed at all: UTF-8 without anything that has no shape. */
bool pinletter_is_printable(const struct secret *s);

#endif
