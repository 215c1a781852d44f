/* A roster lives on in the database: a second run goes on with who is left, and no two stations have it at once. */
#include "store_roster_fixture.h"

#include <sys/resource.h>
#include <time.h>

/* ---- the same file again */

static void the_first_time_all_are_new(void **state)
{
	struct store *s = open_store(*state);
	const struct roster_entry list[] = {entry(2, "alice", "Alice"), entry(3, "bob", "Bob")};
	int64_t id = 0;
	struct roster_merged m = opened(s, list, 2, &id);

	assert_true(id > 0);
	assert_int_equal(m.people, 2);
	assert_int_equal(m.added, 2);
	assert_int_equal(m.changed + m.changed_done + m.withdrawn + m.resumed, 0);
	assert_int_equal(m.now.left, 2);
	assert_int_equal(m.now.states[ROSTER_WAITING], 2);
	store_close(&s);
}

static void who_is_done_stays_done_and_the_others_are_left(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = open_three(s);

	finished(s, id_of(s, id, "bob"), "1", 10);
	store_close(&s);
	s = open_store(p);
	const struct roster_entry list[] = {entry(2, "alice", "Alice M\xC3\xBCller"), entry(3, "bob", "Bob"),
					    entry(4, "carol", "Carol")};
	int64_t again = 0;
	struct roster_merged m = opened(s, list, 3, &again);
	assert_int_equal(again, id);
	assert_int_equal(m.added + m.changed + m.changed_done + m.withdrawn, 0);
	assert_int_equal(m.now.states[ROSTER_DONE], 1);
	assert_int_equal(m.now.left, 2);
	assert_next(s, id, "alice");
	store_close(&s);
}

static void new_lines_are_added_changed_ones_updated_and_missing_ones_withdrawn(void **state)
{
	struct store *s = open_store(*state);
	int64_t id = open_three(s);
	const struct roster_entry list[] = {entry(2, "dave", "Dave"), entry(3, "alice", "Alice Smith"),
					    entry(4, "carol", "Carol")};
	struct roster_merged m = opened(s, list, 3, &id);
	struct roster_counts c;

	assert_int_equal(m.added, 1);
	assert_int_equal(m.changed, 1);
	assert_int_equal(m.withdrawn, 1);
	assert_int_equal(m.now.left, 3);
	assert_int_equal(m.now.withdrawn, 1);
	assert_int_equal(store_roster_count(s, id, &c, NULL), 0);
	assert_memory_equal(&c, &m.now, sizeof(c));
	assert_next(s, id, "dave");
	struct roster_person p = person(s, id, "alice");
	assert_string_equal(p.name, "Alice Smith");
	assert_int_equal(p.line, 3);
	roster_person_free(&p);
	/* bob comes back */
	const struct roster_entry more[] = {entry(2, "dave", "Dave"), entry(3, "alice", "Alice Smith"),
					    entry(4, "carol", "Carol"), entry(5, "bob", "Bob")};
	m = opened(s, more, 4, &id);
	assert_int_equal(m.added, 1);
	assert_int_equal(m.changed, 0);
	assert_int_equal(m.now.withdrawn, 0);
	assert_int_equal(m.now.left, 4);
	store_close(&s);
}

static void of_who_is_done_nothing_is_changed_but_that_is_counted(void **state)
{
	struct store *s = open_store(*state);
	int64_t id = open_three(s), bob = id_of(s, id, "bob");
	struct roster_entry list[] = {entry(2, "alice", "Alice M\xC3\xBCller"), entry(3, "bob", "Robert"),
				      entry(4, "carol", "Carol")};

	finished(s, bob, "1", 10);
	struct roster_merged m = opened(s, list, 3, &id);
	assert_int_equal(m.changed, 0);
	assert_int_equal(m.changed_done, 1);
	struct roster_person p = person(s, id, "bob");
	assert_string_equal(p.name, "Bob");
	assert_int_equal(p.state, ROSTER_DONE);
	assert_string_equal(p.cert_serial, "ABCD");
	roster_person_free(&p);
	/* gone from the file, done all the same */
	list[1] = list[2];
	m = opened(s, list, 2, &id);
	assert_int_equal(m.withdrawn, 0);
	assert_int_equal(m.now.states[ROSTER_DONE], 1);
	assert_int_equal(m.now.withdrawn, 0);
	assert_int_equal(m.now.left, 2);
	assert_state(s, bob, ROSTER_DONE);
	struct roster_counts c;
	assert_int_equal(store_roster_count(s, id, &c, NULL), 0);
	assert_memory_equal(&c, &m.now, sizeof(c));
	store_close(&s);
}

static void each_column_that_changes_is_a_change(void **state)
{
	struct store *s = open_store(*state);
	struct roster_entry x = entry(2, "alice", "Alice");
	int64_t id = 0;

	opened(s, &x, 1, &id);
	for (int i = 0; i < 8; i++) {
		const char **texts[] = {&x.name, &x.email, &x.department, &x.language, &x.token_serial, &x.extra};

		if (i < 6)
			*texts[i] = i == 3 ? "de" : "other";
		else if (i == 6)
			x.key_type = KEYTYPE_EC_P384;
		else
			x.user = "Alice";
		struct roster_merged m = opened(s, &x, 1, &id);
		assert_int_equal(m.changed, 1);
		assert_int_equal(m.added, 0);
		m = opened(s, &x, 1, &id);
		assert_int_equal(m.changed, 0);
	}
	struct roster_person p = person(s, id, "Alice");
	assert_string_equal(p.email, "other");
	assert_string_equal(p.wanted, "other");
	assert_string_equal(p.reserved, "other");
	assert_string_equal(p.language, "de");
	assert_int_equal(p.key_type, KEYTYPE_EC_P384);
	assert_string_equal(p.extra, "other");
	roster_person_free(&p);
	store_close(&s);
}

static void two_files_are_two_rosters(void **state)
{
	struct store *s = open_store(*state);
	struct roster_source *list = NULL;
	struct roster_entry x = entry(2, "alice", "Alice");
	struct roster_merged m;
	int64_t one = open_three(s), other = 0;
	size_t n = 0;

	assert_int_equal(store_roster_open(s, "-", &x, 1, &other, &m, NULL), 0);
	assert_int_not_equal(one, other);
	assert_int_equal(m.added, 1);
	assert_int_equal(store_rosters(s, &list, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].source, "-");
	assert_true(list[0].opened > 0);
	roster_sources_free(&list, n);
	assert_null(list);
	store_close(&s);
}

static void each_opening_is_one_record_of_the_trail(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = open_three(s);

	finished(s, id_of(s, id, "bob"), "1", 10);
	open_three(s);
	assert_int_equal(records(s), 2);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'roster-opened' AND detail LIKE"
				    " '/srv/roster.csv: 3 people, 3 of them new, % 0 done, 3 left'"),
			 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE detail LIKE '% 0 of them new, % 1 done, 2 left'"),
			 1);
	store_close(&s);
}

static void a_list_that_names_somebody_twice_changes_nothing(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	const struct roster_entry list[] = {entry(2, "dave", "Dave"), entry(3, "erin", "Erin"),
					    entry(4, "DAVE", "Dave")};
	struct roster_merged m;
	struct err e = ERR_INIT;
	int64_t id = 0;

	assert_int_equal(store_roster_open(s, SOURCE, list, 3, &id, &m, &e), -1);
	assert_says(&e, ERR_STORE, "contradicts");
	assert_int_equal(sql_int(p, "SELECT count(*) FROM roster_people"), 0);
	assert_int_equal(records(s), 0);
	store_close(&s);
}

static void a_preview_tells_the_same_and_changes_nothing(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = open_three(s), before = sql_int(p, "SELECT count(*) FROM audit");
	const struct roster_entry list[] = {entry(2, "dave", "Dave"), entry(3, "alice", "Alice Smith"),
					    entry(4, "carol", "Carol")};
	struct roster_merged preview, real;
	bool known = false;

	begun(s, id_of(s, id, "alice"), "1");
	assert_int_equal(store_roster_put_back(s, id_of(s, id, "carol"), ROSTER_HELD, "", NULL), 0);
	assert_int_equal(store_roster_preview(s, SOURCE, list, 3, &preview, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM roster_people"), 3);
	assert_state(s, id_of(s, id, "alice"), ROSTER_RUNNING);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit"), before);
	assert_int_equal(preview.resumed, 1);
	assert_int_equal(preview.now.states[ROSTER_HELD], 1);
	real = opened(s, list, 3, &id);
	assert_memory_equal(&preview, &real, sizeof(real));
	/* of a file that was never opened */
	assert_int_equal(store_roster_preview(s, "/other.csv", list, 3, &preview, NULL), 0);
	assert_int_equal(preview.added, 3);
	assert_int_equal(store_roster_known(s, "/other.csv", &known, NULL), 0);
	assert_false(known);
	store_close(&s);
}

/* ---- after a crash */

static void who_was_running_waits_first_and_for_the_same_token(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t id = open_three(s);
	struct roster_merged m;

	begun(s, id_of(s, id, "carol"), "T3");
	store_close(&s);
	s = open_store(p);
	const struct roster_entry list[] = {entry(2, "alice", "Alice M\xC3\xBCller"), entry(3, "bob", "Bob"),
					    entry(4, "carol", "Caroline")};
	m = opened(s, list, 3, &id);
	assert_int_equal(m.resumed, 1);
	assert_int_equal(m.changed, 1);
	struct roster_person c = person(s, id, "carol");
	assert_int_equal(c.state, ROSTER_WAITING);
	assert_true(c.front);
	assert_string_equal(c.reserved, "T3");
	assert_string_equal(c.name, "Caroline");
	assert_int_equal(c.attempts, 1);
	/* another token goes to the others */
	assert_by_token(s, id, "t3", "carol");
	assert_next(s, id, "alice");
	/* unless the operator says that this one does not come back */
	assert_int_equal(store_roster_retry(s, c.id, NULL), 0);
	assert_next(s, id, "carol");
	roster_person_free(&c);
	store_close(&s);
}

static void assert_token_of(struct store *s, int64_t id, const char *user, const char *token)
{
	struct roster_person p = person(s, id, user);

	assert_string_equal(p.wanted, token);
	assert_string_equal(p.reserved, token);
	roster_person_free(&p);
	assert_by_token(s, id, token, user);
}

static void a_token_that_the_file_names_now_is_for_that_person_whatever_was_before(void **state)
{
	struct store *s = open_store(*state);
	struct err why = {.code = ERR_REMOVED};
	int64_t id = open_three(s);
	struct roster_entry list[] = {entry(2, "alice", "Alice M\xC3\xBCller"), entry(3, "bob", "Bob"),
				      entry(4, "carol", "Carol")};

	begun(s, id_of(s, id, "alice"), "T0");
	finished(s, id_of(s, id, "bob"), "T1", 5);
	begun(s, id_of(s, id, "carol"), "T2");
	assert_int_equal(store_roster_failed(s, id_of(s, id, "carol"), true, &why, NULL), 0);
	list[0].token_serial = "T5";
	list[1].token_serial = "T6";
	list[2].token_serial = "T7";
	opened(s, list, 3, &id);
	assert_token_of(s, id, "alice", "T5");
	assert_token_of(s, id, "bob", "T6");
	assert_token_of(s, id, "carol", "T7");
	/* and the ones that they had are still known with them */
	assert_by_token(s, id, "T0", "alice");
	assert_by_token(s, id, "T1", "bob");
	assert_by_token(s, id, "T2", "carol");
	/* also when they have tried another one */
	begun(s, id_of(s, id, "alice"), "T0");
	opened(s, list, 3, &id);
	assert_token_of(s, id, "alice", "T5");
	begun(s, id_of(s, id, "alice"), "T0");
	assert_int_equal(store_roster_failed(s, id_of(s, id, "alice"), true, &why, NULL), 0);
	assert_token_of(s, id, "alice", "T5");
	store_close(&s);
}

static void who_failed_or_was_skipped_is_in_line_again_and_who_is_held_is_not(void **state)
{
	struct store *s = open_store(*state);
	struct err why = ERR_INIT;
	int64_t id = open_three(s), alice = id_of(s, id, "alice");

	begun(s, alice, "T1");
	err_set(&why, ERR_REMOVED, "the token was pulled");
	assert_int_equal(store_roster_failed(s, alice, false, &why, NULL), 0);
	assert_int_equal(store_roster_put_back(s, id_of(s, id, "bob"), ROSTER_SKIPPED, "", NULL), 0);
	assert_int_equal(store_roster_put_back(s, id_of(s, id, "carol"), ROSTER_HELD, "no passport", NULL), 0);
	assert_next(s, id, NULL);
	open_three(s);
	assert_next(s, id, "alice");
	assert_state(s, id_of(s, id, "bob"), ROSTER_WAITING);
	struct roster_person p = person(s, id, "carol");
	assert_int_equal(p.state, ROSTER_HELD);
	assert_string_equal(p.why, "no passport");
	roster_person_free(&p);
	/* why it failed is known until the next try */
	p = person(s, id, "alice");
	assert_string_equal(p.code, "REMOVED");
	assert_string_equal(p.why, "the token was pulled");
	roster_person_free(&p);
	store_close(&s);
}

/* A process that opens the roster, says so, and holds on. */
static pid_t open_in_child(const struct place *p)
{
	int said[2];
	char ok = 0;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct store *s = open_store(p);
		int64_t id = open_three(s);
		begun(s, id_of(s, id, "bob"), "T2");
		ok = 1;
		if (write(said[1], &ok, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	assert_int_equal(read(said[0], &ok, 1), 1);
	close(said[0]);
	return pid;
}

static void a_second_station_is_refused_and_told_by_whom(void **state)
{
	struct place *p = *state;
	pid_t pid = open_in_child(p);
	struct store *s = open_store(p);
	struct roster_entry x = entry(2, "alice", "Alice");
	struct roster_merged m;
	struct err e = ERR_INIT;
	char who[32], holder[ROSTER_HOLDER_MAX];
	int64_t id = 0;

	snprintf(who, sizeof(who), "process %ld of ", (long)pid);
	assert_int_equal(store_roster_open(s, SOURCE, &x, 1, &id, &m, &e), -1);
	assert_says(&e, ERR_BUSY, who);
	assert_says(&e, ERR_BUSY, SOURCE " is open at another station");
	assert_says(&e, ERR_BUSY, ", since 20");
	assert_says(&e, ERR_BUSY, "Go on at that station");
	assert_int_equal(err_exit_status(e.code), 6);
	/* nothing of it was changed */
	assert_int_equal(sql_int(p, "SELECT count(*) FROM roster_people WHERE state = 'running'"), 1);
	assert_int_equal(sql_int(p, "SELECT sum(withdrawn) FROM roster_people"), 0);
	assert_int_equal(store_roster_holder(s, SOURCE, holder, &e), 0);
	assert_non_null(strstr(holder, who));
	/* another roster is free */
	assert_int_equal(store_roster_open(s, "/srv/other.csv", &x, 1, &id, &m, &e), 0);
	/* and so is this one when the other station is gone, however it went */
	kill_child(pid);
	assert_int_equal(store_roster_holder(s, SOURCE, holder, &e), 0);
	assert_string_equal(holder, "");
	m = opened(s, &x, 1, &id);
	assert_int_equal(m.resumed, 1);
	assert_by_token(s, id, "T2", "bob");
	store_close(&s);
}

static void a_station_is_told_by_its_process_alone_if_no_more_is_known(void **state)
{
	struct place *p = *state;
	pid_t pid = open_in_child(p);
	struct store *s = open_store(p);
	char holder[ROSTER_HOLDER_MAX], who[32];

	/* what the row says is of an earlier one */
	sql(p, "UPDATE rosters SET pid = 1");
	assert_int_equal(store_roster_holder(s, SOURCE, holder, NULL), 0);
	snprintf(who, sizeof(who), "process %ld", (long)pid);
	assert_string_equal(holder, who);
	kill_child(pid);
	store_close(&s);
}

static void people_and_tokens_can_be_claimed_beside_a_roster(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);

	open_three(s);
	kill_child(claim_in_child(p, "alice", &token_1));
	store_close(&s);
}

/* ---- many */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct roster_entry *many(size_t n)
{
	struct roster_entry *list = calloc(n, sizeof(*list));
	char *texts = calloc(n, 128);

	for (size_t i = 0; i < n; i++) {
		char *t = texts + 128 * i;

		snprintf(t, 32, "user%06zu", i * 7919 % n);
		snprintf(t + 32, 48, "M\xC3\xBCller, Anna %zu", i);
		snprintf(t + 80, 32, "user%06zu@example.com", i);
		list[i] = entry((long)i + 2, t, t + 32);
		list[i].email = t + 80;
		snprintf(t + 112, 16, "%s%zu", i % 2 ? "T" : "", i);
		list[i].token_serial = i % 2 ? t + 112 : "";
		list[i].extra = "{\"room\":\"3.14\"}";
	}
	return list;
}

static void a_hundred_thousand_people_are_taken_in_and_found_again_at_once(void **state)
{
	enum { PEOPLE = 100000 };
	struct store *s = open_store(*state);
	struct roster_entry *list = many(PEOPLE);
	struct roster_person found[2];
	struct rusage use;
	size_t n = 0, all = 0;
	int64_t id = 0;
	double start = seconds(), first, again, asked;

	assert_int_equal(opened(s, list, PEOPLE, &id).added, PEOPLE);
	first = seconds() - start;
	start = seconds();
	struct roster_merged m = opened(s, list, PEOPLE, &id);
	again = seconds() - start;
	assert_int_equal(m.added + m.changed + m.withdrawn, 0);
	assert_int_equal(m.now.left, PEOPLE);
	start = seconds();
	assert_next(s, id, list[0].user);
	assert_by_token(s, id, "T77777", list[77777].user);
	assert_int_equal(store_roster_search(s, id, "user012345", found, 2, &n, &all, NULL), 0);
	assert_int_equal(all, 1);
	roster_person_free(&found[0]);
	asked = seconds() - start;
	getrusage(RUSAGE_SELF, &use);
	print_message(
	    "100,000 people stored in %.2f s, compared in %.2f s, asked three things in %.1f ms; %ld MB at most\n",
	    first, again, asked * 1000, use.ru_maxrss / 1024);
#ifndef __SANITIZE_ADDRESS__
	assert_true(use.ru_maxrss < 150 * 1024);
#endif
	free((void *)(uintptr_t)list[0].user);
	free(list);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(a_hundred_thousand_people_are_taken_in_and_found_again_at_once),
	    PROMISE(the_first_time_all_are_new),
	    PROMISE(who_is_done_stays_done_and_the_others_are_left),
	    PROMISE(new_lines_are_added_changed_ones_updated_and_missing_ones_withdrawn),
	    PROMISE(of_who_is_done_nothing_is_changed_but_that_is_counted),
	    PROMISE(each_column_that_changes_is_a_change),
	    PROMISE(two_files_are_two_rosters),
	    PROMISE(each_opening_is_one_record_of_the_trail),
	    PROMISE(a_list_that_names_somebody_twice_changes_nothing),
	    PROMISE(a_preview_tells_the_same_and_changes_nothing),
	    PROMISE(who_was_running_waits_first_and_for_the_same_token),
	    PROMISE(a_token_that_the_file_names_now_is_for_that_person_whatever_was_before),
	    PROMISE(who_failed_or_was_skipped_is_in_line_again_and_who_is_held_is_not),
	    PROMISE(a_second_station_is_refused_and_told_by_whom),
	    PROMISE(a_station_is_told_by_its_process_alone_if_no_more_is_known),
	    PROMISE(people_and_tokens_can_be_claimed_beside_a_roster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
