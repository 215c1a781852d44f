#include "station/view_text.h"

#include "core/clean.h"
#include "core/utf8.h"

#include <curses.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#define CELLS_MAX 1600 /* characters; what is said of an error has room */

/* The characters of a text and the columns of each. */
struct cells {
	wchar_t c[CELLS_MAX + 1];
	signed char width[CELLS_MAX];
	int n, columns;
};

static wchar_t shown(uint32_t c, int *ret_width)
{
	int width = c > 0x7E && !view_terminal_is_utf8() ? -1 : wcwidth((wchar_t)c);
	*ret_width = width < 0 ? 1 : width;
	return width < 0 ? L'?' : (wchar_t)c;
}

static void read_cells(struct cells *ret, const char *text)
{
	char clean[CELLS_MAX + 1];
	clean_text(clean, sizeof clean, text);
	ret->n = ret->columns = 0;
	for (const char *p = clean; *p != '\0' && ret->n < CELLS_MAX;) {
		uint32_t c = 0;
		int width = 0;
		size_t len = utf8_decode(p, &c);
		if (len == 0)
			break;
		p += len;
		ret->c[ret->n] = shown(c, &width);
		ret->width[ret->n++] = (signed char)width;
		ret->columns += width;
	}
	ret->c[ret->n] = L'\0';
}

/* How many characters from there on fit into so many columns. */
static int fit(const struct cells *s, int from, int width, int *ret_columns)
{
	int n = 0;
	*ret_columns = 0;
	while (from + n < s->n && *ret_columns + s->width[from + n] <= width)
		*ret_columns += s->width[from + n++];
	return n;
}

static int from_end(const struct cells *s, int width)
{
	int i = s->n;
	for (int columns = 0; i > 0 && columns + s->width[i - 1] <= width; i--)
		columns += s->width[i - 1];
	return i;
}

static void draw(int y, int x, enum view_colour c, const wchar_t *text, int n)
{
	attr_t attr = (attr_t)view_terminal_attr(c);
	if (y < 0 || y >= LINES || x < 0 || x >= COLS)
		return;
	attron(attr);
	mvaddnwstr(y, x, text, n);
	attroff(attr);
}

static int draw_mark(int y, int x, enum view_colour c)
{
	draw(y, x, c, view_terminal_is_utf8() ? L"…" : L"~", 1);
	return 1;
}

int view_width(const char *text)
{
	struct cells s;
	read_cells(&s, text);
	return s.columns;
}

int view_put(int y, int x, int width, enum view_colour c, const char *text)
{
	struct cells s;
	int columns = 0;
	if (width <= 0)
		return 0;
	read_cells(&s, text);
	if (s.columns <= width) {
		draw(y, x, c, s.c, s.n);
		return s.columns;
	}
	draw(y, x, c, s.c, fit(&s, 0, width - 1, &columns));
	return columns + draw_mark(y, x + columns, c);
}

int view_putf(int y, int x, int width, enum view_colour c, const char *fmt, ...)
{
	char text[CELLS_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return view_put(y, x, width, c, text);
}

#define NAME_END 6

int view_put_name(int y, int x, int width, enum view_colour c, const char *text)
{
	struct cells s;
	int columns = 0;
	read_cells(&s, text);
	if (s.columns <= width || width <= 2 * NAME_END)
		return view_put(y, x, width, c, text);
	draw(y, x, c, s.c, fit(&s, 0, width - 1 - NAME_END, &columns));
	columns += draw_mark(y, x + columns, c);
	int tail = from_end(&s, NAME_END);
	draw(y, x + columns, c, s.c + tail, s.n - tail);
	return columns + NAME_END;
}

int view_put_end(int y, int x, int width, const char *text)
{
	struct cells s;
	int columns = 0;
	read_cells(&s, text);
	int from = from_end(&s, width), n = fit(&s, from, width, &columns);
	draw(y, x, VIEW_PLAIN, s.c + from, n);
	return columns;
}

/* The characters of the next row, without the blank that it ends at. */
static int row_of(const struct cells *s, int from, int width)
{
	int columns = 0, n = fit(s, from, width, &columns);
	if (from + n >= s->n || s->c[from + n] == L' ')
		return n;
	for (int i = n; i > 0; i--) {
		if (s->c[from + i - 1] == L' ')
			return i - 1 > 0 ? i - 1 : n;
	}
	return n > 0 ? n : 1;
}

int view_wrap(int y, int x, int width, int rows, enum view_colour c, const char *text)
{
	struct cells s;
	int row = 0;
	if (width < 2)
		return 0;
	read_cells(&s, text);
	for (int i = 0; i < s.n && (rows == 0 || row < rows); row++) {
		int n = row_of(&s, i, width);
		bool cut = rows != 0 && row + 1 == rows && i + n < s.n;
		int columns = 0;
		if (cut)
			n = fit(&s, i, width - 1, &columns);
		if (rows != 0)
			draw(y + row, x, c, s.c + i, n);
		if (cut)
			draw_mark(y + row, x + columns, c);
		for (i += n; i < s.n && s.c[i] == L' ';)
			i++;
	}
	return row;
}

void view_bar(int y)
{
	mvchgat(y, 0, -1, A_REVERSE, 0, NULL);
}
