/* A file that is written, alone or with others, is there as a whole, or the old one stands. */
#include "core/file.h"
#include "core/file_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

struct place {
	char dir[32], path[48], other[48];
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	strcpy(p->dir, "/tmp/tokenroll-file-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof p->path, "%s/page", p->dir);
	snprintf(p->other, sizeof p->other, "%s/other", p->dir);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	unlink(p->path);
	unlink(p->other);
	int rc = rmdir(p->dir); /* fails if anything was left behind */
	free(p);
	return rc;
}

static int many_lines(void *arg, FILE *out, struct err *e)
{
	(void)e;
	for (int i = 0; i < 10000; i++)
		fprintf(out, "%s %d\n", (const char *)arg, i);
	return 0;
}

static int not_all(void *arg, FILE *out, struct err *e)
{
	fputs(arg, out);
	return err_set(e, ERR_STORE, "the database is gone");
}

/* What comes about when a disk is full. */
static int spoiled(void *arg, FILE *out, struct err *e)
{
	(void)arg, (void)e;
	assert_int_equal(ftruncate(fileno(out), 0), 0);
	(void)close(fileno(out));
	fputs("lost", out);
	return 0;
}

static void assert_has(const char *path, const char *beginning, size_t least)
{
	struct blob b = BLOB_INIT;
	assert_int_equal(file_read(path, FILE_MAX_DEFAULT, &b, NULL), 0);
	assert_true(b.len >= least);
	assert_memory_equal(b.data, beginning, strlen(beginning));
	blob_free(&b);
}

static void it_has_all_and_the_mode_that_was_asked_for(void **state)
{
	struct place *p = *state;
	struct stat st;
	char text[] = "line";
	assert_int_equal(file_write_by(p->path, many_lines, text, 0600, NULL), 0);
	assert_has(p->path, "line 0\nline 1\n", 80000);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_failure_leaves_the_old_file_and_nothing_else(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	char text[] = "half";
	assert_int_equal(file_write(p->path, "old", 3, 0600, NULL), 0);
	assert_int_equal(file_write_by(p->path, not_all, text, 0600, &e), -1);
	assert_int_equal(e.code, ERR_STORE);
	assert_has(p->path, "old", 3);
	assert_int_equal(file_write_by(p->path, spoiled, NULL, 0600, &e), -1);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_non_null(strstr(e.what, p->path));
	assert_has(p->path, "old", 3);
}

static void files_of_a_batch_are_there_when_it_is_committed_and_not_before(void **state)
{
	struct place *p = *state;
	struct file_batch b = FILE_BATCH_INIT;
	struct stat st;
	assert_int_equal(file_write(p->path, "old", 3, 0640, NULL), 0);
	assert_int_equal(file_batch_replace(&b, p->path, "new", 3, 0600, NULL), 0);
	assert_int_equal(file_batch_replace(&b, p->other, "other", 5, 0600, NULL), 0);
	assert_has(p->path, "old", 3);
	assert_int_equal(access(p->other, F_OK), -1);
	assert_int_equal(file_batch_commit(&b, NULL), 0);
	assert_int_equal(b.n, 0);
	assert_has(p->path, "new", 3);
	assert_has(p->other, "other", 5);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_batch_that_is_dropped_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct file_batch b = FILE_BATCH_INIT;
	assert_int_equal(file_write(p->path, "old", 3, 0600, NULL), 0);
	assert_int_equal(file_batch_replace(&b, p->path, "new", 3, 0600, NULL), 0);
	file_batch_drop(&b);
	assert_int_equal(file_batch_commit(&b, NULL), 0);
	assert_has(p->path, "old", 3);
}

/* A folder is in the place of the second file. */
static void of_a_batch_that_fails_those_before_have_their_names_and_the_others_are_gone(void **state)
{
	struct place *p = *state;
	struct file_batch b = FILE_BATCH_INIT;
	struct err e = ERR_INIT;
	char third[64];
	snprintf(third, sizeof third, "%s/third", p->dir);
	assert_int_equal(file_batch_replace(&b, p->path, "new", 3, 0600, NULL), 0);
	assert_int_equal(file_batch_replace(&b, p->other, "other", 5, 0600, NULL), 0);
	assert_int_equal(file_batch_replace(&b, third, "third", 5, 0600, NULL), 0);
	assert_int_equal(mkdir(p->other, 0700), 0);
	assert_int_equal(file_batch_commit(&b, &e), -1);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_non_null(strstr(e.what, p->other));
	assert_int_equal(b.n, 0);
	assert_has(p->path, "new", 3);
	assert_int_equal(rmdir(p->other), 0);
	assert_int_equal(access(third, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_has_all_and_the_mode_that_was_asked_for, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_failure_leaves_the_old_file_and_nothing_else, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(files_of_a_batch_are_there_when_it_is_committed_and_not_before, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_batch_that_is_dropped_leaves_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(of_a_batch_that_fails_those_before_have_their_names_and_the_others_are_gone,
					    set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
