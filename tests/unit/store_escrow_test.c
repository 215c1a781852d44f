/*
 * What was put into escrow is found again, whatever happens between putting it there and confirming it.
 */
#include "store_fixture.h"

static int64_t put(struct store *s, const struct store_token *t, enum escrow_kind kind, const char *cms)
{
	struct blob b = BLOB_INIT;
	struct err e = ERR_INIT;
	int64_t id = 0;

	blob_set(&b, cms, strlen(cms));
	if (store_escrow_put(s, t, kind, &b, "CN=recovery", &id, &e) == -1)
		fail_msg("%s (%s)", e.what, e.native);
	blob_free(&b);
	assert_true(id > 0);
	return id;
}

/* The list as words, newest first: "cms state, cms state". */
static const char *listed(struct store *s, const struct store_token *t, enum escrow_kind kind)
{
	static char text[256];
	struct store_escrow *list = NULL;
	size_t n = 77;

	assert_int_equal(store_escrow_list(s, t, kind, &list, &n, NULL), 0);
	text[0] = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		assert_int_equal(list[i].kind, kind);
		assert_string_equal(list[i].recipients, "CN=recovery");
		assert_true(labs(list[i].created - time(NULL)) < 60);
		snprintf(text + len, sizeof(text) - len, "%s%s %s", i ? ", " : "", (char *)list[i].cms.data,
			 escrow_state_name(list[i].state));
	}
	store_escrow_free(&list, n);
	assert_null(list);
	return text;
}

static void a_value_is_on_disk_before_it_is_sent_and_confirmed_after(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t first, second;

	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "");
	first = put(s, &token_1, ESCROW_SO_PIN, "one");
	assert_int_equal(
	    sql_int(p, "SELECT count(*) FROM escrow WHERE state = 'pending' AND cms = CAST('one' AS BLOB)"), 1);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "one pending");
	assert_int_equal(store_escrow_confirm(s, first, NULL), 0);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "one confirmed");
	second = put(s, &token_1, ESCROW_SO_PIN, "two");
	store_close(&s);

	/* whatever the token has now, it is there */
	s = open_store(p);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "two pending, one confirmed");
	assert_int_equal(store_escrow_confirm(s, second, NULL), 0);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "two confirmed, one replaced");
	store_close(&s);
}

static void confirming_replaces_older_values_of_that_token_and_kind_only(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token twin = token_1;
	int64_t id;

	strcpy(twin.manufacturer, "somebody else");
	put(s, &token_1, ESCROW_SO_PIN, "lost");
	assert_int_equal(store_escrow_confirm(s, put(s, &token_1, ESCROW_PUK, "puk"), NULL), 0);
	assert_int_equal(store_escrow_confirm(s, put(s, &token_2, ESCROW_SO_PIN, "bob's"), NULL), 0);
	assert_int_equal(store_escrow_confirm(s, put(s, &twin, ESCROW_SO_PIN, "twin's"), NULL), 0);
	id = put(s, &token_1, ESCROW_SO_PIN, "one");
	put(s, &token_1, ESCROW_SO_PIN, "later");
	assert_int_equal(store_escrow_confirm(s, id, NULL), 0);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "later pending, one confirmed, lost replaced");
	assert_string_equal(listed(s, &token_1, ESCROW_PUK), "puk confirmed");
	assert_string_equal(listed(s, &token_2, ESCROW_SO_PIN), "bob's confirmed");
	assert_string_equal(listed(s, &twin, ESCROW_SO_PIN), "twin's confirmed");
	store_close(&s);
}

static void a_value_that_a_later_one_took_the_place_of_cannot_be_confirmed(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct err e = ERR_INIT;
	int64_t first = put(s, &token_1, ESCROW_PUK, "one"), second = put(s, &token_1, ESCROW_PUK, "two");
	uint64_t n;

	assert_int_equal(store_escrow_confirm(s, second, &e), 0);
	n = records(s);
	assert_int_equal(store_escrow_confirm(s, first, &e), -1);
	assert_says(&e, ERR_STORE, "later one");
	assert_int_equal(store_escrow_confirm(s, 4711, &e), -1);
	assert_says(&e, ERR_STORE, "there is none");
	/* twice is once */
	assert_int_equal(store_escrow_confirm(s, second, &e), 0);
	assert_int_equal(records(s), n);
	assert_string_equal(listed(s, &token_1, ESCROW_PUK), "two confirmed, one replaced");
	store_close(&s);
}

static void a_token_that_gets_another_name_has_its_value_under_that_alone(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token blank = token_1;
	struct blob b = BLOB_INIT;
	int64_t id;

	blank.serial[0] = 0;
	id = put(s, &blank, ESCROW_SO_PIN, "for none");
	blob_set(&b, "anew", 4);
	sql(p, "CREATE TRIGGER t BEFORE INSERT ON escrow BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_int_equal(store_escrow_move(s, id, &token_1, ESCROW_SO_PIN, &b, "CN=recovery", &id, NULL), -1);
	assert_string_equal(listed(s, &blank, ESCROW_SO_PIN), "for none pending");
	sql(p, "DROP TRIGGER t");
	assert_int_equal(store_escrow_move(s, id, &token_1, ESCROW_SO_PIN, &b, "CN=recovery", &id, NULL), 0);
	blob_free(&b);
	assert_string_equal(listed(s, &blank, ESCROW_SO_PIN), "for none replaced");
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "anew pending");
	assert_int_equal(store_escrow_confirm(s, id, NULL), 0);
	store_close(&s);
}

static void a_token_that_was_reset_has_none_of_a_kind_any_more(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	uint64_t n;

	assert_int_equal(store_escrow_confirm(s, put(s, &token_1, ESCROW_PUK, "puk"), NULL), 0);
	put(s, &token_1, ESCROW_PUK, "later");
	assert_int_equal(store_escrow_confirm(s, put(s, &token_1, ESCROW_SO_PIN, "so"), NULL), 0);
	assert_int_equal(store_escrow_confirm(s, put(s, &token_2, ESCROW_PUK, "bob's"), NULL), 0);
	n = records(s);
	assert_int_equal(store_escrow_drop(s, &token_1, ESCROW_PUK, NULL), 0);
	assert_int_equal(records(s), n + 1);
	assert_string_equal(listed(s, &token_1, ESCROW_PUK), "later replaced, puk replaced");
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "so confirmed");
	assert_string_equal(listed(s, &token_2, ESCROW_PUK), "bob's confirmed");
	store_close(&s);
}

static void each_step_has_its_record_which_tells_no_secret(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = put(s, &token_1, ESCROW_SO_PIN, "sealed");

	assert_int_equal(records(s), 2); /* the token, too */
	assert_int_equal(store_escrow_confirm(s, id, NULL), 0);
	assert_int_equal(records(s), 3);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'escrow-put' AND token_serial ="
				    " '09faa980baecee43' AND detail = 'so-pin, number 1, for CN=recovery'"),
			 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'escrow-confirm' AND token_serial ="
				    " '09faa980baecee43' AND detail = 'so-pin, number 1'"),
			 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE detail LIKE '%sealed%'"), 0);

	sql(p, "CREATE TRIGGER t BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END");
	struct blob b = BLOB_INIT;
	blob_set(&b, "x", 1);
	assert_int_equal(store_escrow_put(s, &token_1, ESCROW_SO_PIN, &b, "", &id, NULL), -1);
	blob_free(&b);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM escrow"), 1);
	store_close(&s);
}

static void sql_can_neither_delete_nor_change_a_value(void **state)
{
	static const char *const attacks[] = {
	    "DELETE FROM escrow",
	    "UPDATE escrow SET cms = x'00'",
	    "UPDATE escrow SET token = 2",
	    "UPDATE escrow SET kind = 'puk' WHERE id = 1",
	    "INSERT OR REPLACE INTO escrow SELECT id, token, kind, x'00', recipients, state, created FROM escrow",
	    "UPDATE escrow SET state = 'confirmed'",
	    "UPDATE escrow SET state = 'gone'",
	    "INSERT INTO escrow VALUES (9, 1, 'puk', x'', '', 'pending', 0)",
	    "INSERT INTO escrow VALUES (9, 1, 'pin', x'00', '', 'pending', 0)",
	};
	struct place *p = *state;
	struct store *s = open_store(p);

	put(s, &token_1, ESCROW_SO_PIN, "one");
	put(s, &token_1, ESCROW_SO_PIN, "two");
	put(s, &token_2, ESCROW_PUK, "three");
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (sql_try(p, attacks[i]) == SQLITE_OK)
			fail_msg("was possible: %s", attacks[i]);
	assert_string_equal(listed(s, &token_1, ESCROW_SO_PIN), "two pending, one pending");
	store_close(&s);
}

/* Puts and confirms for ever, until it is killed. */
static void write_for_ever(const struct place *p)
{
	struct store *s = NULL;

	if (store_open(&s, p->path, NULL) == -1)
		_exit(1);
	for (;;)
		if (store_escrow_confirm(s, put(s, &token_1, ESCROW_SO_PIN, "x"), NULL) == -1)
			_exit(1);
}

static void killed_between_the_two_the_older_value_is_still_confirmed(void **state)
{
	struct place *p = *state;
	int between = 0;

	for (int run = 0; run < 40 && between < 3; run++) {
		const struct timespec nap = {0, 20000000L + run * 1300000L};
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			write_for_ever(p);
		}
		nanosleep(&nap, NULL);
		kill_child(pid);
		struct store *s = open_store(p);
		int64_t values = sql_int(p, "SELECT count(*) FROM escrow");
		int64_t confirmed = sql_int(p, "SELECT count(*) FROM escrow WHERE state = 'confirmed'");
		int64_t newest = sql_int(p, "SELECT count(*) FROM escrow WHERE state = 'confirmed' AND id ="
					    " (SELECT max(id) FROM escrow)");

		assert_true(values < 2 || confirmed == 1);
		/* more than one where a run was killed before it confirmed anything */
		assert_int_equal(sql_int(p, "SELECT count(*) FROM escrow WHERE state = 'pending'"),
				 sql_int(p, "SELECT count(*) FROM escrow WHERE id > (SELECT coalesce(max(id), 0)"
					    " FROM escrow WHERE state = 'confirmed')"));
		between += values && !newest;
		records(s);
		store_close(&s);
	}
	assert_true(between > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(a_value_is_on_disk_before_it_is_sent_and_confirmed_after),
	    PROMISE(confirming_replaces_older_values_of_that_token_and_kind_only),
	    PROMISE(a_value_that_a_later_one_took_the_place_of_cannot_be_confirmed),
	    PROMISE(a_token_that_gets_another_name_has_its_value_under_that_alone),
	    PROMISE(a_token_that_was_reset_has_none_of_a_kind_any_more),
	    PROMISE(each_step_has_its_record_which_tells_no_secret),
	    PROMISE(sql_can_neither_delete_nor_change_a_value),
	    PROMISE(killed_between_the_two_the_older_value_is_still_confirmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
