/*
 * A database from an older version is migrated in one transaction, with a copy kept, and nothing is lost whenever that
 * is broken off.
 */
#include "store_fixture.h"
#include "store_v1.h"

#include <errno.h>
#include <limits.h>

static char self[PATH_MAX];

/* A database as the older tokenroll left it: with a write-ahead log. */
static void make_v1(const struct place *p)
{
	char folder[80];

	snprintf(folder, sizeof(folder), "%s/lib", p->dir);
	assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
	sql(p, "PRAGMA journal_mode = WAL");
	sql(p, store_v1);
	assert_int_equal(chmod(p->path, 0600), 0);
}

static struct place copy_of(const struct place *p)
{
	struct place copy = *p;

	snprintf(copy.path, sizeof(copy.path), "%s/lib/t.db.v1", p->dir);
	return copy;
}

static void assert_is_v1(const struct place *p)
{
	assert_int_equal(sql_int(p, "PRAGMA user_version"), 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM pragma_table_info('tokens') WHERE name = 'profile'"), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM sqlite_schema WHERE name = 'escrow'"), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials"), 2);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit"), V1_RECORDS);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

static void assert_copy_kept(const struct place *p)
{
	struct place copy = copy_of(p);
	char temp[112];
	struct stat st;

	assert_int_equal(stat(copy.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_is_v1(&copy);
	/* it is a single file */
	assert_int_equal(sql_int(&copy, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'"), 1);
	snprintf(temp, sizeof(temp), "%s-new", p->path);
	assert_int_equal(access(temp, F_OK), -1);
}

/* All that was there is there, and all that is new is empty. */
static void assert_is_upgraded(const struct place *p, struct store *s)
{
	static const char record[] = "SELECT count(*) FROM audit WHERE action = 'database-upgraded'";
	struct store_credential c;
	bool found = false;

	assert_int_equal(sql_int(p, "PRAGMA user_version"), 4);
	assert_int_equal(records(s), V1_RECORDS + 1);
	assert_int_equal(sql_int(p, record), 1);
	assert_int_equal(store_find(s, "alice", &token_1, &found, &c, NULL), 0);
	assert_true(found);
	assert_int_equal(c.state, CRED_DELIVERED);
	assert_string_equal(c.pkcs11_id, "SoftHSM\\x20project/x");
	assert_string_equal(c.enroll_id, "");
	assert_string_equal(c.attested, "");
	assert_int_equal(c.attestation.len, 0);
	store_credential_free(&c);
	assert_int_equal(store_find(s, "bob", &token_2, &found, &c, NULL), 0);
	assert_true(found);
	assert_int_equal(c.state, CRED_KEYED);
	store_credential_free(&c);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void assert_open_fails(const struct place *p, const char *words)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(store_open(&s, p->path, &e), -1);
	assert_null(s);
	assert_says(&e, ERR_STORE, words);
}

static void an_older_database_is_brought_up_to_date_with_a_copy_kept(void **state)
{
	struct place *p = *state;
	mode_t before = umask(0);
	struct store *s;

	make_v1(p);
	s = open_store(p);
	assert_is_upgraded(p, s);
	assert_copy_kept(p);
	store_close(&s);
	/* once and for all */
	s = open_store(p);
	assert_is_upgraded(p, s);
	assert_copy_kept(p);
	store_close(&s);
	umask(before);
}

static void an_upgraded_database_has_the_tables_of_a_new_one(void **state)
{
	struct place *p = *state, fresh = *p;
	struct store *s;
	char attach[256];

	snprintf(fresh.path, sizeof(fresh.path), "%s/lib/fresh.db", p->dir);
	make_v1(p);
	s = open_store(p);
	store_close(&s);
	s = open_store(&fresh);
	store_close(&s);
	snprintf(attach, sizeof(attach),
		 "ATTACH '%s' AS f; CREATE TEMP TABLE t (n INTEGER CHECK (n = 0));"
		 "INSERT INTO t SELECT count(*) FROM (SELECT sql FROM main.sqlite_schema EXCEPT"
		 " SELECT sql FROM f.sqlite_schema)",
		 fresh.path);
	sql(p, attach);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM sqlite_schema"),
			 sql_int(&fresh, "SELECT count(*) FROM sqlite_schema"));
}

/* As the tokenroll before rosters left it. */
static void one_of_version_3_gets_rosters_and_keeps_all(void **state)
{
	struct place *p = *state, copy = *p;
	struct store_credential c;
	struct store *s = open_store(p);

	snprintf(copy.path, sizeof(copy.path), "%s/lib/t.db.v3", p->dir);
	enrolled(s, &c, "alice", &token_1);
	store_credential_free(&c);
	store_close(&s);
	sql(p, "DROP TABLE letters; DROP TABLE timings; DROP TABLE roster_people; DROP TABLE rosters;"
	       "PRAGMA user_version = 3");
	s = open_store(p);
	assert_int_equal(sql_int(p, "PRAGMA user_version"), 4);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM roster_people"), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'delivered'"), 1);
	assert_int_equal(sql_int(&copy, "PRAGMA user_version"), 3);
	records(s);
	store_close(&s);
}

static void a_new_database_leaves_no_copy(void **state)
{
	struct place *p = *state, copy = copy_of(p);
	struct store *s = open_store(p);

	store_close(&s);
	assert_int_equal(access(copy.path, F_OK), -1);
}

static void what_is_still_in_the_log_is_in_the_copy(void **state)
{
	struct place *p = *state, copy = copy_of(p);
	sqlite3 *other = NULL;
	struct store *s;

	make_v1(p);
	/* an older tokenroll that is still at work keeps its changes in the log */
	assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "UPDATE tokens SET label = 'late'", NULL, NULL, NULL), SQLITE_OK);
	s = open_store(p);
	assert_int_equal(sql_int(&copy, "SELECT count(*) FROM tokens WHERE label = 'late'"), 2);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM tokens WHERE label = 'late'"), 2);
	/* and goes on with what it knows */
	assert_int_equal(sqlite3_exec(other,
				      "INSERT INTO tokens (manufacturer, model, serial, label, created)"
				      " VALUES ('m', 'm', '3', 'l', 0)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(other);
	store_close(&s);
}

static void a_migration_that_fails_leaves_the_old_database(void **state)
{
	struct place *p = *state;

	make_v1(p);
	sql(p, "CREATE TABLE escrow (mine)");
	assert_open_fails(p, "table escrow already exists");
	assert_int_equal(sql_int(p, "PRAGMA user_version"), 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM pragma_table_info('tokens') WHERE name = 'profile'"), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit"), V1_RECORDS);
	/* the copy is of what was there, and is still good once the hindrance is away */
	sql(p, "DROP TABLE escrow");
	struct place copy = copy_of(p);
	assert_int_equal(sql_int(&copy, "SELECT count(*) FROM sqlite_schema WHERE name = 'escrow'"), 1);
	struct store *s = open_store(p);
	assert_is_upgraded(p, s);
	store_close(&s);
}

static void a_copy_that_is_there_is_not_overwritten(void **state)
{
	struct place *p = *state, copy = copy_of(p);
	struct store *s;
	struct stat before, after;

	make_v1(p);
	sql(&copy, "CREATE TABLE recipes (name)");
	assert_open_fails(p, copy.path);
	assert_is_v1(p);
	assert_int_equal(sql_int(&copy, "SELECT count(*) FROM recipes"), 0);

	/* one that an older state of the database left is none of this one */
	assert_int_equal(unlink(copy.path), 0);
	s = open_store(&copy);
	store_close(&s);
	assert_open_fails(p, "Move");
	assert_is_v1(p);

	/* one of this very state, as a run leaves it that was broken off, is good as it is */
	assert_int_equal(unlink(copy.path), 0);
	sql(&copy, store_v1);
	chmod(copy.path, 0600);
	assert_int_equal(stat(copy.path, &before), 0);
	s = open_store(p);
	assert_is_upgraded(p, s);
	store_close(&s);
	assert_int_equal(stat(copy.path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_copy_kept(p);
}

static void a_damaged_older_database_is_left_alone(void **state)
{
	struct place *p = *state, copy = copy_of(p);

	make_v1(p);
	assert_int_equal(truncate(p->path, (sql_int(p, "PRAGMA page_count") - 2) * 4096), 0);
	assert_open_fails(p, "damaged");
	assert_int_equal(access(copy.path, F_OK), -1);
}

static void two_that_open_an_older_database_at_once_migrate_it_once(void **state)
{
	enum { PROCESSES = 6 };
	struct place *p = *state;
	int failed = 0;

	make_v1(p);
	for (int i = 0; i < PROCESSES; i++) {
		struct store *s = NULL;

		if (fork() != 0)
			continue;
		_exit(store_open(&s, p->path, NULL) == 0 && sql_int(p, "PRAGMA user_version") == 4 ? 0 : 1);
	}
	for (int i = 0, status; i < PROCESSES; i++) {
		wait(&status);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	struct store *s = open_store(p);
	assert_is_upgraded(p, s);
	assert_copy_kept(p);
	store_close(&s);
}

/* This program once more, only to open the database, killed at its k-th effect on the disk. Returns whether it was. */
static bool open_and_be_killed(const struct place *p, int k, bool after)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char library[PATH_MAX + 32], count[128], when[16];

		snprintf(library, sizeof(library), "%s", self);
		snprintf(strrchr(library, '/'), 32, "/../fault/libkillat.so");
		snprintf(count, sizeof(count), "%s/effects", p->dir);
		snprintf(when, sizeof(when), "%d", k);
		unlink(count);
		setenv("LD_PRELOAD", library, 1);
		setenv("KILLAT_COUNT", count, 1);
		setenv("KILLAT_WHEN", when, 1);
		if (after)
			setenv("KILLAT_AFTER", "1", 1);
		/* the address sanitizer wants to be first, but goes along with another */
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
		execl(self, self, "open", p->path, (char *)NULL);
		_exit(126);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static void remove_all(const struct place *p)
{
	char folder[80];

	snprintf(folder, sizeof(folder), "%s/lib", p->dir);
	assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void killed_at_any_effect_on_the_disk_it_is_the_old_one_or_the_new_one(void **state)
{
	struct place *p = *state, copy = copy_of(p);
	int old = 0, new = 0, k;
	bool killed = true;

	for (k = 1; killed; k++) {
		make_v1(p);
		killed = open_and_be_killed(p, k, k % 2 == 0);
		/* what another program finds now, which knows nothing of us */
		if (sql_int(p, "PRAGMA user_version") == 1) {
			assert_is_v1(p);
			old++;
		} else {
			assert_int_equal(sql_int(p, "SELECT count(*) FROM audit"), V1_RECORDS + 1);
			assert_copy_kept(p);
			new ++;
		}
		if (access(copy.path, F_OK) == 0)
			assert_copy_kept(p);
		struct store *s = open_store(p);
		assert_is_upgraded(p, s);
		assert_copy_kept(p);
		store_close(&s);
		remove_all(p);
	}
	print_message("killed at %d effects: %d times the old one, %d times the new one\n", k - 2, old, new);
	assert_true(old > 10);
	assert_true(new > 1);
}

static int only_open(const char *path)
{
	struct store *s = NULL;
	int rc = store_open(&s, path, NULL);

	store_close(&s);
	return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(an_older_database_is_brought_up_to_date_with_a_copy_kept),
	    PROMISE(an_upgraded_database_has_the_tables_of_a_new_one),
	    PROMISE(one_of_version_3_gets_rosters_and_keeps_all),
	    PROMISE(a_new_database_leaves_no_copy),
	    PROMISE(what_is_still_in_the_log_is_in_the_copy),
	    PROMISE(a_migration_that_fails_leaves_the_old_database),
	    PROMISE(a_copy_that_is_there_is_not_overwritten),
	    PROMISE(a_damaged_older_database_is_left_alone),
	    PROMISE(two_that_open_an_older_database_at_once_migrate_it_once),
	    PROMISE(killed_at_any_effect_on_the_disk_it_is_the_old_one_or_the_new_one),
	};

	if (argc == 3 && strcmp(argv[1], "open") == 0)
		return only_open(argv[2]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
