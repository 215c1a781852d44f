#include "pkcs11/profile_read.h"
#include "core/xalloc.h"

#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* inih reads lines into a buffer of this size and would take the rest of a longer one for a new line */
#define LINE_LIMIT 198

static int vfault(struct profile_reader *r, int line, const char *fmt, va_list ap)
{
	char text[512];
	if (r->failed)
		return 0;
	vsnprintf(text, sizeof text, fmt, ap);
	err_set(r->e, ERR_CONFIG, "%s, line %d: %s", r->p->file, line, text);
	err_next(r->e, "correct the profile of the token, or take the file away; nothing was changed");
	r->failed = true;
	return 0;
}

int profile_fault(struct profile_reader *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfault(r, r->line, fmt, ap);
	va_end(ap);
	return 0;
}

static const struct profile_section *find_section(const char *name)
{
	for (size_t i = 0; i < profile_n_sections; i++) {
		if (strcmp(profile_sections[i].name, name) == 0)
			return &profile_sections[i];
	}
	return NULL;
}

static int key_line(const struct profile_reader *r, const char *section, const char *key)
{
	const struct profile_section *s = find_section(section);
	if (s == NULL)
		return 0;
	for (size_t i = 0; key != NULL && i < s->n; i++) {
		int line = r->seen[s - profile_sections][i];
		if (strcmp(s->fields[i].name, key) == 0 && line != 0)
			return line;
	}
	return r->seen_section[s - profile_sections];
}

int profile_fault_at(struct profile_reader *r, const char *section, const char *key, const char *fmt, ...)
{
	int line = key_line(r, section, key);
	va_list ap;
	va_start(ap, fmt);
	vfault(r, line != 0 ? line : r->line, fmt, ap);
	va_end(ap);
	return 0;
}

bool profile_has_section(const struct profile_reader *r, const char *section)
{
	return key_line(r, section, NULL) != 0;
}

/* Each header of [match] and [card] begins a new one. */
static void begin_element(struct profile *p, const struct profile_section *s)
{
	char **elements = (void *)((char *)p + s->offset);
	size_t *n = (void *)((char *)p + s->offset_n);
	*elements = xrealloc(*elements, *n + 1, s->size);
	memset(*elements + *n * s->size, 0, s->size);
	++*n;
}

static void begin_section(struct profile_reader *r, const char *line)
{
	char name[64];
	if (strchr(line, ']') == NULL)
		profile_fault(r, "the ] behind the section's name is missing");
	if (sscanf(line, "[%63[^]\n]]", name) != 1)
		return;
	const struct profile_section *s = find_section(name);
	if (s == NULL) {
		profile_fault(r, "there is no section [%s]", name);
		return;
	}
	size_t i = (size_t)(s - profile_sections);
	if (s->size != 0)
		begin_element(r->p, s);
	if (s->mark != 0)
		*(bool *)((char *)r->p + s->mark) = true;
	r->seen_section[i] = r->line;
}

static char *next_line(char *buf, int size, void *stream)
{
	struct profile_reader *r = stream;
	/* inih takes an indented line for more of the value above it, which nobody wants who indents a whole file */
	r->text += strspn(r->text, " \t");
	if (*r->text == '\0' || r->failed)
		return NULL;
	size_t n = strcspn(r->text, "\n");
	size_t whole = n + (r->text[n] == '\n');
	r->line++;
	if (n > LINE_LIMIT || whole >= (size_t)size) {
		profile_fault(r, "the line is longer than %d bytes; most keys can be given on several lines",
			      LINE_LIMIT);
		return NULL;
	}
	memcpy(buf, r->text, whole);
	buf[whole] = '\0';
	r->text += whole;
	if (*buf == '[')
		begin_section(r, buf);
	return buf;
}

static char *section_base(struct profile *p, const struct profile_section *s)
{
	char *part = (char *)p + s->offset;
	if (s->size == 0)
		return part;
	size_t n = *(size_t *)(void *)((char *)p + s->offset_n);
	return *(char **)(void *)part + (n - 1) * s->size;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct profile_reader *r = user;
	const struct profile_section *s = find_section(section);
	if (*section == '\0')
		return profile_fault(r, "'%s' stands before the first [section]", name);
	if (s == NULL)
		return 0; /* said already, at its header */
	for (size_t i = 0; i < s->n; i++) {
		const struct profile_field *f = &s->fields[i];
		int *seen = &r->seen[s - profile_sections][i];
		if (strcmp(f->name, name) != 0)
			continue;
		if (*seen != 0 && !f->kind->many)
			return profile_fault(r, "[%s] %s is given twice, first in line %d", section, name, *seen);
		if (*value == '\0')
			return profile_fault(r, "[%s] %s has no value", section, name);
		*seen = r->line;
		return f->kind->set(r, f, section_base(r->p, s) + f->offset, value);
	}
	return profile_fault(r, "[%s] has no key '%s'", section, name);
}

/* "yubikey-piv" of ".../yubikey-piv.conf". */
static char *id_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	size_t n = strlen(base);
	if (n > 5 && strcmp(base + n - 5, ".conf") == 0)
		n -= 5;
	return xasprintf("%.*s", (int)n, base);
}

int profile_parse(struct profile **ret, const char *path, const void *text, size_t len, struct err *e)
{
	static const char bom[] = "\xEF\xBB\xBF";
	struct profile *p = xcalloc(1, sizeof *p);
	profile_set_defaults(p);
	free(p->id);
	p->id = id_of(path);
	p->file = xstrdup(path);
	p->text.data = (unsigned char *)xasprintf("%.*s", (int)len, (const char *)text);
	p->text.len = strlen((const char *)p->text.data);
	struct profile_reader r = {.p = p, .text = (const char *)p->text.data, .e = e};
	if (strncmp(r.text, bom, 3) == 0)
		r.text += 3;
	int line = ini_parse_stream(next_line, &r, on_pair, &r);
	if (!r.failed && p->text.len != len)
		profile_fault(&r, "there is a NUL byte in the file");
	if (!r.failed && line != 0) {
		r.line = line;
		profile_fault(&r, "neither a [section], a comment, nor name = value");
	}
	if (r.failed || !profile_complete(&r)) {
		profile_free(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

static void drop_fields(char *base, const struct profile_section *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->fields[i].kind->drop != NULL)
			s->fields[i].kind->drop(base + s->fields[i].offset);
	}
}

void profile_free(struct profile **profile)
{
	if (profile == NULL || *profile == NULL)
		return;
	struct profile *p = *profile;
	for (size_t i = 0; i < profile_n_sections; i++) {
		const struct profile_section *s = &profile_sections[i];
		char *base = (char *)p + s->offset;
		if (s->size == 0) {
			drop_fields(base, s);
			continue;
		}
		char *elements = *(char **)(void *)base;
		size_t n = *(size_t *)(void *)((char *)p + s->offset_n);
		for (size_t k = 0; k < n; k++)
			drop_fields(elements + k * s->size, s);
		free(elements);
	}
	free(p->file);
	free(p->id);
	blob_free(&p->text);
	free(p);
	*profile = NULL;
}
