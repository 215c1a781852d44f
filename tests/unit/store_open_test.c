/*
 * What cannot be used as a database is refused with its path and a way out, and left alone.
 */
#include "store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>

static void assert_only_open_fails(const struct place *p, const char *words)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(store_open(&s, p->path, &e), -1);
	assert_null(s);
	assert_says(&e, ERR_STORE, words);
	assert_says(&e, ERR_STORE, p->path);
}

/* Whoever only looks is told the same. */
static void assert_open_fails(const struct place *p, const char *words)
{
	struct store_peek peek;
	struct err e = ERR_INIT;

	assert_only_open_fails(p, words);
	assert_int_equal(store_peek(p->path, &peek, &e), -1);
	assert_says(&e, ERR_STORE, words);
	assert_says(&e, ERR_STORE, p->path);
}

static void write_file(const char *path, const void *data, size_t len, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd != -1);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	static const char text[] = "These are the notes of the last audit. They are much longer than a database's "
				   "header, which has one hundred bytes, and must not get lost.\n";
	struct place *p = *state;
	char back[sizeof(text)] = "";
	int fd;

	snprintf(p->path, sizeof(p->path), "%s/notes", p->dir);
	write_file(p->path, text, sizeof(text), 0);
	assert_open_fails(p, "not a database");
	fd = open(p->path, O_RDONLY);
	assert_int_equal(read(fd, back, sizeof(back)), sizeof(text));
	close(fd);
	assert_string_equal(back, text);
}

static void a_log_whose_database_is_missing_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;
	char db[sizeof(p->path)], wal[sizeof(p->path) + 8];
	struct stat st;
	struct store *s = open_store(p);

	store_close(&s);
	memcpy(db, p->path, sizeof(db));
	assert_int_equal(unlink(db), 0);
	snprintf(wal, sizeof(wal), "%s-wal", db);
	write_file(wal, "the last changes", 16, 0);
	assert_open_fails(p, "but not its log");
	assert_int_equal(access(db, F_OK), -1);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, 16);
	assert_int_equal(truncate(wal, 0), 0);
	s = open_store(p);
	store_close(&s);
}

static void another_programs_database_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;

	snprintf(p->path, sizeof(p->path), "%s/other", p->dir);
	sql(p, "CREATE TABLE recipes (name); INSERT INTO recipes VALUES ('borscht')");
	assert_open_fails(p, "another program");
	assert_int_equal(sql_int(p, "SELECT count(*) FROM sqlite_schema"), 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM recipes"), 1);
}

static void a_newer_database_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);

	store_close(&s);
	sql(p, "PRAGMA user_version = 4711");
	assert_open_fails(p, "newer tokenroll");
	assert_int_equal(sql_int(p, "PRAGMA user_version"), 4711);
}

static void a_damaged_database_is_noticed(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	unsigned char junk[4096];
	int64_t pages;

	enrolled(s, &c, "alice", &token_1);
	store_credential_free(&c);
	store_close(&s);
	memset(junk, 0x5a, sizeof(junk));
	pages = sql_int(p, "PRAGMA page_count");
	for (int64_t i = 1; i < pages; i++) {
		unsigned char page[4096];
		int fd = open(p->path, O_RDONLY);

		assert_int_equal(pread(fd, page, sizeof(page), i * 4096), sizeof(page));
		close(fd);
		write_file(p->path, junk, sizeof(junk), i * 4096);
		assert_open_fails(p, "damaged");
		write_file(p->path, page, sizeof(page), i * 4096);
	}
	s = open_store(p);
	store_close(&s);
	assert_int_equal(truncate(p->path, (pages - 2) * 4096), 0);
	assert_open_fails(p, "damaged");
	/* the way out, and what is lost by it */
	assert_open_fails(p, "`tokenroll adopt`");
	assert_open_fails(p, "The audit trail and the SO PINs and PUKs in escrow are in the old file only");
}

/* Its path is part of a URI on the way. */
static void a_look_at_a_database_with_an_odd_name_finds_it_and_leaves_nothing_beside_it(void **state)
{
	struct place *p = *state;
	struct store_peek peek;
	struct err e = ERR_INIT;
	struct store *s;
	DIR *d;
	int entries = 0;

	snprintf(p->path, sizeof(p->path), "%s/lib/50%% ?a=b#c", p->dir);
	assert_int_equal(store_peek(p->path, &peek, &e), 0);
	assert_false(peek.there);
	s = open_store(p);
	store_close(&s);
	assert_int_equal(store_peek(p->path, &peek, &e), 0);
	assert_true(peek.there);
	assert_false(peek.in_use);
	assert_true(peek.version == peek.known && peek.known > 0);
	d = opendir(dirname(p->path));
	while (readdir(d) != NULL)
		entries++;
	closedir(d);
	/* ., .., itself, and its lock by store_open */
	assert_int_equal(entries, 4);
}

static void a_folder_in_the_databases_place_is_refused(void **state)
{
	struct place *p = *state;

	snprintf(p->path, sizeof(p->path), "%s", p->dir);
	assert_open_fails(p, "not a file");
}

/* Runs a check as a user without root's rights over files. */
static void as_nobody(const struct place *p, void (*check)(const struct place *))
{
	pid_t pid;
	int status;

	if (geteuid() != 0) {
		check(p);
		return;
	}
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) == -1 || setuid(65534) == -1)
			_exit(3);
		check(p);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void cannot_make_the_folder(const struct place *p)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;
	char path[112];

	snprintf(path, sizeof(path), "%s/lib/deeper/t.db", p->dir);
	assert_int_equal(store_open(&s, path, &e), -1);
	assert_says(&e, ERR_STORE, "/lib/deeper");
	assert_says(&e, ERR_STORE, "Permission denied");
}

static void cannot_write_into_the_folder(const struct place *p)
{
	assert_only_open_fails(p, "writable");
	assert_only_open_fails(p, "Permission denied");
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	char folder[80], lock[112];

	store_close(&s);
	snprintf(lock, sizeof(lock), "%s-lock", p->path);
	assert_int_equal(unlink(lock), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(p->path, 65534, 65534), 0);
	snprintf(folder, sizeof(folder), "%s/lib", p->dir);
	chmod(p->dir, 0755);
	chmod(folder, 0555);
	as_nobody(p, cannot_write_into_the_folder);
	as_nobody(p, cannot_make_the_folder);
	chmod(folder, 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(a_file_that_is_no_database_is_refused_and_left_alone),
	    PROMISE(a_log_whose_database_is_missing_is_refused_and_left_alone),
	    PROMISE(another_programs_database_is_refused_and_left_alone),
	    PROMISE(a_newer_database_is_refused_and_left_alone),
	    PROMISE(a_damaged_database_is_noticed),
	    PROMISE(a_look_at_a_database_with_an_odd_name_finds_it_and_leaves_nothing_beside_it),
	    PROMISE(a_folder_in_the_databases_place_is_refused),
	    PROMISE(a_folder_that_cannot_be_written_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
