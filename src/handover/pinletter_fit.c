#include "handover/pinletter_fit.h"

#include <string.h>

#define POINTS_A_MM (72.0 / 25.4)
#define STEP 0.5

/* Those in which 0 and O, 1 and l and I differ. */
static const char *const mono_fonts[] = {
    "DejaVu Sans Mono", "Noto Sans Mono", "Liberation Mono", "Source Code Pro", "Fira Mono",
    "JetBrains Mono",   "Hack",           "Cousine"};

#define USUAL_FONTS "DejaVu Sans, Noto Sans, Liberation Sans, sans-serif"

/* Room for each character with a blank or, for a blank, its sign of three bytes. */
#define SHOWN_MAX (SECRET_MAX / 4)

double pinletter_points(double mm)
{
	return mm * POINTS_A_MM;
}

/* ---- fonts */

static bool has_family(PangoContext *context, const char *family)
{
	PangoFontDescription *wanted = pango_font_description_new(), *got = NULL;
	pango_font_description_set_family(wanted, family);
	pango_font_description_set_size(wanted, 12 * PANGO_SCALE);
	PangoFont *font = pango_context_load_font(context, wanted);
	if (font != NULL)
		got = pango_font_describe(font);
	bool ret = got != NULL && strcmp(pango_font_description_get_family(got), family) == 0;
	if (got != NULL)
		pango_font_description_free(got);
	if (font != NULL)
		g_object_unref(font);
	pango_font_description_free(wanted);
	return ret;
}

static int find_mono(struct pinletter_canvas *c, struct err *e)
{
	for (size_t i = 0; i < sizeof mono_fonts / sizeof *mono_fonts; i++) {
		if (!has_family(c->context, mono_fonts[i]))
			continue;
		pango_font_description_set_family(c->mono, mono_fonts[i]);
		pango_font_description_set_weight(c->mono, PANGO_WEIGHT_BOLD);
		return 0;
	}
	err_set(e, ERR_CONFIG, "there is no font on this computer in which 0 and O, and 1 and l, of a PIN differ");
	return err_next(e, "install DejaVu Sans Mono (package fonts-dejavu-core)");
}

int pinletter_canvas_open(struct pinletter_canvas *c, cairo_surface_t *surface, const char *font, const char *language,
			  struct err *e)
{
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	c->cr = cairo_create(surface);
	c->context = pango_cairo_create_context(c->cr);
	pango_cairo_context_set_resolution(c->context, 72);
	pango_cairo_context_set_font_options(c->context, options);
	pango_context_set_language(c->context, pango_language_from_string(language));
	cairo_font_options_destroy(options);
	c->font = pango_font_description_new();
	pango_font_description_set_family(c->font, font != NULL ? font : USUAL_FONTS);
	c->mono = pango_font_description_new();
	return find_mono(c, e);
}

void pinletter_canvas_close(struct pinletter_canvas *c)
{
	if (c->font != NULL)
		pango_font_description_free(c->font);
	if (c->mono != NULL)
		pango_font_description_free(c->mono);
	if (c->context != NULL)
		g_object_unref(c->context);
	if (c->cr != NULL)
		cairo_destroy(c->cr);
	*c = (struct pinletter_canvas){.cr = NULL};
}

/* ---- texts */

static PangoLayout *layout_new(const struct pinletter_canvas *c, const struct pinletter_box *box)
{
	PangoLayout *l = pango_layout_new(c->context);
	pango_layout_set_width(l, (int)(pinletter_points(box->w) * PANGO_SCALE));
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	/* a name that is written from right to left stands where the others do */
	pango_layout_set_auto_dir(l, FALSE);
	return l;
}

static void set_size(PangoLayout *l, const PangoFontDescription *font, double points)
{
	PangoFontDescription *sized = pango_font_description_copy(font);
	pango_font_description_set_size(sized, (int)(points * PANGO_SCALE));
	pango_layout_set_font_description(l, sized);
	pango_font_description_free(sized);
}

static bool fits(PangoLayout *l, const struct pinletter_box *box)
{
	PangoRectangle logical;
	pango_layout_get_extents(l, NULL, &logical);
	return logical.width <= pinletter_points(box->w) * PANGO_SCALE + 1 &&
	       logical.height <= pinletter_points(box->h) * PANGO_SCALE;
}

static bool shrink(PangoLayout *l, const PangoFontDescription *font, const struct pinletter_box *box,
		   const struct pinletter_style *style)
{
	int steps = (int)((style->most - style->least) / STEP);
	for (int i = 0; i <= steps; i++) {
		set_size(l, font, style->most - i * STEP);
		if (fits(l, box))
			return true;
	}
	return false;
}

/* Each line of the text becomes one of the page; whole lines that are still too many are cut by the box. */
static void cut(PangoLayout *l)
{
	pango_layout_set_height(l, -1);
	pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
}

static void show(struct pinletter_canvas *c, PangoLayout *l, const struct pinletter_box *box, double down)
{
	cairo_save(c->cr);
	cairo_rectangle(c->cr, pinletter_points(box->x), pinletter_points(box->y), pinletter_points(box->w),
			pinletter_points(box->h));
	cairo_clip(c->cr);
	cairo_move_to(c->cr, pinletter_points(box->x), pinletter_points(box->y) + down);
	pango_cairo_show_layout(c->cr, l);
	cairo_restore(c->cr);
	c->unknown += pango_layout_get_unknown_glyphs_count(l);
}

int pinletter_fit_text(struct pinletter_canvas *c, const char *markup, const struct pinletter_box *box,
		       const struct pinletter_style *style)
{
	if (markup == NULL)
		return 0;
	PangoLayout *l = layout_new(c, box);
	pango_layout_set_markup(l, markup, -1);
	bool good = shrink(l, c->font, box, style);
	if (!good && style->cut && !c->uncut) {
		cut(l);
		good = true;
	}
	if (good)
		show(c, l, box, 0);
	g_object_unref(l);
	return good ? 0 : -1;
}

int pinletter_fit_unknown(const struct pinletter_canvas *c, const char *text)
{
	PangoLayout *l = pango_layout_new(c->context);
	pango_layout_set_font_description(l, c->font);
	pango_layout_set_text(l, text, -1);
	int ret = pango_layout_get_unknown_glyphs_count(l);
	g_object_unref(l);
	return ret;
}

/* ---- secrets */

/* g_utf8_next_char for text that is not ours to change. */
static const char *after(const char *at)
{
	return at + g_utf8_skip[(unsigned char)*at];
}

bool pinletter_is_printable(const struct secret *s)
{
	if (s->len == 0 || !g_utf8_validate(s->bytes, (gssize)s->len, NULL))
		return false;
	for (const char *at = s->bytes; at < s->bytes + s->len; at = after(at)) {
		gunichar c = g_utf8_get_char(at);
		if (c != ' ' && (!g_unichar_isgraph(c) || g_unichar_iszerowidth(c)))
			return false;
	}
	return true;
}

/* How many characters stand together: all of a short one, else three where that comes out even, else four. */
static long group_of(long n)
{
	if (n <= 5)
		return n;
	return n == 6 || n == 9 ? 3 : 4;
}

/* Blanks between the groups; one that is in the secret gets a sign of its own. */
static void group(struct secret *shown, const struct secret *s)
{
	long n = g_utf8_strlen(s->bytes, (gssize)s->len), every = group_of(n), i = 0;
	for (const char *at = s->bytes; at < s->bytes + s->len; at = after(at), i++) {
		const char *from = *at == ' ' ? "\u2423" : at;
		size_t len = (size_t)(after(from) - from);
		if (i > 0 && i % every == 0)
			shown->bytes[shown->len++] = ' ';
		memcpy(shown->bytes + shown->len, from, len);
		shown->len += len;
	}
}

int pinletter_fit_secret(struct pinletter_canvas *c, const struct secret *s, const struct pinletter_box *box,
			 const struct pinletter_style *style)
{
	if (s->len > SHOWN_MAX)
		return -1;
	struct secret *shown = secret_new();
	group(shown, s);
	PangoLayout *l = layout_new(c, box);
	pango_layout_set_text(l, shown->bytes, (int)shown->len);
	pango_layout_set_alignment(l, PANGO_ALIGN_CENTER);
	bool good = shrink(l, c->mono, box, style);
	if (good) {
		int height;
		pango_layout_get_size(l, NULL, &height);
		show(c, l, box, (pinletter_points(box->h) - (double)height / PANGO_SCALE) / 2);
	}
	g_object_unref(l);
	secret_free(&shown);
	return good ? 0 : -1;
}
