/*
 * The audit trail cannot be changed unseen: what was altered, removed or put in is found and named, as far as the
 * database alone can tell; and neither verifying it nor adding to it gets slow.
 */
#include "store_fixture.h"

#include "store/db.h"

#include <inttypes.h>
#include <time.h>

#define BY_FORCE                                                                                      \
	"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DROP TRIGGER audit_only_append;" \
	"DROP TRIGGER audit_moves_head; DROP TRIGGER audit_head_follows; DROP TRIGGER audit_head_stays;"

#define SWAP(a, b)                                                                                    \
	"UPDATE audit SET id = -1 WHERE id = " #a "; UPDATE audit SET id = " #a " WHERE id = " #b ";" \
	"UPDATE audit SET id = " #b " WHERE id = -1"

/* What is found after each kind of attack on a trail of nine records. */
static void whatever_is_changed_by_force_is_found_and_named(void **state)
{
	static const struct {
		const char *attack;
		const char *found[3]; /* beginnings of what is said, in this order */
		size_t n;
	} cases[] = {
	    {"UPDATE audit SET user = 'mallory' WHERE id = 3",
	     {
		 "record 3 was altered; before it is record 2 (20",
	     },
	     1},
	    {"UPDATE audit SET at = at + 1 WHERE id = 4", {"record 4 was altered; before"}, 1},
	    {"UPDATE audit SET login = login || host, host = '' WHERE id = 5", {"record 5 was altered; "}, 1},
	    {"UPDATE audit SET prev = zeroblob(32) WHERE id = 7", {"record 7 was altered; "}, 1},
	    {"UPDATE audit SET hash = zeroblob(32) WHERE id = 7", {"record 7 was altered; "}, 1},
	    {"UPDATE audit SET detail = detail || char(0) WHERE id = 8", {"record 8 was altered; "}, 1},
	    {"UPDATE audit SET detail = '' WHERE id = 9", {"record 9 was altered; "}, 1},
	    {"DELETE FROM audit WHERE id = 6", {"record 6 is missing; before it is record 5 (20"}, 1},
	    {"DELETE FROM audit WHERE id IN (1, 2)",
	     {"records 1 to 2 are missing; before it is none, after it is record 3"},
	     1},
	    {"DELETE FROM audit WHERE id = 9", {"record 9 is missing at the end; before it is record 8"}, 1},
	    {"DELETE FROM audit WHERE id > 4", {"records 5 to 9 are missing at the end; before it is record 4"}, 1},
	    {"DELETE FROM audit", {"records 1 to 9 are missing at the end; before it is none"}, 1},
	    {SWAP(5, 6),
	     {"record 5 was written as number 6; before it is record 4 (20", "record 6 was written as number 5; "},
	     2},
	    {SWAP(2, 8), {"record 2 was written as number 8; ", "record 8 was written as number 2; "}, 2},
	    {"INSERT INTO audit SELECT 0, at, login, sudo_user, host, action, user, token_serial, cert_serial, detail,"
	     " prev, hash FROM audit WHERE id = 3",
	     {"record 0 was inserted; before it is none, after it is record 1 (20"},
	     1},
	    {"INSERT INTO audit SELECT 10, at, login, sudo_user, host, action, user, token_serial, cert_serial, detail,"
	     " prev, hash FROM audit WHERE id = 9",
	     {"record 10 was written as number 9; ", "record 10 was added behind the end; "},
	     2},
	    {"UPDATE audit_head SET hash = zeroblob(32)", {"record 9 was altered; "}, 1},
	    {"DELETE FROM audit_head", {"record 9 is the last one, but audit_head"}, 1},
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store *s = open_store(p);
		struct store_credential c;
		struct trail_report report;
		char text[TRAIL_TEXT_MAX];

		enrolled(s, &c, "alice", &token_1);
		assert_int_equal(records(s), 9);
		sql(p, BY_FORCE);
		sql(p, cases[i].attack);
		report = verified(s);
		if (report.n_all != cases[i].n)
			fail_msg("%s: %zu findings", cases[i].attack, report.n_all);
		for (size_t k = 0; k < report.n_all; k++) {
			trail_finding_text(text, &report.findings[k]);
			if (strncmp(text, cases[i].found[k], strlen(cases[i].found[k])) != 0)
				fail_msg("%s: %s", cases[i].attack, text);
		}
		store_credential_free(&c);
		store_close(&s);
		assert_int_equal(unlink(p->path), 0);
	}
}

static void the_neighbours_of_a_fault_are_named_with_date_and_action(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	struct trail_report report;
	char text[TRAIL_TEXT_MAX];

	enrolled(s, &c, "alice", &token_1);
	sql(p, BY_FORCE "UPDATE audit SET at = 1795600000 WHERE id IN (4, 6); DELETE FROM audit WHERE id = 5");
	report = verified(s);
	for (size_t i = 0; i < report.n; i++)
		if (report.findings[i].fault == TRAIL_MISSING)
			trail_finding_text(text, &report.findings[i]);
	assert_string_equal(text,
			    "record 5 is missing; before it is record 4 (2026-11-25T09:46:40Z, keyed), after it is "
			    "record 6 (2026-11-25T09:46:40Z, issued)");
	store_credential_free(&c);
	store_close(&s);
}

/* Who recomputes a record's hash has to go on to the end; and the end is known. */
static void a_record_rewritten_with_its_hash_is_found_by_the_next(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	struct trail_report report;

	enrolled(s, &c, "alice", &token_1);
	/* another record with a whole hash of its own, from a trail of the same length */
	struct place other = *p;
	snprintf(other.path, sizeof(other.path), "%s/lib/o.db", p->dir);
	struct store *o = open_store(&other);
	struct store_credential d;
	store_close(&s);
	enrolled(o, &d, "mallory", &token_2);
	store_close(&o);
	char attach[512];
	snprintf(attach, sizeof(attach),
		 BY_FORCE "ATTACH '%s' AS o; DELETE FROM audit WHERE id = 4;"
			  "INSERT INTO audit SELECT * FROM o.audit WHERE id = 4",
		 other.path);
	sql(p, attach);
	s = open_store(p);
	report = verified(s);
	assert_int_equal(report.n_all, 2);
	assert_int_equal(report.findings[0].fault, TRAIL_UNLINKED);
	assert_int_equal(report.findings[0].first, 4);
	assert_int_equal(report.findings[1].fault, TRAIL_UNLINKED);
	assert_int_equal(report.findings[1].first, 5);
	store_credential_free(&c);
	store_credential_free(&d);
	store_close(&s);
}

/* The next command must not close the gap. */
static void a_tail_that_was_cut_off_is_missed_also_after_new_records(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	struct trail_report report;

	enrolled(s, &c, "alice", &token_1);
	sql(p, "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE id > 7");
	assert_int_equal(store_audit(s, "test", "", "", "", NULL), 0);
	report = verified(s);
	assert_int_equal(report.n_all, 1);
	assert_int_equal(report.findings[0].fault, TRAIL_MISSING);
	assert_int_equal(report.findings[0].first, 8);
	assert_int_equal(report.findings[0].last, 9);
	assert_int_equal(report.last, 10);
	store_credential_free(&c);
	store_close(&s);
}

static void nothing_is_added_to_a_trail_whose_end_is_not_known(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct err e = ERR_INIT;

	assert_int_equal(store_audit(s, "test", "", "", "", NULL), 0);
	sql(p, "DROP TRIGGER audit_head_stays; DELETE FROM audit_head");
	assert_int_equal(store_audit(s, "test", "", "", "", &e), -1);
	assert_says(&e, ERR_STORE, "does not know any more where its audit trail ends");
	store_close(&s);
}

static void many_faults_are_counted_and_the_first_are_told(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct trail_report report;

	for (int i = 0; i < 60; i++)
		assert_int_equal(store_audit(s, "test", "", "", "", NULL), 0);
	sql(p, "DROP TRIGGER audit_no_update; UPDATE audit SET user = 'mallory' WHERE id > 10");
	report = verified(s);
	assert_int_equal(report.n_all, 50);
	assert_int_equal(report.n, TRAIL_FINDINGS_MAX);
	assert_int_equal(report.findings[TRAIL_FINDINGS_MAX - 1].first, 30);
	store_close(&s);
}

static void a_checkpoint_that_was_removed_is_missed(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct trail_checkpoint c = {.at = 1795600000, .record = 1}, *list = NULL;
	size_t n = 0;

	assert_int_equal(store_audit(s, "test", "", "", "", NULL), 0);
	blob_set(&c.cms, "the signature", 13);
	assert_int_equal(trail_checkpoint_add(s, &c, NULL), 0);
	assert_int_equal(records(s), 2);
	assert_int_equal(trail_checkpoints(s, &list, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].record, 1);
	assert_true(blob_equal(&list[0].cms, &c.cms));
	trail_checkpoints_free(&list, n);
	assert_int_not_equal(sql_try(p, "DELETE FROM checkpoints"), SQLITE_OK);
	assert_int_not_equal(sql_try(p, "UPDATE checkpoints SET record = 2"), SQLITE_OK);
	assert_int_not_equal(
	    sql_try(p, "INSERT OR REPLACE INTO checkpoints SELECT id, at, 7, hash, cms FROM checkpoints"), SQLITE_OK);
	sql(p, "DROP TRIGGER checkpoints_no_delete; DELETE FROM checkpoints");
	struct trail_report report = verified(s);
	assert_int_equal(report.n_all, 1);
	assert_int_equal(report.findings[0].fault, TRAIL_CHECKPOINT_GONE);
	assert_int_equal(report.findings[0].first, 2);
	blob_free(&c.cms);
	store_close(&s);
}

/* ---- listing */

struct listed {
	int64_t ids[64];
	size_t n;
};

static int note_id(void *arg, const struct trail_record *r, struct err *e)
{
	struct listed *l = arg;

	(void)e;
	l->ids[l->n++] = r->id;
	return 0;
}

static void assert_listed(struct store *s, const struct trail_filter *f, int64_t first, int64_t last)
{
	struct listed l = {.n = 0};

	assert_int_equal(trail_each(s, f, note_id, &l, NULL), 0);
	assert_int_equal(l.n, last - first + 1);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(l.ids[i], first + (int64_t)i);
}

static void the_trail_is_listed_by_time_user_and_token_in_order(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);

	assert_listed(s, &(struct trail_filter){.since = 0}, 1, 0);
	for (int i = 0; i < 9; i++)
		assert_int_equal(store_audit(s, "test", i < 3 ? "alice" : "bob", i < 6 ? "11" : "2\n2", "", NULL), 0);
	/* the clock was set back before the sixth */
	sql(p, "DROP TRIGGER audit_no_update; UPDATE audit SET at = 1000 * id; UPDATE audit SET at = 10 WHERE id = 6");
	assert_listed(s, &(struct trail_filter){.since = 0}, 1, 9);
	assert_listed(s, &(struct trail_filter){.since = 7000}, 7, 9);
	assert_listed(s, &(struct trail_filter){.since = 7001}, 8, 9);
	assert_listed(s, &(struct trail_filter){.since = 99999}, 1, 0);
	assert_listed(s, &(struct trail_filter){.user = "alice"}, 1, 3);
	assert_listed(s, &(struct trail_filter){.user = "bob", .since = 7000}, 7, 9);
	assert_listed(s, &(struct trail_filter){.token = "11"}, 1, 6);
	assert_listed(s, &(struct trail_filter){.token = "2\n2"}, 7, 9);
	assert_listed(s, &(struct trail_filter){.token = "11", .user = "bob"}, 4, 6);
	assert_listed(s, &(struct trail_filter){.user = "carol"}, 1, 0);
	store_close(&s);
}

/* ---- its speed */

/* A trail of n records that no program has hashed: only for what does not look at the hashes. */
static void fill(const struct place *p, int64_t n)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 BY_FORCE
		 "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %" PRId64 ")"
		 " INSERT INTO audit SELECT i, i, 'root', '', 'ca', 'keyed', 'u' || (i %% 1000), 't' || (i %% 1000),"
		 " '', 'ec:P-256, CKA_ID 04FF00, was planned', zeroblob(32), zeroblob(32) FROM k;"
		 "UPDATE audit_head SET id = %" PRId64,
		 n, n);
	sql(p, text);
}

static int count_steps(unsigned what, void *arg, void *st, void *unused)
{
	(void)what;
	(void)unused;
	*(int *)arg += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0);
	return 0;
}

enum { ASK_APPEND, ASK_SINCE, ASK_USER, ASK_TOKEN, ASK_INIT, ASK_PIN, ASK_COUNT };

static void ask(struct store *s, int what, int64_t last)
{
	struct listed l = {.n = 0};
	char serial[17];
	bool begun;

	if (what == ASK_APPEND)
		assert_int_equal(store_audit(s, "test", "u7", "t7", "", NULL), 0);
	else if (what == ASK_SINCE)
		assert_int_equal(trail_each(s, &(struct trail_filter){.since = last - 5}, note_id, &l, NULL), 0);
	else if (what == ASK_USER)
		assert_int_equal(
		    trail_each(s, &(struct trail_filter){.user = "u7", .since = last - 500}, note_id, &l, NULL), 0);
	else if (what == ASK_TOKEN)
		assert_int_equal(
		    trail_each(s, &(struct trail_filter){.token = "t7", .since = last - 500}, note_id, &l, NULL), 0);
	else if (what == ASK_INIT)
		assert_int_equal(store_init_begun(s, "u7", &begun, serial, NULL), 0);
	else
		assert_int_equal(store_pin_begun(s, "t7", &begun, NULL), 0);
}

/* In steps of SQLite's machine, which no other program on this computer disturbs. */
static void steps_of(const struct place *p, int64_t n, int ret[ASK_COUNT])
{
	struct store *s = open_store(p);

	store_close(&s);
	fill(p, n);
	s = open_store(p);
	for (int i = 0; i < ASK_COUNT; i++) {
		ret[i] = 0;
		sqlite3_trace_v2(s->db, SQLITE_TRACE_PROFILE, count_steps, &ret[i]);
		ask(s, i, n);
		sqlite3_trace_v2(s->db, 0, NULL, NULL);
	}
	store_close(&s);
	assert_int_equal(unlink(p->path), 0);
}

static void adding_to_the_trail_and_asking_it_gets_no_slower_with_its_size(void **state)
{
	struct place *p = *state;
	int small[ASK_COUNT], big[ASK_COUNT];

	steps_of(p, 2000, small);
	steps_of(p, 40000, big);
	for (int i = 0; i < ASK_COUNT; i++)
		if (big[i] > small[i] + 400)
			fail_msg("question %d: %d steps among 2,000 records, %d among 40,000", i, small[i], big[i]);
}

static void a_million_records_are_verified_in_seconds(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct trail_report report;
	struct timespec from, to;

	store_close(&s);
	fill(p, 1000000);
	s = open_store(p);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	report = verified(s);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	store_close(&s);
	assert_int_equal(report.records, 1000000);
	double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("# 1,000,000 records verified in %.1f s of this processor\n", seconds);
	assert_true(seconds < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(whatever_is_changed_by_force_is_found_and_named),
	    PROMISE(the_neighbours_of_a_fault_are_named_with_date_and_action),
	    PROMISE(a_record_rewritten_with_its_hash_is_found_by_the_next),
	    PROMISE(a_tail_that_was_cut_off_is_missed_also_after_new_records),
	    PROMISE(nothing_is_added_to_a_trail_whose_end_is_not_known),
	    PROMISE(many_faults_are_counted_and_the_first_are_told),
	    PROMISE(a_checkpoint_that_was_removed_is_missed),
	    PROMISE(the_trail_is_listed_by_time_user_and_token_in_order),
	    PROMISE(adding_to_the_trail_and_asking_it_gets_no_slower_with_its_size),
	    PROMISE(a_million_records_are_verified_in_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
