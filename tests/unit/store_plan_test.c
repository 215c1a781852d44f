/*
 * However many people there are: what is asked for one of them, by a filter, or for the status, is found by an index.
 */
#include "core/xalloc.h"
#include "store/history.h"
#include "store/roll.h"
#include "store/survey.h"
#include "store_fixture.h"

static sqlite3 *database;

static bool is_big_scan(const char *step)
{
	static const char *const tables[] = {"credentials", "people", "tokens", "certificates", "c ", "p ",
					     "t ",          "l ",     "o "};

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
	    PROMISE(the_check_knows_a_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
