/* Each person of a roster is found when it is their turn, by their token, or by what an operator types, and goes from
 * waiting to done only as it happened. */
#include "core/xalloc.h"
#include "store/timing.h"
#include "store_roster_fixture.h"

/* ---- who is next */

static void people_come_in_the_order_of_the_file(void **state)
{
	struct store *s = open_store(*state);
	/* not in the order in which they came into the database */
	const struct roster_entry first[] = {entry(9, "zoe", "Zoe")};
	const struct roster_entry list[] = {entry(2, "yan", "Yan"), entry(3, "zoe", "Zoe"), entry(4, "abe", "Abe")};
	int64_t id = 0;

	opened(s, first, 1, &id);
	opened(s, list, 3, &id);
	assert_next(s, id, "yan");
	begun(s, id_of(s, id, "yan"), "1");
	assert_next(s, id, "zoe");
	begun(s, id_of(s, id, "zoe"), "2");
	assert_next(s, id, "abe");
	begun(s, id_of(s, id, "abe"), "3");
	assert_next(s, id, NULL);
	store_close(&s);
}

static void who_is_retried_comes_before_the_others(void **state)
{
	struct store *s = open_store(*state);
	struct err why = ERR_INIT;
	int64_t id = open_three(s), carol = id_of(s, id, "carol");

	begun(s, carol, "T3");
	err_set(&why, ERR_REMOVED, "pulled");
	assert_int_equal(store_roster_failed(s, carol, false, &why, NULL), 0);
	assert_next(s, id, "alice");
	assert_int_equal(store_roster_retry(s, carol, NULL), 0);
	assert_next(s, id, "carol");
	/* on the same token or another */
	assert_by_token(s, id, "T3", "carol");
	store_close(&s);
}

static void who_has_a_token_reserved_is_not_next_but_found_by_it(void **state)
{
	struct store *s = open_store(*state);
	struct roster_entry list[] = {entry(2, "alice", "Alice"), entry(3, "bob", "Bob")};
	int64_t id = 0;

	list[0].token_serial = "0aBc";
	opened(s, list, 2, &id);
	assert_next(s, id, "bob");
	assert_by_token(s, id, "0AbC", "alice");
	assert_by_token(s, id, "0abd", NULL);
	begun(s, id_of(s, id, "bob"), "77");
	assert_next(s, id, NULL);
	/* a failure does not set the token free */
	begun(s, id_of(s, id, "alice"), "0abc");
	assert_int_equal(store_roster_failed(s, id_of(s, id, "alice"), false, &(struct err){.code = ERR_PROOF}, NULL),
			 0);
	assert_int_equal(store_roster_retry(s, id_of(s, id, "alice"), NULL), 0);
	assert_next(s, id, NULL);
	assert_by_token(s, id, "0abc", "alice");
	store_close(&s);
}

static void withdrawn_people_are_neither_next_nor_found(void **state)
{
	struct store *s = open_store(*state);
	struct roster_person found[2];
	size_t n = 0, all = 0;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");
	const struct roster_entry list[] = {entry(2, "bob", "Bob")};

	begun(s, alice, "T1");
	opened(s, list, 1, &id);
	assert_next(s, id, "bob");
	assert_int_equal(store_roster_search(s, id, "alice", found, 2, &n, &all, NULL), 0);
	assert_int_equal(all, 0);
	/* but whose the token is is still known */
	struct roster_person p = {0};
	bool there = false;
	assert_int_equal(store_roster_by_token(s, id, "T1", &there, &p, NULL), 0);
	assert_true(there && p.withdrawn);
	assert_string_equal(p.user, "alice");
	roster_person_free(&p);
	/* somebody of the roster comes before */
	begun(s, id_of(s, id, "bob"), "T1");
	assert_by_token(s, id, "T1", "bob");
	store_close(&s);
}

static void a_token_is_of_who_runs_with_it_then_of_whom_the_file_names_then_of_who_is_done(void **state)
{
	struct store *s = open_store(*state);
	struct roster_entry list[] = {entry(2, "alice", "Alice"), entry(3, "bob", "Bob"), entry(4, "carol", "Carol")};
	int64_t id = 0;

	list[0].token_serial = "T1";
	opened(s, list, 3, &id);
	finished(s, id_of(s, id, "bob"), "T1", 5);
	assert_by_token(s, id, "T1", "alice");
	begun(s, id_of(s, id, "carol"), "T1");
	assert_by_token(s, id, "T1", "carol");
	finished(s, id_of(s, id, "alice"), "T2", 5);
	assert_by_token(s, id, "T2", "alice");
	store_close(&s);
}

/* ---- whom an operator means */

static void assert_search(struct store *s, int64_t roster, const char *typed, const char *users, size_t want_all)
{
	struct roster_person found[3];
	char got[256] = "";
	size_t n = 0, all = 0;

	assert_int_equal(store_roster_search(s, roster, typed, found, 3, &n, &all, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, found[i].user);
		roster_person_free(&found[i]);
	}
	assert_string_equal(got, users);
	assert_int_equal(all, want_all);
}

static int64_t open_for_search(struct store *s)
{
	struct roster_entry list[] = {
	    entry(2, "ann", "Ann Lee"),
	    entry(3, "anna.k", "Anna Karenina"),
	    entry(4, "annal", "Anna Lee-Jones"),
	    entry(5, "mueller",
		  "\xC3\x9C"
		  "rs M\xC3\xBCller"),
	    entry(6, "ivan", "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD"),
	    entry(7, "x1", "Smith, Karen"),
	    entry(8, "x2", ""),
	};
	int64_t id = 0;

	list[0].email = "Ann.Lee@Example.com";
	opened(s, list, sizeof(list) / sizeof(list[0]), &id);
	return id;
}

static void an_operator_types_a_user_an_address_or_how_a_name_begins(void **state)
{
	struct store *s = open_store(*state);
	int64_t id = open_for_search(s);

	assert_search(s, id, "ann", "ann", 1);
	assert_search(s, id, " ANN\r\n", "ann", 1);
	assert_search(s, id, "ann.lee@example.COM", "ann", 1);
	assert_search(s, id, "anna", "anna.k annal", 2);
	assert_search(s, id, "an", "ann anna.k annal", 3);
	assert_search(s, id, "Anna K", "anna.k", 1);
	assert_search(s, id, "karenina", "anna.k", 1);
	assert_search(s, id, "lee", "ann annal", 2);
	assert_search(s, id, "\xC3\xBCRS", "mueller", 1);
	assert_search(s, id, "m\xC3\x9C", "mueller", 1);
	assert_search(s, id, "\xD0\xB8\xD0\x92", "ivan", 1);
	assert_search(s, id, "smith, k", "x1", 1);
	assert_search(s, id, "karen", "anna.k", 1);
	assert_search(s, id, "nobody", "", 0);
	assert_search(s, id, "", "", 0);
	assert_search(s, id, "  ", "", 0);
	assert_search(s, id, "%", "", 0);
	assert_search(s, id, "a' OR '1'='1", "", 0);
	store_close(&s);
}

static void a_whole_name_is_meant_also_if_others_begin_with_it(void **state)
{
	struct store *s = open_store(*state);
	int64_t id = open_for_search(s);

	assert_search(s, id, "ANN LEE", "ann", 1);
	store_close(&s);
}

static void more_than_fit_are_counted(void **state)
{
	struct store *s = open_store(*state);
	struct roster_entry list[1500];
	char *users = xcalloc(1500, 16);
	int64_t id = 0;

	for (size_t i = 0; i < 1500; i++) {
		snprintf(users + 16 * i, 16, "user%zu", i);
		list[i] = entry((long)i + 2, users + 16 * i, "");
	}
	opened(s, list, 1500, &id);
	assert_search(s, id, "user149", "user149", 1);
	assert_search(s, id, "user14", "user14", 1);
	assert_search(s, id, "user", "user0 user1 user2", 1000);
	free(users);
	store_close(&s);
}

/* ---- the way of a person */

static void an_enrollment_leaves_who_got_what_when_and_where(void **state)
{
	struct store *s = open_store(*state);
	const struct store_token t = token("T1");
	int64_t id = open_three(s), alice = id_of(s, id, "alice");
	time_t now = time(NULL);

	begun(s, alice, "");
	struct roster_person p = person(s, id, "alice");
	assert_int_equal(p.state, ROSTER_RUNNING);
	assert_string_equal(p.token.serial, "");
	assert_string_equal(p.token.model, "Model");
	assert_string_equal(p.token.label, "VPN");
	assert_string_equal(p.reader, "Reader 1");
	assert_true(p.began >= now && p.ended == 0);
	assert_int_equal(p.attempts, 1);
	roster_person_free(&p);
	/* blank until it was initialized */
	assert_int_equal(store_roster_done(s, alice, &t, "0A1B", 4321, NULL), 0);
	p = person(s, id, "alice");
	assert_int_equal(p.state, ROSTER_DONE);
	assert_string_equal(p.token.serial, "T1");
	assert_string_equal(p.cert_serial, "0A1B");
	assert_true(p.ended >= p.began);
	assert_int_equal(p.took, 4321);
	roster_person_free(&p);
	store_close(&s);
}

static void whoever_has_a_half_done_token_waits_for_that_one(void **state)
{
	struct store *s = open_store(*state);
	struct err why = ERR_INIT;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");

	err_set(&why, ERR_REMOVED, "pulled out");
	begun(s, alice, "T1");
	assert_int_equal(store_roster_failed(s, alice, true, &why, NULL), 0);
	store_close(&s);
	s = open_store(*state);
	id = open_three(s);
	assert_next(s, id, "bob");
	struct roster_person p = person(s, id, "alice");
	assert_int_equal(p.state, ROSTER_WAITING);
	assert_string_equal(p.reserved, "T1");
	roster_person_free(&p);
	store_close(&s);
}

static void a_failure_leaves_its_code_and_its_words(void **state)
{
	struct store *s = open_store(*state);
	struct err why = ERR_INIT;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");

	begun(s, alice, "T1");
	err_set(&why, ERR_PIN_LOCKED, "the PIN of token T1 is locked");
	assert_int_equal(store_roster_failed(s, alice, false, &why, NULL), 0);
	struct roster_person p = person(s, id, "alice");
	assert_int_equal(p.state, ROSTER_FAILED);
	assert_string_equal(p.code, "PIN_LOCKED");
	assert_string_equal(p.why, "the PIN of token T1 is locked");
	assert_true(p.ended != 0);
	roster_person_free(&p);
	/* the next try forgets it */
	begun(s, alice, "T2");
	p = person(s, id, "alice");
	assert_string_equal(p.why, "");
	assert_string_equal(p.token.serial, "T2");
	assert_int_equal(p.attempts, 2);
	roster_person_free(&p);
	store_close(&s);
}

static void nobody_gets_two_tokens_at_once_or_again(void **state)
{
	struct store *s = open_store(*state);
	const struct store_token t = token("T9"), first = token("T1");
	struct err e = ERR_INIT;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");

	begun(s, alice, "T1");
	assert_int_equal(store_roster_begin(s, alice, &t, "Reader 2", &e), -1);
	assert_says(&e, ERR_BUSY, "has a token already, or is getting one");
	assert_int_equal(store_roster_put_back(s, alice, ROSTER_HELD, "", &e), -1);
	assert_int_equal(store_roster_retry(s, alice, &e), -1);
	assert_int_equal(store_roster_done(s, alice, &first, "AB", 1, NULL), 0);
	assert_int_equal(store_roster_begin(s, alice, &t, "Reader 2", &e), -1);
	assert_int_equal(store_roster_put_back(s, alice, ROSTER_SKIPPED, "", &e), -1);
	assert_int_equal(store_roster_done(s, alice, &t, "CD", 1, &e), -1);
	assert_says(&e, ERR_STORE, "nothing runs for this person");
	assert_int_equal(store_roster_failed(s, alice, false, &e, NULL), -1);
	struct roster_person p = person(s, id, "alice");
	assert_string_equal(p.token.serial, "T1");
	assert_string_equal(p.cert_serial, "AB");
	roster_person_free(&p);
	store_close(&s);
}

static void what_was_undone_is_as_if_it_had_not_been(void **state)
{
	struct store *s = open_store(*state);
	int64_t id = open_three(s), bob = id_of(s, id, "bob");

	finished(s, bob, "T1", 10);
	assert_by_token(s, id, "t1", "bob");
	assert_int_equal(store_roster_retry(s, bob, NULL), 0);
	assert_by_token(s, id, "T1", NULL);
	assert_next(s, id, "bob");
	store_close(&s);
}

static void what_is_being_undone_waits_for_its_token_until_that_is_over_also_in_later_runs(void **state)
{
	struct store *s = open_store(*state);
	struct err e = ERR_INIT;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");

	assert_int_equal(store_roster_undo(s, alice, &e), -1);
	assert_says(&e, ERR_STORE, "nothing that could be taken back");
	finished(s, alice, "T1", 10);
	assert_int_equal(store_roster_undo(s, alice, NULL), 0);
	store_close(&s);
	s = open_store(*state);
	assert_int_equal(open_three(s), id);
	struct roster_person p = person(s, id, "alice");
	assert_true(roster_is_undoing(&p));
	assert_string_equal(p.cert_serial, "ABCD");
	roster_person_free(&p);
	assert_by_token(s, id, "T1", "alice");
	assert_next(s, id, "bob");
	assert_int_equal(store_roster_retry(s, alice, NULL), 0);
	p = person(s, id, "alice");
	assert_false(roster_is_undoing(&p));
	roster_person_free(&p);
	assert_by_token(s, id, "T1", NULL);
	assert_next(s, id, "alice");
	store_close(&s);
}

/* ---- what a screen and a report ask */

static void states_are_counted(void **state)
{
	struct store *s = open_store(*state);
	struct roster_counts c;
	int64_t id = open_three(s);

	finished(s, id_of(s, id, "alice"), "T1", 10);
	assert_int_equal(store_roster_put_back(s, id_of(s, id, "bob"), ROSTER_HELD, "", NULL), 0);
	assert_int_equal(store_roster_count(s, id, &c, NULL), 0);
	assert_int_equal(c.states[ROSTER_DONE], 1);
	assert_int_equal(c.states[ROSTER_HELD], 1);
	assert_int_equal(c.states[ROSTER_WAITING], 1);
	assert_int_equal(c.left, 2);
	assert_int_equal(c.withdrawn, 0);
	assert_int_equal(store_roster_count(s, 4711, &c, NULL), 0);
	assert_int_equal(c.left, 0);
	store_close(&s);
}

static void people_of_a_state_are_listed_page_by_page(void **state)
{
	struct store *s = open_store(*state);
	struct roster_entry list[7];
	char users[7][8];
	struct roster_person page[3], last = {0};
	int64_t id = 0;
	size_t n = 3, seen = 0;

	for (int i = 0; i < 7; i++) {
		snprintf(users[i], sizeof(users[i]), "u%d", i);
		list[i] = entry(i + 2, users[i], "");
	}
	opened(s, list, 7, &id);
	finished(s, id_of(s, id, "u3"), "T3", 1);
	for (bool first = true; n == 3; first = false) {
		assert_int_equal(store_roster_page(s, id, ROSTER_WAITING, first ? NULL : &last, page, 3, &n, NULL), 0);
		for (size_t i = 0; i < n; i++, seen++) {
			assert_string_equal(page[i].user, users[seen < 3 ? seen : seen + 1]);
			last.line = page[i].line;
			last.id = page[i].id;
			roster_person_free(&page[i]);
		}
	}
	assert_int_equal(seen, 6);
	assert_int_equal(store_roster_page(s, id, ROSTER_DONE, NULL, page, 3, &n, NULL), 0);
	assert_int_equal(n, 1);
	roster_person_free(&page[0]);
	store_close(&s);
}

static int add_up(void *arg, time_t ended, int64_t took)
{
	int64_t *sum = arg;

	assert_true(ended > 0);
	*sum = *sum * 100 + took;
	return *sum > 999 ? 1 : 0;
}

static void finished_enrollments_are_told_in_their_order(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = open_three(s), sum = 0;

	finished(s, id_of(s, id, "carol"), "T3", 11);
	finished(s, id_of(s, id, "alice"), "T1", 22);
	finished(s, id_of(s, id, "bob"), "T2", 33);
	sql(p, "UPDATE roster_people SET ended = 1000 + 10 * line");
	assert_int_equal(store_roster_finished(s, id, 1021, add_up, &sum, NULL), 0);
	assert_int_equal(sum, 3311);
	sum = 0;
	assert_int_equal(store_roster_finished(s, id, 2000, add_up, &sum, NULL), 0);
	assert_int_equal(sum, 0);
	store_close(&s);
}

static void assert_median(struct store *s, const char *model, unsigned key_type, int64_t ms, size_t n)
{
	int64_t got = -1;
	size_t got_n = 0;

	assert_int_equal(store_timing_median(s, model, key_type, &got, &got_n, NULL), 0);
	assert_int_equal(got, ms);
	assert_int_equal(got_n, n);
}

static void how_long_a_key_takes_is_known_by_model_and_type(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);

	assert_median(s, "YubiKey YK5", KEYTYPE_RSA_2048, 0, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    store_timing_add(s, "YubiKey YK5", KEYTYPE_RSA_2048, (int64_t[]){9, 1, 7, 100000, 5}[i], NULL), 0);
	assert_median(s, "YubiKey YK5", KEYTYPE_RSA_2048, 7, 5);
	assert_int_equal(store_timing_add(s, "YubiKey YK5", KEYTYPE_RSA_2048, 9, NULL), 0);
	assert_median(s, "YubiKey YK5", KEYTYPE_RSA_2048, 8, 6);
	assert_median(s, "YubiKey YK5", KEYTYPE_EC_P256, 0, 0);
	assert_median(s, "YubiKey YK4", KEYTYPE_RSA_2048, 0, 0);
	/* only the latest are kept, of each kind for itself */
	for (int i = 0; i < TIMINGS_KEPT + 20; i++)
		assert_int_equal(store_timing_add(s, "YubiKey YK4", KEYTYPE_RSA_2048, i < 20 ? 1 : 50, NULL), 0);
	assert_median(s, "YubiKey YK4", KEYTYPE_RSA_2048, 50, TIMINGS_KEPT);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM timings"), TIMINGS_KEPT + 6);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM timings WHERE took = 1"), 1);
	store_close(&s);
}

static void a_row_that_somebody_else_has_changed_is_told(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct roster_person who;
	struct err e = ERR_INIT;
	bool found;
	int64_t id = open_three(s);

	sql(p, "UPDATE roster_people SET key_type = 'dsa:512'");
	assert_int_equal(store_roster_next(s, id, &found, &who, &e), -1);
	assert_says(&e, ERR_STORE, "that tokenroll did not write");
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(people_come_in_the_order_of_the_file),
	    PROMISE(who_is_retried_comes_before_the_others),
	    PROMISE(who_has_a_token_reserved_is_not_next_but_found_by_it),
	    PROMISE(withdrawn_people_are_neither_next_nor_found),
	    PROMISE(a_token_is_of_who_runs_with_it_then_of_whom_the_file_names_then_of_who_is_done),
	    PROMISE(an_operator_types_a_user_an_address_or_how_a_name_begins),
	    PROMISE(a_whole_name_is_meant_also_if_others_begin_with_it),
	    PROMISE(more_than_fit_are_counted),
	    PROMISE(an_enrollment_leaves_who_got_what_when_and_where),
	    PROMISE(whoever_has_a_half_done_token_waits_for_that_one),
	    PROMISE(a_failure_leaves_its_code_and_its_words),
	    PROMISE(nobody_gets_two_tokens_at_once_or_again),
	    PROMISE(what_was_undone_is_as_if_it_had_not_been),
	    PROMISE(what_is_being_undone_waits_for_its_token_until_that_is_over_also_in_later_runs),
	    PROMISE(states_are_counted),
	    PROMISE(people_of_a_state_are_listed_page_by_page),
	    PROMISE(finished_enrollments_are_told_in_their_order),
	    PROMISE(how_long_a_key_takes_is_known_by_model_and_type),
	    PROMISE(a_row_that_somebody_else_has_changed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
