#include "handover/pinletter_page.h"

#include "handover/pinletter_fit.h"

#include <cairo-pdf.h>
#include <cairo-ps.h>
#include <stdint.h>

static const struct pinletter_box sender = {25, 58, 80, 4.5};
static const struct pinletter_box title = {25, 109, 160, 13};
static const struct pinletter_box pin_caption = {25, 125, 160, 9.5};
static const struct pinletter_box puk_caption = {25, 160.5, 95, 9};
static const struct pinletter_box puk_value = {122, 159.5, 63, 10};
static const struct pinletter_box text_alone = {25, 163, 160, 87};
static const struct pinletter_box text_below_puk = {25, 173, 160, 77};

static const struct pinletter_style sender_style = {7, 6, true};
static const struct pinletter_style window_style = {11, 8, true};
static const struct pinletter_style title_style = {15, 10, true};
static const struct pinletter_style caption_style = {11, 8, true};
static const struct pinletter_style text_style = {10, 7.5, false};
static const struct pinletter_style pin_style = {32, 11, false};
static const struct pinletter_style puk_style = {14, 8, false};

static cairo_status_t take(void *arg, const unsigned char *data, unsigned len)
{
	return pinletter_sheet_add(arg, data, len) == 0 ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *surface_new(enum config_letter_format format, struct pinletter_sheet *sheet)
{
	double w = pinletter_points(PINLETTER_WIDTH), h = pinletter_points(PINLETTER_HEIGHT);
	return format == CONFIG_LETTER_PS ? cairo_ps_surface_create_for_stream(take, sheet, w, h)
					  : cairo_pdf_surface_create_for_stream(take, sheet, w, h);
}

/* ---- lines */

static void line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
	cairo_move_to(cr, pinletter_points(x1), pinletter_points(y1));
	cairo_line_to(cr, pinletter_points(x2), pinletter_points(y2));
}

static void draw_lines(cairo_t *cr, const struct pinletter_parts *parts)
{
	cairo_set_line_width(cr, 0.5);
	line(cr, 5, PINLETTER_FOLD_1, 9, PINLETTER_FOLD_1);
	line(cr, 5, PINLETTER_FOLD_2, 9, PINLETTER_FOLD_2);
	if (parts->markup[PINLETTER_SENDER] != NULL)
		line(cr, sender.x, sender.y + sender.h, sender.x + sender.w, sender.y + sender.h);
	cairo_rectangle(cr, pinletter_points(pinletter_pin.x), pinletter_points(pinletter_pin.y),
			pinletter_points(pinletter_pin.w), pinletter_points(pinletter_pin.h));
	cairo_stroke(cr);
}

/* The same on each letter: it has to look like parts of characters, not to be a secret. */
static double next(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (double)(*seed >> 8) / (1U << 24);
}

/* Strokes of the size of characters, where the paper lies on PIN and PUK once it is folded. */
static void draw_pattern(cairo_t *cr)
{
	const double cell = 2.4, top = 2 * PINLETTER_FOLD_2 - (puk_value.y + puk_value.h),
		     bottom = 2 * PINLETTER_FOLD_2 - pinletter_pin.y;
	const int columns = (int)(pinletter_pin.w / cell), rows = (int)((bottom - top) / cell);
	uint32_t seed = 1;
	cairo_set_line_width(cr, 1.4);
	cairo_set_source_rgb(cr, 0.45, 0.45, 0.45);
	for (int i = 0; i < rows * columns; i++) {
		const int row = i / columns, column = i % columns;
		double x = pinletter_pin.x + cell * column, y = top + cell * row;
		double x1 = x + cell * next(&seed), y1 = y + cell * next(&seed);
		double x2 = x + cell * next(&seed), y2 = y + cell * next(&seed);
		line(cr, x1, y1, x2, y2);
	}
	cairo_stroke(cr);
	cairo_set_source_rgb(cr, 0, 0, 0);
}

/* ---- texts */

static int draw_part(struct pinletter_canvas *c, const struct pinletter_page *page, enum pinletter_part part,
		     const struct pinletter_box *box, const struct pinletter_style *style, struct err *e)
{
	static const char *const names[PINLETTER_PART_COUNT] = {
	    [PINLETTER_SENDER] = "the sender",
	    [PINLETTER_WINDOW] = "the address",
	    [PINLETTER_TITLE] = "the title",
	    [PINLETTER_PIN] = "what stands above the PIN",
	    [PINLETTER_PUK] = "what stands before the PUK",
	    [PINLETTER_TEXT] = "the text",
	};
	if (pinletter_fit_text(c, page->parts->markup[part], box, style) == 0)
		return 0;
	err_set(e, ERR_TEMPLATE, "%s:%d: %s is too long for its place on the page", page->file, page->parts->line[part],
		names[part]);
	return err_next(e, "make it shorter; nothing is printed");
}

static int draw_secret(struct pinletter_canvas *c, const struct secret *s, const char *what,
		       const struct pinletter_box *box, const struct pinletter_style *style, struct err *e)
{
	if (!pinletter_is_printable(s)) {
		err_set(e, ERR_LETTER, "the %s has a character that cannot be printed", what);
		return err_next(e, "give the token another %s", what);
	}
	if (pinletter_fit_secret(c, s, box, style) == 0)
		return 0;
	err_set(e, ERR_LETTER, "the %s is too long to be printed in a letter", what);
	return err_next(e, "give the token another %s", what);
}

static bool has_puk(const struct pinletter_page *page)
{
	return page->puk != NULL && page->parts->markup[PINLETTER_PUK] != NULL;
}

static int draw_puk(struct pinletter_canvas *c, const struct pinletter_page *page, struct err *e)
{
	if (!has_puk(page))
		return 0;
	if (draw_part(c, page, PINLETTER_PUK, &puk_caption, &caption_style, e) != 0)
		return -1;
	return draw_secret(c, page->puk, "PUK", &puk_value, &puk_style, e);
}

static int draw_texts(struct pinletter_canvas *c, const struct pinletter_page *page, struct err *e)
{
	const struct pinletter_box *text = has_puk(page) ? &text_below_puk : &text_alone;
	if (draw_part(c, page, PINLETTER_SENDER, &sender, &sender_style, e) != 0 ||
	    draw_part(c, page, PINLETTER_WINDOW, &pinletter_window, &window_style, e) != 0 ||
	    draw_part(c, page, PINLETTER_TITLE, &title, &title_style, e) != 0 ||
	    draw_part(c, page, PINLETTER_PIN, &pin_caption, &caption_style, e) != 0)
		return -1;
	return draw_part(c, page, PINLETTER_TEXT, text, &text_style, e);
}

static int draw_all(struct pinletter_canvas *c, const struct pinletter_page *page, struct err *e)
{
	draw_lines(c->cr, page->parts);
	draw_pattern(c->cr);
	if (draw_texts(c, page, e) != 0 || draw_secret(c, page->pin, "PIN", &pinletter_pin, &pin_style, e) != 0 ||
	    draw_puk(c, page, e) != 0)
		return -1;
	if (!page->strict || c->unknown == 0)
		return 0;
	err_set(e, ERR_CONFIG, "no font on this computer has all characters of %s", page->file);
	return err_next(e, "install fonts for its language, e.g. the package fonts-dejavu-core");
}

static int finish(cairo_surface_t *surface, struct pinletter_sheet *sheet, struct err *e)
{
	cairo_surface_finish(surface);
	cairo_status_t status = cairo_surface_status(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		return pinletter_sheet_finish(sheet, e);
	err_set(e, ERR_LETTER, "the page cannot be drawn");
	return err_native(e, "%s", cairo_status_to_string(status));
}

int pinletter_page_draw(const struct pinletter_page *page, struct pinletter_sheet *sheet, struct err *e)
{
	struct pinletter_canvas c = {.cr = NULL, .uncut = page->strict};
	cairo_surface_t *surface = surface_new(page->format, sheet);
	int ret = pinletter_canvas_open(&c, surface, page->parts->font, page->language, e);
	if (ret == 0)
		ret = draw_all(&c, page, e);
	pinletter_canvas_close(&c);
	if (ret == 0)
		ret = finish(surface, sheet, e);
	cairo_surface_destroy(surface);
	return ret;
}

bool pinletter_page_can_show(const struct pinletter_page *page, const char *text)
{
	struct pinletter_canvas c = {.cr = NULL};
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A1, 1, 1);
	bool ret = pinletter_canvas_open(&c, surface, page->parts->font, page->language, NULL) != 0 ||
		   pinletter_fit_unknown(&c, text) == 0;
	pinletter_canvas_close(&c);
	cairo_surface_destroy(surface);
	return ret;
}
