#include "handover/pinletter_text.h"

#include "core/clean.h"
#include "core/day.h"
#include "core/file.h"
#include "core/share.h"
#include "core/xalloc.h"
#include "handover/extras.h"
#include "handover/files.h"
#include "handover/names.h"
#include "handover/pinletter_language.h"
#include "handover/template.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

struct text {
	char *language; /* "de" */
	char *file;
	char *written;
	struct template *template;
};

struct pinletter_texts {
	struct text *v;
	size_t n, preferred;
	struct config_list languages; /* in the same order */
	struct extras extras;
};

const struct config_list *pinletter_texts_languages(const struct pinletter_texts *t)
{
	return &t->languages;
}

const char *pinletter_texts_file(const struct pinletter_texts *t, size_t i)
{
	return t->v[i].file;
}

void pinletter_texts_free(struct pinletter_texts **t)
{
	if (t == NULL || *t == NULL)
		return;
	for (size_t i = 0; i < (*t)->n; i++) {
		free((*t)->v[i].language);
		free((*t)->v[i].file);
		free((*t)->v[i].written);
		template_free(&(*t)->v[i].template);
	}
	free((*t)->v);
	config_list_free(&(*t)->languages);
	extras_free(&(*t)->extras);
	free(*t);
	*t = NULL;
}

/* ---- reading */

static int not_text(const char *file, struct err *e)
{
	err_set(e, ERR_TEMPLATE, "%s is not a text file", file);
	return err_next(e, "save it as UTF-8");
}

/* Without the mark that some editors begin UTF-8 with. */
static int read_file(struct text *x, struct err *e)
{
	static const char mark[] = "\xEF\xBB\xBF";
	struct blob data = BLOB_INIT;
	if (file_read(x->file, FILE_BYTES_MAX, &data, e) != 0)
		return err_next(e, "make it a readable file of at most 1 MiB");
	int ret = -1;
	if (data.len != 0 && memchr(data.data, '\0', data.len) != NULL) {
		not_text(x->file, e);
	} else {
		const char *text = (const char *)data.data;
		text += strncmp(text, mark, sizeof mark - 1) == 0 ? sizeof mark - 1 : 0;
		x->written = xstrdup(text);
		ret = template_parse(&x->template, x->file, text, strlen(text), e);
	}
	blob_free(&data);
	return ret;
}

/* "de" of letter.de.pango; NULL for a name that has no language. To be freed. */
static char *language_of(const char *name)
{
	const char *from = strchr(name, '.') + 1, *end = strchr(from, '.');
	size_t len = end != NULL ? (size_t)(end - from) : 0;
	return len >= 2 && strcmp(end, ".pango") == 0 ? xasprintf("%.*s", (int)len, from) : NULL;
}

static int add(struct pinletter_texts *t, const char *folder, const char *name, struct err *e)
{
	char *language = language_of(name);
	if (language == NULL) {
		err_set(e, ERR_TEMPLATE, "%s/%s: the name does not say which language it is in", folder, name);
		return err_next(e, "name it letter.LANGUAGE.pango, for example letter.de.pango");
	}
	t->v = xrealloc(t->v, t->n + 1, sizeof *t->v);
	struct text *x = &t->v[t->n++];
	*x = (struct text){.language = language, .file = xasprintf("%s/%s", folder, name)};
	return read_file(x, e);
}

static int read_folder(struct pinletter_texts *t, const char *folder, struct err *e)
{
	int ret = 0;
	DIR *d = opendir(folder);
	if (d == NULL) {
		err_errno(e, ERR_CONFIG, "cannot open the folder %s with the templates of letters", folder);
		return err_next(e, "make the folder, or set templates under [letter] in the configuration");
	}
	for (struct dirent *entry; ret == 0 && (entry = readdir(d)) != NULL;) {
		if (files_is_pinletter(entry->d_name))
			ret = add(t, folder, entry->d_name, e);
	}
	closedir(d);
	return ret;
}

/* The first of the usual places where there is one; one that is configured for letters has to have it. */
static int read_all(struct pinletter_texts *t, const struct config *cfg, struct err *e)
{
	if (cfg->letter.templates != NULL)
		return read_folder(t, cfg->letter.templates, e);
	char *company = files_template_folder(cfg), *shipped = share_path("templates");
	int ret = read_folder(t, company, e);
	if (ret == 0 && t->n == 0)
		ret = read_folder(t, shipped, e);
	free(company);
	free(shipped);
	return ret;
}

static int by_language(const void *a, const void *b)
{
	return strcmp(((const struct text *)a)->language, ((const struct text *)b)->language);
}

static int find_preferred(struct pinletter_texts *t, const struct config *cfg, struct err *e)
{
	int found = pinletter_language_find(&t->languages, cfg->letter.language);
	if (found >= 0) {
		t->preferred = (size_t)found;
		return 0;
	}
	char *shipped = share_path("templates");
	err_set(e, ERR_CONFIG, "there is no template letter.%s.pango of a letter in the language that [letter] prefers",
		cfg->letter.language);
	if (t->n != 0)
		err_next(e, "set language under [letter] to another one, e.g. %s, or copy one from %s",
			 t->v[0].language, shipped);
	else
		err_next(e, "copy one from %s to where templates under [letter] says", shipped);
	free(shipped);
	return -1;
}

int pinletter_texts_load(struct pinletter_texts **ret, const struct config *cfg, struct err *e)
{
	struct pinletter_texts *t = xcalloc(1, sizeof *t);
	int got = read_all(t, cfg, e);
	if (t->n > 1)
		qsort(t->v, t->n, sizeof *t->v, by_language);
	for (size_t i = 0; i < t->n; i++)
		config_list_add(&t->languages, xstrdup(t->v[i].language));
	if (got != 0 || find_preferred(t, cfg, e) != 0 || extras_load(&t->extras, cfg, e) != 0) {
		pinletter_texts_free(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

size_t pinletter_texts_find(const struct pinletter_texts *t, const char *language)
{
	int found = language != NULL ? pinletter_language_find(&t->languages, language) : -1;
	return found >= 0 ? (size_t)found : t->preferred;
}

/* ---- rendering */

/* Longer than a name is that belongs to somebody. */
#define CHARACTERS_MAX 100

/* The names of one letter. */
struct said {
	struct names_value *v;
	char **values; /* what they point to */
	size_t n;
};

/* A mistake in a roster must not take the room of the text. To be freed. */
static char *shorten(const char *text)
{
	const char *end = text;
	bool fit;
	for (size_t i = 0; i < CHARACTERS_MAX && *end != '\0'; i++)
		end += clean_next(end, &fit);
	return xasprintf("%.*s%s", (int)(end - text), text, *end != '\0' ? "…" : "");
}

static void add_said(struct said *s, const char *name, enum name_kind kind, char *value)
{
	s->v = xrealloc(s->v, s->n + 1, sizeof *s->v);
	s->values = xrealloc(s->values, s->n + 1, sizeof *s->values);
	s->v[s->n] = (struct names_value){name, kind, value};
	s->values[s->n++] = value;
}

static void say(struct said *s, const char *name, const char *value)
{
	add_said(s, name, NAME_TEXT, shorten(value != NULL ? value : ""));
}

static void say_flag(struct said *s, const char *name, bool on)
{
	add_said(s, name, on ? NAME_FLAG_ON : NAME_FLAG_OFF, NULL);
}

static void free_said(struct said *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->values[i]);
	free(s->values);
	free(s->v);
}

static bool has(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static struct names *names_of(struct said *s, const struct pinletter_texts *t, size_t i,
			      const struct pinletter_facts *f, bool has_puk)
{
	struct names *names = NULL;
	char date[DAY_SIZE], expires[DAY_SIZE] = "";
	day_format(date, time(NULL));
	if (f->not_after != 0)
		day_format(expires, f->not_after);
	say(s, "user", f->user);
	say(s, "name", has(f->name) ? f->name : f->user);
	say(s, "department", f->department);
	say(s, "language", t->v[i].language);
	say(s, "date", date);
	say(s, "token_label", f->token_label);
	say(s, "token_serial", f->token_serial);
	say(s, "token_model", f->token_model);
	say(s, "token_manufacturer", f->token_manufacturer);
	say(s, "expires", expires);
	say_flag(s, "pin", true);
	say_flag(s, "puk", has_puk);
	for (size_t k = 0; k < f->n_names; k++)
		say(s, f->names[k].name, f->names[k].value);
	names_new_values(&names, &t->extras, f->user, s->v, s->n);
	return names;
}

int pinletter_texts_check(const struct pinletter_texts *t, size_t i, const struct pinletter_facts *f, struct err *e)
{
	const struct text *x = &t->v[i];
	struct said s = {.n = 0};
	struct pinletter_parts parts = {.font = NULL};
	struct names *names = names_of(&s, t, i, f, true);
	char *written = xstrdup(x->written);
	pinletter_parts_blank(written);
	int ret = pinletter_parts_parse(&parts, x->file, written, true, e);
	if (ret == 0)
		ret = template_check(x->template, names, e);
	pinletter_parts_free(&parts);
	free(written);
	names_free(&names);
	free_said(&s);
	return ret;
}

int pinletter_texts_render(struct pinletter_parts *ret, const struct pinletter_texts *t, size_t i,
			   const struct pinletter_facts *f, bool has_puk, struct err *e)
{
	struct said s = {.n = 0};
	struct blob text = BLOB_INIT;
	struct names *names = names_of(&s, t, i, f, has_puk);
	int got = template_render(t->v[i].template, names, TEMPLATE_MARKUP, NULL, &text, e);
	if (got == 0)
		got = pinletter_parts_parse(ret, t->v[i].file, (const char *)text.data, false, e);
	blob_free(&text);
	names_free(&names);
	free_said(&s);
	return got;
}
