/*
 * However many people there are: what is asked for one of them, by a filter, or for the status, is found by an index.
 */
#include "core/xalloc.h"
#include "store/db.h"
#include "store/history.h"
#include "store/letter.h"
#include "store/roll.h"
#include "store/roster_report.h"
#include "store/survey.h"
#include "store/timing.h"
#include "store_roster_fixture.h"

static sqlite3 *database;

static bool is_big_scan(const char *step)
{
	static const char *const tables[] = {"credentials", "people", "tokens", "certificates",  "c ",      "p ",
					     "t ",          "l ",     "o ",     "roster_people", "letters", "timings"};

	if (strncmp(step, "SCAN ", 5) != 0)
		return false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strncmp(step + 5, tables[i], strlen(tables[i])) == 0)
			return true;
	return false;
}

/* Fails if a step of the plan goes through all of a table. */
static void assert_uses_an_index(const char *sql)
{
	char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *st = NULL;
	int steps = 0;

	if (sqlite3_prepare_v2(database, explain, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sqlite3_errmsg(database), sql);
	for (; sqlite3_step(st) == SQLITE_ROW; steps++) {
		const char *step = (const char *)sqlite3_column_text(st, 3);

		if (is_big_scan(step))
			fail_msg("%s: %s", step, sql);
	}
	sqlite3_finalize(st);
	assert_true(steps > 0);
	free(explain);
}

static void assert_filter_uses_an_index(const struct roll_filter *f)
{
	char *sql[2] = {roll_credentials_sql(f), roll_certificates_sql(f)};

	for (int i = 0; i < 2; i++) {
		if (sql[i])
			assert_uses_an_index(sql[i]);
		free(sql[i]);
	}
}

static void open_database(const struct place *p)
{
	struct store *s = open_store(p);

	store_close(&s);
	assert_int_equal(sqlite3_open(p->path, &database), SQLITE_OK);
}

static void each_filter_of_the_list_uses_an_index(void **state)
{
	static const unsigned states[] = {0,
					  ROLL_ALL,
					  1U << CRED_DELIVERED,
					  1U << CRED_REVOKED | ROLL_CERT_REVOKED,
					  ROLL_UNFINISHED,
					  ROLL_CERT_VALID};
	struct roll_filter f;

	open_database(*state);
	for (int with = 1; with < 8; with++) {
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
			f = (struct roll_filter){.user = with & 1 ? "al*" : NULL,
						 .model = with & 2 ? "YubiKey*" : NULL,
						 .until = with & 4 ? 2000000000 : 0,
						 .by_end = true,
						 .states = states[i]};
			assert_filter_uses_an_index(&f);
		}
	}
	for (size_t i = 2; i < sizeof(states) / sizeof(states[0]); i++) {
		f = (struct roll_filter){.states = states[i]};
		assert_filter_uses_an_index(&f);
	}
	sqlite3_close(database);
}

static void a_persons_history_uses_an_index(void **state)
{
	open_database(*state);
	for (size_t i = 0; i < history_sql_count; i++)
		assert_uses_an_index(history_sql[i]);
	sqlite3_close(database);
}

static void all_that_the_status_asks_uses_an_index(void **state)
{
	open_database(*state);
	for (size_t i = 0; survey_sql[i]; i++)
		assert_uses_an_index(survey_sql[i]);
	sqlite3_close(database);
}

/* ---- rosters: what is asked is what was run */

#define RUN_MAX 64

struct run {
	char *sql[RUN_MAX];
	size_t n;
};

static int note_statement(unsigned what, void *arg, void *statement, void *text)
{
	struct run *run = arg;
	const char *sql = sqlite3_sql(statement);

	(void)what, (void)text;
	for (size_t i = 0; i < run->n; i++)
		if (strcmp(run->sql[i], sql) == 0)
			return 0;
	assert_true(run->n < RUN_MAX);
	run->sql[run->n++] = xstrdup(sql);
	return 0;
}

static int end_at_once(void *arg, time_t ended, int64_t took)
{
	(void)arg, (void)ended, (void)took;
	return 1;
}

/* Each thing that is done with a roster and its letters. */
static void use_a_roster(struct store *s)
{
	struct roster_person p = {0}, found[2] = {{0}};
	struct store_letter letters[2];
	struct roster_counts counts;
	struct roster_reason reason;
	struct roster_user user;
	struct err why = {.code = ERR_REMOVED};
	const struct blob sealed = {(unsigned char *)(uintptr_t) "x", 1};
	bool there;
	size_t n, all;
	int64_t id = open_three(s), bob = id_of(s, id, "bob"), letter, ms;
	const struct roster_entry less[] = {entry(3, "alice", "Alice"), entry(4, "dave", "Dave")};

	begun(s, bob, "T1");
	store_roster_failed(s, bob, false, &why, NULL);
	store_roster_put_back(s, bob, ROSTER_HELD, "", NULL);
	store_roster_retry(s, bob, NULL);
	finished(s, bob, "T1", 1);
	opened(s, less, 2, &id);
	store_roster_next(s, id, &there, &p, NULL);
	roster_person_free(&p);
	store_roster_by_token(s, id, "T1", &there, &p, NULL);
	roster_person_free(&p);
	store_roster_search(s, id, "da", found, 2, &n, &all, NULL);
	roster_person_free(&found[0]);
	store_roster_page(s, id, ROSTER_WAITING, NULL, found, 2, &n, NULL);
	roster_person_free(&found[0]);
	roster_person_free(&found[1]);
	store_roster_finished(s, id, 0, end_at_once, NULL, NULL);
	store_roster_count(s, id, &counts, NULL);
	store_roster_people(s, id, 0, NULL, &p, 1, &n, NULL);
	roster_person_free(&p);
	store_roster_enrolled(s, id, 0, NULL, &p, 1, &n, NULL);
	roster_person_free(&p);
	store_roster_slowest(s, id, 0, &p, 1, &n, NULL);
	roster_person_free(&p);
	store_roster_reasons(s, id, &reason, 1, &n, NULL);
	store_roster_letters(s, id, &user, 1, &n, &ms, NULL);
	store_letter_put(s, bob, "T1", &sealed, &letter, NULL);
	store_letters_waiting(s, id, 0, letters, 2, &n, NULL);
	store_letter_free(&letters[0]);
	store_letters_count(s, id, &ms, NULL);
	store_letter_printed(s, letter, NULL);
	store_letter_printed(s, letter, NULL);
	store_letter_drop(s, letter, NULL);
	store_letter_find(s, bob, "T1", &there, &letters[0], NULL);
	store_letter_free(&letters[0]);
	store_timing_add(s, "M", KEYTYPE_EC_P256, 1, NULL);
	store_timing_median(s, "M", KEYTYPE_EC_P256, &ms, &n, NULL);
}

static void all_that_a_roster_is_asked_and_told_uses_an_index(void **state)
{
	struct store *s = open_store(*state);
	struct run run = {.n = 0};

	sqlite3_trace_v2(s->db, SQLITE_TRACE_STMT, note_statement, &run);
	use_a_roster(s);
	store_close(&s);
	open_database(*state);
	assert_true(run.n > 30);
	for (size_t i = 0; i < run.n; i++) {
		if (strncmp(run.sql[i], "PRAGMA", 6) != 0 && strncmp(run.sql[i], "INSERT", 6) != 0 &&
		    strncmp(run.sql[i], "BEGIN", 5) != 0 && strncmp(run.sql[i], "COMMIT", 6) != 0)
			assert_uses_an_index(run.sql[i]);
		free(run.sql[i]);
	}
	sqlite3_close(database);
}

static void the_check_knows_a_scan(void **state)
{
	open_database(*state);
	assert_true(is_big_scan("SCAN c USING COVERING INDEX credentials_by_person"));
	assert_true(is_big_scan("SCAN credentials"));
	assert_false(is_big_scan("SEARCH c USING INDEX credentials_by_token (token=?)"));
	sqlite3_close(database);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(each_filter_of_the_list_uses_an_index),
	    PROMISE(a_persons_history_uses_an_index),
	    PROMISE(all_that_the_status_asks_uses_an_index),
	    PROMISE(all_that_a_roster_is_asked_and_told_uses_an_index),
	    PROMISE(the_check_knows_a_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
