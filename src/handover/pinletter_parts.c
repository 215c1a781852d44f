#include "handover/pinletter_parts.h"

#include "core/xalloc.h"

#include <pango/pango.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[PINLETTER_PART_COUNT] = {
    [PINLETTER_SENDER] = "sender", [PINLETTER_WINDOW] = "window", [PINLETTER_TITLE] = "title",
    [PINLETTER_PIN] = "pin",       [PINLETTER_PUK] = "puk",       [PINLETTER_TEXT] = "text",
};

static const enum pinletter_part needed[] = {PINLETTER_WINDOW, PINLETTER_PIN, PINLETTER_TEXT};

struct reading {
	struct pinletter_parts *parts;
	const char *file;
	bool written;
	unsigned depth; /* of elements that are open: 1 is the letter, 2 a part */
	int part;       /* that is open; -1 */
	int line;       /* where it was opened */
	GString *inner;
	struct err *e;
	bool failed;
};

static int fault(struct reading *r, int line, const char *what)
{
	r->failed = true;
	err_set(r->e, ERR_TEMPLATE, "%s:%d: %s", r->file, line, what);
	return err_next(r->e, "correct the template; nothing is printed");
}

/* GMarkup stops at an error that a handler sets; ours is told already. */
static void stop(GMarkupParseContext *context, struct reading *r, GError **error, char *what)
{
	int line, column;
	g_markup_parse_context_get_position(context, &line, &column);
	fault(r, line, what);
	free(what);
	g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "told");
}

static int find_part(const char *name)
{
	for (int i = 0; i < PINLETTER_PART_COUNT; i++) {
		if (strcmp(part_names[i], name) == 0)
			return i;
	}
	return -1;
}

static void open_letter(GMarkupParseContext *context, struct reading *r, const char *name, const char **names,
			const char **values, GError **error)
{
	if (strcmp(name, "letter") != 0) {
		stop(context, r, error, xasprintf("<%s> stands where <letter> has to be", name));
		return;
	}
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], "font") != 0) {
			stop(context, r, error, xasprintf("<letter> has no '%s', only a font", names[i]));
			return;
		}
		free(r->parts->font);
		r->parts->font = xstrdup(values[i]);
	}
}

static void open_part(GMarkupParseContext *context, struct reading *r, const char *name, GError **error)
{
	int column;
	r->part = find_part(name);
	if (r->part < 0) {
		stop(context, r, error,
		     xasprintf("a letter has no part <%s>; there are sender, window, title, pin, puk and text", name));
		return;
	}
	if (!r->written && r->parts->markup[r->part] != NULL) {
		stop(context, r, error, xasprintf("<%s> is there twice", name));
		return;
	}
	g_string_truncate(r->inner, 0);
	g_markup_parse_context_get_position(context, &r->line, &column);
}

static void add_escaped(GString *to, const char *text, size_t len)
{
	char *escaped = g_markup_escape_text(text, (gssize)len);
	g_string_append(to, escaped);
	g_free(escaped);
}

static void on_open(GMarkupParseContext *context, const char *name, const char **names, const char **values, void *arg,
		    GError **error)
{
	struct reading *r = arg;
	r->depth++;
	if (r->depth == 1) {
		open_letter(context, r, name, names, values, error);
	} else if (r->depth == 2) {
		open_part(context, r, name, error);
	} else {
		g_string_append_printf(r->inner, "<%s", name);
		for (size_t i = 0; names[i] != NULL; i++) {
			g_string_append_printf(r->inner, " %s=\"", names[i]);
			add_escaped(r->inner, values[i], strlen(values[i]));
			g_string_append_c(r->inner, '"');
		}
		g_string_append_c(r->inner, '>');
	}
}

/* Pango counts lines from the beginning of the part: "... on line 2 char 3". */
static int line_of(const struct reading *r, const char *message)
{
	int line = 1;
	const char *at = strstr(message, "line ");
	if (at != NULL)
		(void)sscanf(at, "line %d", &line);
	return r->line + line - 1;
}

static int check_markup(struct reading *r)
{
	GError *error = NULL;
	if (pango_parse_markup(r->inner->str, -1, 0, NULL, NULL, NULL, &error))
		return 0;
	fault(r, line_of(r, error->message), error->message);
	g_error_free(error);
	return -1;
}

static void close_part(struct reading *r, GError **error)
{
	if (check_markup(r) != 0) {
		g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "told");
		return;
	}
	free(r->parts->markup[r->part]);
	r->parts->markup[r->part] = xstrdup(g_strstrip(r->inner->str));
	r->parts->line[r->part] = r->line;
	r->part = -1;
}

static void on_close(GMarkupParseContext *context, const char *name, void *arg, GError **error)
{
	struct reading *r = arg;
	(void)context;
	if (r->depth > 2)
		g_string_append_printf(r->inner, "</%s>", name);
	else if (r->depth == 2)
		close_part(r, error);
	r->depth--;
}

static void on_text(GMarkupParseContext *context, const char *text, gsize len, void *arg, GError **error)
{
	struct reading *r = arg;
	if (r->part >= 0)
		add_escaped(r->inner, text, len);
	else if (strspn(text, " \t\r\n") < len)
		stop(context, r, error,
		     xasprintf("'%.40s' stands in none of the parts of the letter", text + strspn(text, " \t\r\n")));
}

static int check_whole(struct reading *r)
{
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		const char *markup = r->parts->markup[needed[i]];
		if (markup != NULL && markup[0] != '\0')
			continue;
		err_set(r->e, ERR_TEMPLATE, "%s: %s <%s> in this letter", r->file,
			markup != NULL ? "there is nothing in" : "there is no", part_names[needed[i]]);
		return err_next(r->e, "correct the template; nothing is printed");
	}
	return 0;
}

static int read_all(struct reading *r, const char *text)
{
	static const GMarkupParser parser = {.start_element = on_open, .end_element = on_close, .text = on_text};
	GError *error = NULL;
	GMarkupParseContext *context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, r, NULL);
	bool good = g_markup_parse_context_parse(context, text, -1, &error) &&
		    g_markup_parse_context_end_parse(context, &error);
	if (!good && !r->failed) {
		int line, column;
		g_markup_parse_context_get_position(context, &line, &column);
		fault(r, line, error->message);
	}
	g_clear_error(&error);
	g_markup_parse_context_free(context);
	return good ? check_whole(r) : -1;
}

int pinletter_parts_parse(struct pinletter_parts *ret, const char *file, const char *text, bool written, struct err *e)
{
	struct pinletter_parts parts = {.font = NULL};
	struct err unsaid = ERR_INIT;
	struct reading r = {.parts = &parts,
			    .file = file,
			    .written = written,
			    .part = -1,
			    .inner = g_string_new(NULL),
			    .e = e != NULL ? e : &unsaid};
	int got = read_all(&r, text);
	g_string_free(r.inner, TRUE);
	if (got != 0) {
		pinletter_parts_free(&parts);
		return -1;
	}
	*ret = parts;
	return 0;
}

void pinletter_parts_blank(char *text)
{
	for (char *at = text; (at = strstr(at, "{{")) != NULL;) {
		char *end = strstr(at, "}}");
		bool is_value = end == NULL || strchr("!#^/", at[2]) == NULL;
		end = end != NULL ? end + 2 : at + 2;
		for (; at < end; at++)
			*at = is_value || *at == '\n' ? *at : ' ';
	}
}

void pinletter_parts_free(struct pinletter_parts *p)
{
	for (size_t i = 0; i < PINLETTER_PART_COUNT; i++)
		free(p->markup[i]);
	free(p->font);
	*p = (struct pinletter_parts){.font = NULL};
}
