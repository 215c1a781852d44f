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

	/* on a slow machine it takes longer until there is something to be killed in the middle */
	for (int run = 0; run < 12 || (run < 60 && sql_int(p, "SELECT count(*) FROM credentials WHERE state = "
							      "'delivered'") == 0);
	     run++) {
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

/* A disk that is full from the k-th write on, and that tells what a power cut would take: SQLite's own file functions
 * with another xWrite and xSync. Databases and journals have different ones. */
enum { DATABASE, JOURNAL };
static struct {
	const sqlite3_io_methods *real[2];
	sqlite3_io_methods methods[2];
	sqlite3_vfs vfs, *real_vfs;
	long left; /* writes that still succeed */
	bool met;
	long unsynced; /* writes to the journal since it was last synced */
} disk;

static int disk_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	int kind = f->pMethods == &disk.methods[DATABASE] ? DATABASE : JOURNAL;

	disk.unsynced += kind == JOURNAL;
	if (disk.left-- > 0)
		return disk.real[kind]->xWrite(f, data, len, at);
	disk.met = true;
	return SQLITE_FULL;
}

static int disk_sync(sqlite3_file *f, int flags)
{
	int kind = f->pMethods == &disk.methods[DATABASE] ? DATABASE : JOURNAL;

	if (kind == JOURNAL)
		disk.unsynced = 0;
	return disk.real[kind]->xSync(f, flags);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int kind = (flags & SQLITE_OPEN_MAIN_DB) ? DATABASE : JOURNAL;
	int rc = disk.real_vfs->xOpen(disk.real_vfs, name, f, flags, ret_flags);

	(void)vfs;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	disk.real[kind] = f->pMethods;
	disk.methods[kind] = *f->pMethods;
	disk.methods[kind].xWrite = disk_write;
	disk.methods[kind].xSync = disk_sync;
	f->pMethods = &disk.methods[kind];
	return rc;
}

static int disk_on(void **state)
{
	sqlite3_initialize();
	disk.real_vfs = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real_vfs;
	disk.vfs.zName = "disk";
	disk.vfs.xOpen = disk_open;
	sqlite3_vfs_register(&disk.vfs, 1);
	return set_up(state);
}

static int disk_off(void **state)
{
	sqlite3_vfs_unregister(&disk.vfs);
	return tear_down(state);
}

/* Opens and enrolls with room for k writes; returns how many steps the calls said were done. */
static int enroll_on_full_disk(const struct place *p, long k, struct err *e)
{
	struct store_credential c;
	struct store *s = NULL;
	int steps = 0;

	disk.left = k;
	disk.met = false;
	plan(&c, "alice", &token_1);
	if (store_open(&s, p->path, e) == 0)
		steps = enroll(s, &c, e);
	if (steps < 7)
		assert_says(e, ERR_STORE, "disk is full");
	disk.left = 1000000;
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

		full = disk.met;
		disk.left = 1000000;
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

/* A key that the journal says nothing of is found on the token by the CKA_ID that was planned, and a certificate, too;
 * and it can be proven once more. */
static void what_the_token_does_not_tell_outlasts_a_power_cut(void **state)
{
	struct place *p = *state;
	struct store_credential c;
	struct store *s;
	struct err e = ERR_INIT;

	disk.left = 1000000;
	s = open_store(p);
	assert_int_equal(store_claim_user(s, "alice", &e), 0);
	assert_int_equal(store_claim_token(s, &token_1, &e), 0);
	assert_true(disk.unsynced > 0);
	plan(&c, "alice", &token_1);
	assert_int_equal(store_plan(s, &c, &e), 0);
	assert_int_equal(disk.unsynced, 0);
	blob_set(&c.spki, "the public key", 14);
	blob_set(&c.csr, "the request", 11);
	blob_set(&c.cert, "the certificate", 15);
	strcpy(c.cert_serial, "ABAB");
	strcpy(c.pkcs11_id, "SoftHSM\\x20project/x");
	strcpy(c.client_module, "/usr/lib/client.so");
	for (enum cred_state to = CRED_KEYED; to <= CRED_DELIVERED; to++) {
		assert_int_equal(store_advance(s, &c, to, &e), 0);
		assert_int_equal(disk.unsynced > 0, to == CRED_KEYED || to == CRED_WRITTEN || to == CRED_PROVEN);
	}
	/* one that fails leaves the next ones as they are */
	sql(p, "CREATE TRIGGER t BEFORE INSERT ON people BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_int_equal(store_claim_user(s, "bob", &e), -1);
	assert_int_equal(store_advance(s, &c, CRED_DELIVERED, &e), 0);
	assert_int_equal(disk.unsynced, 0);
	store_credential_free(&c);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(only_one_process_works_on_a_user_or_a_token),
	    PROMISE(a_user_and_a_token_are_claimed_apart),
	    PROMISE(a_database_is_one_whatever_name_leads_to_it),
	    PROMISE(kill_9_in_the_middle_of_writing_leaves_whole_changes_only),
	    cmocka_unit_test_setup_teardown(a_disk_full_at_any_write_loses_no_step_that_was_reported_done, disk_on,
					    disk_off),
	    cmocka_unit_test_setup_teardown(what_the_token_does_not_tell_outlasts_a_power_cut, disk_on, disk_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
