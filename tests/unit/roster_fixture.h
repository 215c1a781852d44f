/*
 * roster_fixture: files with rosters, and what they are read as.
 */
#ifndef ROSTER_FIXTURE_H
#define ROSTER_FIXTURE_H

#include "core/keytype.h"
#include "station/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>
#include <unistd.h>

struct roster_file {
	char path[64];
	struct roster_faults faults;
	struct err e;
};

static inline int file_set_up(void **state)
{
	struct roster_file *f = calloc(1, sizeof *f);
	snprintf(f->path, sizeof f->path, "/tmp/tokenroll-roster-XXXXXX");
	int fd = mkstemp(f->path);
	*state = f;
	return fd == -1 ? -1 : close(fd);
}

static inline int file_tear_down(void **state)
{
	struct roster_file *f = *state;
	int ret = unlink(f->path);
	free(f);
	return ret;
}

static inline void put_bytes(const struct roster_file *f, const void *bytes, size_t len)
{
	FILE *out = fopen(f->path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static inline int read_bytes(struct roster_file *f, struct roster **ret, const void *bytes, size_t len)
{
	put_bytes(f, bytes, len);
	f->e = (struct err)ERR_INIT;
	return roster_read(ret, f->path, KEYTYPE_ALL, &f->faults, &f->e);
}

static inline int read_text(struct roster_file *f, struct roster **ret, const char *text)
{
	return read_bytes(f, ret, text, strlen(text));
}

static inline struct roster *good_bytes(struct roster_file *f, const void *bytes, size_t len)
{
	struct roster *r = NULL;
	if (read_bytes(f, &r, bytes, len) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
	assert_int_equal(f->faults.n_all, 0);
	return r;
}

static inline struct roster *good(struct roster_file *f, const char *text)
{
	return good_bytes(f, text, strlen(text));
}

/* It is refused as a whole, with a message and advice in which these words are. */
static inline void refused_bytes(struct roster_file *f, const void *bytes, size_t len, const char *words)
{
	struct roster *r = NULL;
	char all[2048];
	assert_int_equal(read_bytes(f, &r, bytes, len), -1);
	assert_null(r);
	assert_string_equal(err_code_name(f->e.code), "ROSTER");
	assert_int_equal(err_exit_status(f->e.code), 2);
	assert_true(err_advice(&f->e)[0] != '\0');
	snprintf(all, sizeof all, "%s | %s", f->e.what, err_advice(&f->e));
	if (strstr(all, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", all, words);
}

static inline void refused(struct roster_file *f, const char *text, const char *words)
{
	refused_bytes(f, text, strlen(text), words);
}

/* After refused: there is a fault of this line with these words in it. */
static inline void has_fault(const struct roster_file *f, long line, const char *words)
{
	for (size_t i = 0; i < f->faults.n; i++) {
		if (f->faults.list[i].line == line && strstr(f->faults.list[i].text, words) != NULL)
			return;
	}
	for (size_t i = 0; i < f->faults.n; i++)
		print_message("line %ld: %s\n", f->faults.list[i].line, f->faults.list[i].text);
	fail_msg("no fault of line %ld says \"%s\"", line, words);
}

#define FILE_PROMISE(f) cmocka_unit_test_setup_teardown(f, file_set_up, file_tear_down)

#endif
