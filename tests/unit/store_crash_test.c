/*
 * Nothing is lost or half written when a process or the disk fails, and two processes never work on the same.
 */
#include "store_fixture.h"

static void only_one_process_works_on_a_user_or_a_token(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct err e = ERR_INIT;
	char holder[32];
	pid_t pid = claim_in_child(p, "alice", &token_1);

	snprintf(holder, sizeof(holder), "process %ld ", (long)pid);
	assert_int_equal(store_claim_user(s, "alice", &e), -1);
	assert_says(&e, ERR_BUSY, holder);
	assert_says(&e, ERR_BUSY, "alice");
	assert_int_equal(store_claim_token(s, &token_1, &e), -1);
	assert_says(&e, ERR_BUSY, holder);
	assert_says(&e, ERR_BUSY, token_1.serial);
	assert_int_equal(store_claim_user(s, "bob", &e), 0);
	assert_int_equal(store_claim_token(s, &token_2, &e), 0);

	kill_child(pid);
	assert_int_equal(store_claim_user(s, "alice", &e), 0);
	assert_int_equal(store_claim_user(s, "alice", &e), 0);
	assert_int_equal(store_claim_token(s, &token_1, &e), 0);
	store_close(&s);
	kill_child(claim_in_child(p, "alice", &token_1));
}

static void a_user_and_a_token_are_claimed_apart(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential alice, bob;
	struct err e = ERR_INIT;
	pid_t pid;

	/* the first user and the first token, the second and the second */
	enrolled(s, &alice, "alice", &token_1);
	enrolled(s, &bob, "bob", &token_2);
	pid = claim_in_child(p, "alice", &token_2);
	assert_int_equal(store_claim_user(s, "bob", &e), 0);
	assert_int_equal(store_claim_token(s, &token_1, &e), 0);
	assert_int_equal(store_claim_token(s, &token_2, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	kill_child(pid);
	store_credential_free(&alice);
	store_credential_free(&bob);
	store_close(&s);
}

static void a_database_is_one_whatever_name_leads_to_it(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct place other = *p;
	struct err e = ERR_INIT;
	pid_t pid;

	snprintf(other.path, sizeof(other.path), "%s/link.db", p->dir);
	assert_int_equal(symlink(p->path, other.path), 0);
	pid = claim_in_child(&other, "alice", &token_1);
	assert_int_equal(store_claim_user(s, "alice", &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	kill_child(pid);
	store_close(&s);
}

/* Enrolls one user after another, each a new one, until it is killed. */
static void write_for_ever(const struct place *p, int run)
{
	struct store *s = NULL;

	if (store_open(&s, p->path, NULL) == -1)
		_exit(1);
	for (int i = 0;; i++) {
		struct store_credential c;
		struct store_token t = token_1;
		char user[32];

		snprintf(user, sizeof(user), "u%d-%d", run, i);
		snprintf(t.serial, sizeof(t.serial), "%d-%d", run, i);
		plan(&c, user, &t);
		if (enroll(s, &c, NULL) != 7)
			_exit(1);
		store_credential_free(&c);
	}
}

static void kill_9_in_the_middle_of_writing_leaves_whole_changes_only(void **state)
{
	struct place *p = *state;

	for (int run = 0; run < 12; run++) {
		const struct timespec nap = {0, 3000000L + run * 6100000L};
		struct store *s;
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			write_for_ever(p, run);
		}
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		s = open_store(p);
		/* one record for each person, token and step */
		assert_int_equal(records(s),
				 sql_int(p,
					 "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM tokens) + "
					 "(SELECT ifnull(sum(CASE state WHEN 'planned' THEN 1 WHEN 'keyed' THEN 2 WHEN"
					 " 'requested' THEN 3 WHEN 'issued' THEN 4 WHEN 'written' THEN 5 WHEN 'proven'"
					 " THEN 6 ELSE 7 END), 0) FROM credentials)"));
		assert_int_equal(
		    sql_int(p, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
		assert_int_equal(sql_int(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
		store_close(&s);
	}
	assert_true(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'delivered'") > 0);
}

/* A disk that is full from the k-th write on: SQLite's own file functions with another xWrite. Databases and
 * journals have different ones. */
enum { DATABASE, JOURNAL };
static struct {
	const sqlite3_io_methods *real[2];
	sqlite3_io_methods methods[2];
	sqlite3_vfs vfs, *real_vfs;
	long left; /* writes that still succeed */
	bool met;
} full_disk;

static int full_disk_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	int kind = f->pMethods == &full_disk.methods[DATABASE] ? DATABASE : JOURNAL;

	if (full_disk.left-- > 0)
		return full_disk.real[kind]->xWrite(f, data, len, at);
	full_disk.met = true;
	return SQLITE_FULL;
}

static int full_disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int kind = (flags & SQLITE_OPEN_MAIN_DB) ? DATABASE : JOURNAL;
	int rc = full_disk.real_vfs->xOpen(full_disk.real_vfs, name, f, flags, ret_flags);

	(void)vfs;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	full_disk.real[kind] = f->pMethods;
	full_disk.methods[kind] = *f->pMethods;
	full_disk.methods[kind].xWrite = full_disk_write;
	f->pMethods = &full_disk.methods[kind];
	return rc;
}

static int full_disk_on(void **state)
{
	sqlite3_initialize();
	full_disk.real_vfs = sqlite3_vfs_find(NULL);
	full_disk.vfs = *full_disk.real_vfs;
	full_disk.vfs.zName = "full-disk";
	full_disk.vfs.xOpen = full_disk_open;
	sqlite3_vfs_register(&full_disk.vfs, 1);
	return set_up(state);
}

static int full_disk_off(void **state)
{
	sqlite3_vfs_unregister(&full_disk.vfs);
	return tear_down(state);
}

/* Opens and enrolls with room for k writes; returns how many steps the calls said were done. */
static int enroll_on_full_disk(const struct place *p, long k, struct err *e)
{
	struct store_credential c;
	struct store *s = NULL;
	int steps = 0;

	full_disk.left = k;
	full_disk.met = false;
	plan(&c, "alice", &token_1);
	if (store_open(&s, p->path, e) == 0)
		steps = enroll(s, &c, e);
	if (steps < 7)
		assert_says(e, ERR_STORE, "disk is full");
	full_disk.left = 1000000;
	store_credential_free(&c);
	store_close(&s);
	return steps;
}

static void a_disk_full_at_any_write_loses_no_step_that_was_reported_done(void **state)
{
	static const enum cred_state after[] = {CRED_PLANNED, CRED_PLANNED, CRED_KEYED,  CRED_REQUESTED,
						CRED_ISSUED,  CRED_WRITTEN, CRED_PROVEN, CRED_DELIVERED};
	struct place *p = *state;
	bool full = true;
	long k;

	for (k = 0; full; k++) {
		struct store_credential c;
		struct err e = ERR_INIT;
		bool found = false;
		int steps = enroll_on_full_disk(p, k, &e);
		struct store *s;

		full = full_disk.met;
		full_disk.left = 1000000;
		s = open_store(p);
		assert_int_equal(store_find(s, "alice", &token_1, &found, &c, &e), 0);
		assert_int_equal(found, steps > 0);
		if (found)
			assert_int_equal(c.state, after[steps]);
		assert_int_equal(records(s), steps ? steps + 2 : 0);
		store_credential_free(&c);
		store_close(&s);
		assert_int_equal(unlink(p->path), 0);
	}
	assert_true(k > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(only_one_process_works_on_a_user_or_a_token),
	    PROMISE(a_user_and_a_token_are_claimed_apart),
	    PROMISE(a_database_is_one_whatever_name_leads_to_it),
	    PROMISE(kill_9_in_the_middle_of_writing_leaves_whole_changes_only),
	    cmocka_unit_test_setup_teardown(a_disk_full_at_any_write_loses_no_step_that_was_reported_done, full_disk_on,
					    full_disk_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
