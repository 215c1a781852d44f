/*
 * The inventory knows which tokens are lost and which certificates are revoked, says so in the trail once, and gives a
 * token back but never its certificate.
 */
#include "store_fixture.h"

static time_t lost_since(struct store *s, const struct store_token *t)
{
	time_t since = 77;

	assert_int_equal(store_token_lost(s, t, &since, NULL), 0);
	return since;
}

static struct store_token token_of(struct store *s, const char *user)
{
	struct store_issued *list = NULL;
	struct store_token t;
	size_t n = 0;

	assert_int_equal(store_issued(s, user, &list, &n, NULL), 0);
	assert_int_equal(n, 1);
	t = list[0].token;
	free(list);
	return t;
}

static void a_token_is_lost_until_it_is_found_and_the_trail_has_each_once(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c, d;
	struct store_token both[2];
	time_t now = time(NULL);

	assert_int_equal(lost_since(s, &token_1), 0);
	enrolled(s, &c, "alice", &token_1);
	enrolled(s, &d, "bob", &token_2);
	both[0] = token_of(s, "alice");
	both[1] = token_of(s, "bob");
	assert_int_equal(store_lost(s, "alice", both, 1, "keyCompromise", NULL), 0);
	assert_in_range(lost_since(s, &token_1), now, now + 5);
	assert_int_equal(lost_since(s, &token_2), 0);
	/* the first stays lost since then */
	sql(p, "update tokens set lost = lost - 1000 where lost <> 0");
	assert_int_equal(store_lost(s, "alice", both, 2, "keyCompromise", NULL), 0);
	assert_true(lost_since(s, &token_1) < now);
	assert_in_range(lost_since(s, &token_2), now, now + 5);
	assert_int_equal(sql_int(p, "select count(*) from audit where action = 'token-lost'"), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(store_found(s, "alice", &both[0], NULL), 0);
	assert_int_equal(lost_since(s, &token_1), 0);
	assert_int_equal(sql_int(p, "select count(*) from audit where action = 'token-found' and user = 'alice'"), 1);
	assert_true(records(s) > 0);
	store_credential_free(&c);
	store_credential_free(&d);
	store_close(&s);
}

static void a_revoked_certificate_ends_its_credential_and_is_noted_once(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;

	enrolled(s, &c, "alice", &token_1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    store_revoked(s, c.cert_serial, "alice", 1000 + i, i ? "superseded" : "keyCompromise", NULL), 0);
	assert_int_equal(sql_int(p, "select count(*) from credentials where state = 'revoked' and revoked = 1000 and "
				    "reason = 'keyCompromise'"),
			 1);
	/* one that the inventory does not know is in the trail, too */
	for (int i = 0; i < 2; i++)
		assert_int_equal(store_revoked(s, "AB", "a laptop", 1000, "unspecified", NULL), 0);
	assert_int_equal(sql_int(p, "select count(*) from audit where action = 'certificate-revoked'"), 2);
	assert_int_equal(sql_int(p, "select count(*) from people"), 1);
	store_credential_free(&c);
	store_close(&s);
}

static void nothing_of_it_takes_longer_in_a_big_inventory(void **state)
{
	static const char *const queries[] = {
	    "SELECT t.id, c.state FROM credentials c JOIN tokens t ON t.id = c.token WHERE c.person = (SELECT id FROM "
	    "people "
	    "WHERE name = 'x') ORDER BY c.id",
	    "SELECT lost FROM tokens WHERE serial = 'x' AND model = 'x' AND manufacturer = 'x'",
	    "SELECT p.name, c.cert_serial FROM credentials c JOIN people p ON p.id = c.person WHERE c.revoke_at <> 0 "
	    "AND c.revoke_at <= 5 AND c.not_after > 5 AND c.id > 5 ORDER BY c.id LIMIT 1",
	    "SELECT 1 FROM audit WHERE user = 'x' AND action = 'x' AND cert_serial = 'x' LIMIT 1",
	};
	struct place *p = *state;
	struct store *s = open_store(p);

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		char explain[512];
		sqlite3 *db = NULL;
		sqlite3_stmt *st = NULL;

		snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", queries[i]);
		assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &st, NULL), SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			if (strncmp((const char *)sqlite3_column_text(st, 3), "SCAN ", 5) == 0)
				fail_msg("%s: %s", queries[i], (const char *)sqlite3_column_text(st, 3));
		}
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_token_is_lost_until_it_is_found_and_the_trail_has_each_once, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_revoked_certificate_ends_its_credential_and_is_noted_once, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(nothing_of_it_takes_longer_in_a_big_inventory, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
