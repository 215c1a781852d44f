#include "handover/template.h"
#include "core/xalloc.h"
#include "handover/text.h"

#include <stdlib.h>
#include <string.h>

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_SECTION, NODE_INVERTED, NODE_END };

struct node {
	enum node_kind kind;
	const char *s; /* the text, or the name; into the template's copy */
	size_t len;
	int line;
	size_t end; /* of a section: the index of its NODE_END */
};

struct template
{
	char *file, *text;
	size_t len;
	struct node *nodes;
	size_t n;
};

struct parser {
	struct template *t;
	const char *at, *stop; /* not read yet */
	const char *text;      /* begin of the text that is not in a node yet */
	int line;
};

/* One tag as it was found. */
struct tag {
	const char *begin, *end; /* from the first brace to behind the last */
	char sign;               /* 0 for a value */
	const char *name;
	size_t len;
	int line;
};

static int fault(const struct template *t, int line, const char *next, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static int fault(const struct template *t, int line, const char *next, struct err *e, const char *fmt, ...)
{
	char why[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	err_set(e, ERR_TEMPLATE, "%s:%d: %s", t->file, line, why);
	return next != NULL ? err_next(e, "%s", next) : -1;
}

static void add_node(struct template *t, enum node_kind kind, const char *s, size_t len, int line)
{
	if (kind == NODE_TEXT && len == 0)
		return;
	if ((t->n & (t->n - 1)) == 0)
		t->nodes = xrealloc(t->nodes, t->n == 0 ? 1 : 2 * t->n, sizeof *t->nodes);
	t->nodes[t->n++] = (struct node){kind, s, len, line, 0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int count_lines(const char *from, const char *to)
{
	int n = 0;
	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

static int read_name(struct parser *p, struct tag *tag, const char *from, const char *to, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	tag->name = from;
	tag->len = (size_t)(to - from);
	for (; from < to; from++) {
		if (strchr(allowed, *from) == NULL || *from == '\0')
			break;
	}
	if (tag->len == 0 || from < to)
		return fault(p->t, tag->line, "a name has letters, digits, _ . and - only", e, "{{%.*s}} holds no name",
			     (int)(tag->len < 60 ? tag->len : 60), tag->name);
	return 0;
}

/* Reads the tag at p->at, where two braces stand. */
static int read_tag(struct parser *p, struct tag *tag, struct err *e)
{
	const char *from = p->at + 2;
	const char *close = memmem(from, (size_t)(p->stop - from), "}}", 2);
	*tag = (struct tag){.begin = p->at, .line = p->line};
	if (close == NULL)
		return fault(p->t, p->line, "close the tag with }}", e, "{{ without }}");
	tag->end = close + 2;
	if (*from == '!') {
		tag->sign = '!';
		return 0;
	}
	if (memchr(p->at, '\n', (size_t)(close - p->at)) != NULL)
		return fault(p->t, p->line, "close the tag with }}", e, "{{ without }} on the same line");
	if (strchr("{&>=", *from) != NULL)
		return fault(p->t, p->line, "there are {{name}}, {{#name}}, {{^name}}, {{/name}} and {{! remark }}", e,
			     "{{%c is a part of mustache that is not supported", *from);
	if (strchr("#^/", *from) != NULL)
		tag->sign = *from++;
	return read_name(p, tag, from, close, e);
}

/* Whether nothing but blanks stands beside the tag; then widens it to the whole line with its end. */
static bool widen_standalone(const struct parser *p, struct tag *tag)
{
	const char *b = tag->begin, *e = tag->end;
	while (b > p->t->text && is_blank(b[-1]))
		b--;
	if (b > p->t->text && b[-1] != '\n')
		return false;
	while (e < p->stop && is_blank(*e))
		e++;
	if (e < p->stop && *e == '\r' && e + 1 < p->stop && e[1] == '\n')
		e++;
	if (e < p->stop && *e != '\n')
		return false;
	tag->begin = b;
	tag->end = e < p->stop ? e + 1 : e;
	return true;
}

static int close_section(struct parser *p, const struct tag *tag, size_t *open, size_t *depth, struct err *e)
{
	if (*depth == 0)
		return fault(p->t, tag->line, "remove the tag, or open the section before it", e,
			     "{{/%.*s}} closes a section that was not opened", (int)tag->len, tag->name);
	struct node *o = &p->t->nodes[open[*depth - 1]];
	if (o->len != tag->len || memcmp(o->s, tag->name, tag->len) != 0)
		return fault(p->t, tag->line, "close the inner section first", e,
			     "{{/%.*s}} stands where {{/%.*s}} has to be, which was opened in line %d", (int)tag->len,
			     tag->name, (int)o->len, o->s, o->line);
	o->end = p->t->n;
	add_node(p->t, NODE_END, tag->name, tag->len, tag->line);
	(*depth)--;
	return 0;
}

#define DEPTH_MAX 32

static int take_tag(struct parser *p, struct tag *tag, size_t open[DEPTH_MAX], size_t *depth, struct err *e)
{
	const char *tag_end = tag->end;
	if (tag->sign != 0)
		widen_standalone(p, tag);
	add_node(p->t, NODE_TEXT, p->text, (size_t)(tag->begin - p->text), p->line);
	p->line += count_lines(p->at, tag->end);
	p->text = p->at = tag->end > tag_end ? tag->end : tag_end;
	if (tag->sign == '!')
		return 0;
	if (tag->sign == '/')
		return close_section(p, tag, open, depth, e);
	if (tag->sign == 0) {
		add_node(p->t, NODE_VALUE, tag->name, tag->len, tag->line);
		return 0;
	}
	if (*depth == DEPTH_MAX)
		return fault(p->t, tag->line, NULL, e, "sections are nested more than %d deep", DEPTH_MAX);
	open[(*depth)++] = p->t->n;
	add_node(p->t, tag->sign == '#' ? NODE_SECTION : NODE_INVERTED, tag->name, tag->len, tag->line);
	return 0;
}

static int parse(struct parser *p, struct err *e)
{
	size_t open[DEPTH_MAX], depth = 0;
	for (;;) {
		const char *next = memmem(p->at, (size_t)(p->stop - p->at), "{{", 2);
		if (next == NULL)
			break;
		struct tag tag;
		p->line += count_lines(p->at, next);
		p->at = next;
		if (read_tag(p, &tag, e) != 0 || take_tag(p, &tag, open, &depth, e) != 0)
			return -1;
	}
	add_node(p->t, NODE_TEXT, p->text, (size_t)(p->stop - p->text), p->line);
	if (depth == 0)
		return 0;
	const struct node *o = &p->t->nodes[open[depth - 1]];
	return fault(p->t, o->line, "put the closing tag behind what belongs to the section", e,
		     "the section {{%c%.*s}} is never closed with {{/%.*s}}", o->kind == NODE_SECTION ? '#' : '^',
		     (int)o->len, o->s, (int)o->len, o->s);
}

int template_parse(struct template **ret, const char *file, const void *text, size_t len, struct err *e)
{
	struct template *t = xcalloc(1, sizeof *t);
	t->file = xstrdup(file);
	t->text = xcalloc(1, len + 1);
	t->len = len;
	if (len > 0)
		memcpy(t->text, text, len);
	struct parser p = {.t = t, .at = t->text, .stop = t->text + len, .text = t->text, .line = 1};
	if (parse(&p, e) != 0) {
		template_free(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

void template_free(struct template **t)
{
	if (*t == NULL)
		return;
	free((*t)->file);
	free((*t)->text);
	free((*t)->nodes);
	free(*t);
	*t = NULL;
}

static int condition(const struct template *t, const struct node *o, struct err *e)
{
	fault(t, o->line, NULL, e, "{{%.*s}} is a condition and has no text", (int)o->len, o->s);
	return err_next(e, "write {{#%.*s}} … {{/%.*s}} around what is there for that case only", (int)o->len, o->s,
			(int)o->len, o->s);
}

static int check_node(const struct template *t, const struct node *o, const struct names *n, struct err *e)
{
	const char *value = NULL;
	enum name_kind kind = names_find(n, o->s, o->len, &value);
	bool section = o->kind != NODE_VALUE;
	if (kind == NAME_UNKNOWN)
		return fault(t, o->line, "correct the name, or give it a value under [template] in the configuration",
			     e, "there is no name {{%.*s}}", (int)o->len, o->s);
	if (kind == NAME_ELSEWHERE)
		return fault(t, o->line, "use it in a template whose name ends with .ovpn", e,
			     "{{%.*s}} differs from system to system, and this file is the same for all", (int)o->len,
			     o->s);
	if (!section && (kind == NAME_FLAG_ON || kind == NAME_FLAG_OFF))
		return condition(t, o, e);
	return 0;
}

int template_check(const struct template *t, const struct names *n, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct node *o = &t->nodes[i];
		if (o->kind != NODE_TEXT && o->kind != NODE_END && check_node(t, o, n, e) != 0)
			return -1;
	}
	return 0;
}

void template_replace(struct blob *ret, const char *text, size_t len, const char *placeholder, const char *user)
{
	size_t n = placeholder != NULL ? strlen(placeholder) : 0;
	const char *end = text + len;
	while (n > 0) {
		const char *hit = memmem(text, (size_t)(end - text), placeholder, n);
		if (hit == NULL)
			break;
		text_append(ret, text, (size_t)(hit - text));
		text_append(ret, user, strlen(user));
		text = hit + n;
	}
	text_append(ret, text, (size_t)(end - text));
}

enum template_form template_form_of(const struct template *t, const char *name)
{
	static const char *const markup[] = {".html", ".htm", ".xhtml", ".xml", ".svg", ".plist", ".mobileconfig"};
	static const char *const script[] = {".sh",  ".bash", ".command", ".bat", ".cmd", ".ps1",         ".psm1",
					     ".vbs", ".js",   ".py",      ".pl",  ".rb",  ".applescript", ".reg"};
	for (size_t i = 0; i < sizeof markup / sizeof *markup; i++) {
		if (text_has_suffix(name, markup[i]))
			return TEMPLATE_MARKUP;
	}
	for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
		if (text_has_suffix(name, script[i]))
			return TEMPLATE_SCRIPT;
	}
	return t->len >= 2 && memcmp(t->text, "#!", 2) == 0 ? TEMPLATE_SCRIPT : TEMPLATE_TEXT;
}

/* {{token_label}} and its like */
static bool is_of_token(const struct node *o)
{
	static const char token[] = "token_";
	return o->len >= sizeof token && memcmp(o->s, token, sizeof token - 1) == 0;
}

static int put_value(const struct template *t, const struct node *o, const struct names *n, enum template_form form,
		     struct blob *ret, struct err *e)
{
	const char *value = NULL;
	if (names_find(n, o->s, o->len, &value) != NAME_TEXT)
		return fault(t, o->line, "give it a value under [template] in the configuration", e,
			     "{{%.*s}} has no value", (int)o->len, o->s);
	if (form == TEMPLATE_MARKUP)
		text_append_html(ret, value);
	else if (form == TEMPLATE_SCRIPT && is_of_token(o))
		text_append_script(ret, value);
	else
		text_append(ret, value, strlen(value));
	return 0;
}

static bool is_true(const struct node *o, const struct names *n)
{
	const char *value = NULL;
	enum name_kind kind = names_find(n, o->s, o->len, &value);
	return kind == NAME_FLAG_ON || (kind == NAME_TEXT && value[0] != '\0');
}

int template_render(const struct template *t, const struct names *n, enum template_form form, const char *placeholder,
		    struct blob *ret, struct err *e)
{
	if (template_check(t, n, e) != 0)
		return -1;
	struct blob out = BLOB_INIT;
	text_append(&out, "", 0);
	for (size_t i = 0; i < t->n; i++) {
		const struct node *o = &t->nodes[i];
		if (o->kind == NODE_TEXT)
			template_replace(&out, o->s, o->len, placeholder, names_user(n));
		else if (o->kind == NODE_VALUE && put_value(t, o, n, form, &out, e) != 0)
			goto out;
		else if ((o->kind == NODE_SECTION || o->kind == NODE_INVERTED) &&
			 is_true(o, n) != (o->kind == NODE_SECTION))
			i = o->end; /* goes on behind it */
	}
	blob_free(ret);
	*ret = out;
	return 0;
out:
	blob_free(&out);
	return -1;
}
