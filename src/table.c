#include "table.h"
#include "core/clean.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define CELL_MAX 1024
#define LINE_MAX_BYTES 4096

static int wide_width(const char *text)
{
	mbstate_t state;
	wchar_t c;
	int width = 0;
	memset(&state, 0, sizeof state);
	for (size_t len; (len = mbrtowc(&c, text, MB_CUR_MAX, &state)) != 0; text += len) {
		if (len > MB_CUR_MAX)
			return -1;
		int w = wcwidth(c);
		width += w > 0 ? w : 0;
	}
	return width;
}

/* The locale of whoever runs this need not be one of UTF-8. */
int table_width(const char *text)
{
	size_t n = strlen(text);
	const char *p = text;
	while ((signed char)*p > 0)
		p++;
	if (*p == '\0') /* ASCII */
		return (int)n;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	if (utf8 == NULL)
		return (int)n;
	locale_t before = uselocale(utf8);
	int width = wide_width(text);
	uselocale(before);
	freelocale(utf8);
	return width >= 0 ? width : (int)n;
}

void table_titles(FILE *out, const struct table_column *columns, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		fprintf(out, "%-*s  ", columns[i].width, columns[i].title);
	fprintf(out, "%s\n", columns[n - 1].title);
}

/* A line, or the lines of a row, as it comes about. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
	int owed; /* blanks, as long as something comes behind them */
};

static void add_blanks(struct line *l)
{
	size_t n = l->owed > 0 ? (size_t)l->owed : 0;
	if (n > sizeof l->text - l->n)
		n = sizeof l->text - l->n;
	memset(l->text + l->n, ' ', n);
	l->n += n;
	l->owed = 0;
}

/* Returns its width. */
static int add_cell(struct line *l, const char *cell)
{
	if (cell[0] == '\0')
		return 0;
	add_blanks(l);
	size_t plain = clean_span(cell);
	if (plain < sizeof l->text - l->n && cell[plain] == '\0') {
		memcpy(l->text + l->n, cell, plain);
		l->n += plain;
		return (int)plain;
	}
	clean_text(l->text + l->n, sizeof l->text - l->n, cell);
	int width = table_width(l->text + l->n);
	l->n += strlen(l->text + l->n);
	return width;
}

void table_row(FILE *out, const struct table_column *columns, size_t n, const char *const *cells)
{
	struct line l;
	int before = 0; /* columns to the left of this one */
	l.n = 0;
	l.owed = 0;
	for (size_t i = 0; i < n; i++) {
		int width = add_cell(&l, cells[i]);
		if (i + 1 == n)
			break;
		before += columns[i].width + 2;
		l.owed += columns[i].width - width + 2;
		if (width > columns[i].width && l.n + 1 < sizeof l.text) {
			l.text[l.n++] = '\n';
			l.owed = before;
		}
	}
	/* whoever has written all looks at ferror */
	(void)fwrite(l.text, 1, l.n, out);
	fputc('\n', out);
}

#define FIELD_INDENT 15
#define TERMINAL_WIDTH 80

/* The bytes of the words that fit, at least one. */
static size_t fitting(const char *text, int width)
{
	size_t fit = 0, n = 0;
	while (text[n] != '\0') {
		char part[CELL_MAX];
		n += strspn(text + n, " ");
		n += strcspn(text + n, " ");
		snprintf(part, sizeof part, "%.*s", (int)n, text);
		if (fit != 0 && table_width(part) > width)
			break;
		fit = n;
	}
	return fit;
}

/* head is what stands before the first line, in as many columns as are left out before the others. */
static void print_broken(FILE *out, const char *head, int indent, const char *value)
{
	char text[CELL_MAX];
	clean_text(text, sizeof text, value);
	for (const char *p = text; *p != '\0'; p += strspn(p, " ")) {
		size_t n = fitting(p, TERMINAL_WIDTH - indent);
		fprintf(out, "%-*s%.*s\n", indent, p == text ? head : "", (int)n, p);
		p += n;
	}
}

void table_field(FILE *out, const char *name, const char *value)
{
	char head[32];
	snprintf(head, sizeof head, "  %s", name);
	print_broken(out, head, FIELD_INDENT, value);
}

void table_text(FILE *out, int indent, const char *text)
{
	print_broken(out, "", indent, text);
}
