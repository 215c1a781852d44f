/*
 * What the tests of letters share: a private folder with a configuration, the
 * facts of one person, and what poppler finds on a page.
 */
#ifndef TESTS_PINLETTER_FIXTURE_H
#define TESTS_PINLETTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/file.h"
#include "core/secret.h"
#include "core/xalloc.h"
#include "handover/pinletter.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN "47110815"

struct word {
	double left, top, right, bottom; /* mm */
	char text[256];
};

struct letter_fixture {
	char dir[64];
	struct config *cfg;
	struct pinletter_facts facts;
	struct secret *pin, *puk;
	struct word words[2000];
	size_t n_words;
	struct err e;
};

static inline int shell(const struct letter_fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Runs a command line in the folder. Returns its exit status. */
static inline int shell(const struct letter_fixture *f, const char *fmt, ...)
{
	char command[4096], whole[4300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof whole, "cd %s && { %s; } >>log 2>&1", f->dir, command);
	int status = system(whole);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void write_text(const struct letter_fixture *f, const char *name, const char *text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* What is in a file, to be freed; "" if there is none. */
static inline char *read_text(const struct letter_fixture *f, const char *name)
{
	struct blob text = BLOB_INIT;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	return file_read(path, FILE_MAX_DEFAULT, &text, NULL) == 0 ? (char *)text.data : xstrdup("");
}

/* The shipped templates, unless the text says something else; the CA and the database are in the folder. */
static inline void configure(struct letter_fixture *f, const char *letter, const char *more)
{
	struct blob text = BLOB_INIT;
	char *shipped = realpath("templates", NULL);
	char *path = xasprintf("%s/tokenroll.conf", f->dir);
	char *all = xasprintf("[ca]\npki = ca/pki\n[store]\npath = store/tokenroll.db\n[letter]\n%s%s\n%s\n%s\n",
			      strstr(letter, "templates =") == NULL ? "templates = " : "",
			      strstr(letter, "templates =") == NULL ? shipped : "", letter, more);
	config_free(&f->cfg);
	blob_set(&text, all, strlen(all));
	if (config_parse(&f->cfg, path, &text, &f->e) != 0)
		fail_msg("%s", f->e.what);
	free(all);
	free(path);
	free(shipped);
}

static inline int fixture_set_up(void **state)
{
	struct letter_fixture *f = xcalloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/tokenroll-letter.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	f->facts = (struct pinletter_facts){.user = "alice",
					    .name = "Alice Example",
					    .department = "Accounting",
					    .token_label = "alice's token",
					    .token_serial = "DECC0100001",
					    .not_after = 1900000000};
	f->pin = secret_new();
	f->puk = secret_new();
	*state = f;
	return secret_set(f->pin, PIN, strlen(PIN), NULL);
}

static inline int fixture_tear_down(void **state)
{
	struct letter_fixture *f = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	config_free(&f->cfg);
	secret_free(&f->pin);
	secret_free(&f->puk);
	free(f);
	return system(command);
}

/* The words of page.pdf in the folder, each with its place; exactly one page, or it fails. */
static inline void read_words(struct letter_fixture *f)
{
	assert_int_equal(
	    shell(f, "pdfinfo page.pdf >info && grep -q '^Pages: *1$' info && pdftotext -bbox page.pdf words"), 0);
	char *all = read_text(f, "words"), *save = NULL;
	f->n_words = 0;
	for (char *line = strtok_r(all, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		struct word w;
		if (sscanf(line, " <word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\">%255[^\n]", &w.left,
			   &w.top, &w.right, &w.bottom, w.text) != 5)
			continue;
		w.text[strcspn(w.text, "<")] = '\0';
		w.left *= 25.4 / 72, w.top *= 25.4 / 72, w.right *= 25.4 / 72, w.bottom *= 25.4 / 72;
		assert_true(f->n_words < sizeof f->words / sizeof *f->words);
		f->words[f->n_words++] = w;
	}
	free(all);
}

/* The only, or first, word with this text; fails if there is none. */
static inline const struct word *find_word(const struct letter_fixture *f, const char *text)
{
	for (size_t i = 0; i < f->n_words; i++) {
		if (strcmp(f->words[i].text, text) == 0)
			return &f->words[i];
	}
	fail_msg("'%s' is not on the page", text);
	return NULL;
}

static inline size_t count_words(const struct letter_fixture *f, const char *text)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n_words; i++)
		n += strcmp(f->words[i].text, text) == 0;
	return n;
}

/* The message, its advice and the reason together. */
static inline void assert_says(const struct err *e, enum err_code code, const char *words)
{
	char all[2048];
	snprintf(all, sizeof all, "%s | %s | %s", e->what, e->native, err_advice(e));
	assert_string_equal(err_code_name(e->code), err_code_name(code));
	if (strstr(all, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", all, words);
	if (err_advice(e)[0] == '\0')
		fail_msg("\"%s\" gives no advice", all);
}

#endif
