/*
 * A report tells how far each person of a roster is, from what the station has written on their way.
 */
#include "core/xalloc.h"
#include "station/tally.h"
#include "store/letter.h"
#include "store_roster_fixture.h"

static const char *const users[] = {"alice", "bob", "carol", "dave", "erin", "frank", "Grace"};
#define N_USERS (sizeof(users) / sizeof(users[0]))

static int64_t open_roster(struct store *s, const char *source, size_t n)
{
	struct roster_entry list[N_USERS];
	struct roster_merged merged;
	struct err e = ERR_INIT;
	int64_t id = 0;

	for (size_t i = 0; i < n; i++)
		list[i] = entry((long)i + 2, users[i], "");
	if (store_roster_open(s, source, list, n, &id, &merged, &e) == -1)
		fail_msg("%s", e.what);
	return id;
}

/* On the token "T-" and the user's name. */
static int64_t begin(struct store *s, int64_t roster, const char *user)
{
	char serial[80];
	int64_t id = id_of(s, roster, user);

	snprintf(serial, sizeof(serial), "T-%s", user);
	begun(s, id, serial);
	return id;
}

static void done(struct store *s, int64_t roster, const char *user, int64_t took)
{
	char serial[80];

	snprintf(serial, sizeof(serial), "T-%s", user);
	finished(s, id_of(s, roster, user), serial, took);
}

static void failed(struct store *s, int64_t roster, const char *user, enum err_code code)
{
	struct err e = ERR_INIT;

	err_set(&e, code, "it went wrong");
	assert_int_equal(store_roster_failed(s, begin(s, roster, user), false, &e, NULL), 0);
}

static struct tally *take(struct store *s, const char *path, time_t since)
{
	struct tally *t = NULL;
	struct err e = ERR_INIT;

	if (tally_take(&t, s, path, since, &e) == -1)
		fail_msg("%s", e.what);
	return t;
}

/* "user state" of everybody, as the report calls it. */
static const char *everybody(struct store *s, const struct tally *t)
{
	static char text[1024];
	struct roster_person list[2 * N_USERS];
	size_t n = 0;

	text[0] = 0;
	assert_int_equal(store_roster_people(s, t->roster, t->since, NULL, list, 2 * N_USERS, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s%s %s", i ? ", " : "", list[i].user,
			 tally_state(t, &list[i]));
		roster_person_free(&list[i]);
	}
	return text;
}

static void every_state_is_told(void **state)
{
	struct store *s = open_store(*state);
	int64_t roster = open_roster(s, SOURCE, N_USERS);

	done(s, roster, "alice", 20000);
	failed(s, roster, "bob", ERR_PIN_LOCKED);
	assert_int_equal(store_roster_put_back(s, id_of(s, roster, "carol"), ROSTER_HELD, "is ill", NULL), 0);
	assert_int_equal(store_roster_put_back(s, id_of(s, roster, "dave"), ROSTER_SKIPPED, "", NULL), 0);
	begin(s, roster, "erin");
	struct tally *t = take(s, NULL, 0);
	assert_string_equal(everybody(s, t), "alice done, bob failed, carol held, dave skipped, erin interrupted, "
					     "frank waiting, Grace waiting");
	assert_int_equal(t->counts.left, 6);
	assert_int_equal(t->n_reasons, 1);
	assert_string_equal(t->reasons[0].code, "PIN_LOCKED");
	tally_free(&t);
	store_close(&s);
}

static void who_left_the_roster_is_withdrawn_but_who_is_done_stays_done(void **state)
{
	struct store *s = open_store(*state);
	int64_t roster = open_roster(s, SOURCE, N_USERS);

	done(s, roster, "Grace", 20000);
	open_roster(s, SOURCE, 2);
	struct tally *t = take(s, SOURCE, 0);
	assert_string_equal(everybody(s, t), "alice waiting, bob waiting, carol withdrawn, dave withdrawn, erin "
					     "withdrawn, frank withdrawn, Grace done");
	assert_int_equal(t->counts.left, 2);
	assert_int_equal(t->counts.withdrawn, 4);
	tally_free(&t);
	store_close(&s);
}

/* Begins a roster in another process, with a token under way, and ends when told so. */
static pid_t station(const struct place *p, int ready, int quit)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	struct store *s = open_store(p);
	char byte = 0;
	begin(s, open_roster(s, SOURCE, N_USERS), "alice");
	if (write(ready, "x", 1) != 1 || read(quit, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

static void under_way_while_its_station_is_there_and_interrupted_after_that(void **state)
{
	struct store *s = open_store(*state);
	int ready[2], quit[2], status = 0;
	char byte, process[32];

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(quit), 0);
	pid_t pid = station(*state, ready[1], quit[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	struct tally *t = take(s, SOURCE, 0);
	snprintf(process, sizeof(process), "process %ld of ", (long)pid);
	assert_memory_equal(t->holder, process, strlen(process));
	assert_memory_equal(everybody(s, t), "alice running", 13);
	tally_free(&t);
	assert_int_equal(write(quit[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	t = take(s, SOURCE, 0);
	assert_string_equal(t->holder, "");
	assert_memory_equal(everybody(s, t), "alice interrupted", 17);
	tally_free(&t);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(quit[i]);
	}
	store_close(&s);
}

static void median_and_slowest_are_of_those_who_are_done(void **state)
{
	struct store *s = open_store(*state);
	int64_t roster = open_roster(s, SOURCE, N_USERS);
	static const int64_t took[] = {20000, 5000, 31000, 4000, 9000, 8000};

	struct tally *t = take(s, SOURCE, 0);
	assert_int_equal(t->median_ms, 0);
	assert_int_equal(t->n_slowest, 0);
	tally_free(&t);
	for (size_t i = 0; i < 6; i++)
		done(s, roster, users[i], took[i]);
	t = take(s, SOURCE, 0);
	assert_int_equal(t->median_ms, 8500);
	assert_int_equal(t->n_slowest, TALLY_SLOWEST);
	assert_string_equal(t->slowest[0].user, "carol");
	assert_int_equal(t->slowest[1].took, 20000);
	assert_int_equal(t->slowest[4].took, 5000);
	assert_int_equal(t->pace.n, 6);
	tally_free(&t);
	store_close(&s);
}

static void since_leaves_out_who_was_done_before_and_nobody_else(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t roster = open_roster(s, SOURCE, 4);
	struct roster_person list[2];
	size_t n = 0;

	done(s, roster, "alice", 1000);
	done(s, roster, "bob", 2000);
	failed(s, roster, "carol", ERR_REMOVED);
	sql(p, "UPDATE roster_people SET ended = 1000 WHERE user IN ('alice', 'carol')");
	struct tally *t = take(s, SOURCE, 1001);
	assert_string_equal(everybody(s, t), "bob done, carol failed, dave waiting");
	assert_int_equal(t->pace.n, 1);
	assert_int_equal(t->median_ms, 2000);
	assert_int_equal(t->counts.states[ROSTER_DONE], 2);
	assert_int_equal(store_roster_enrolled(s, roster, 1001, NULL, list, 2, &n, NULL), 0);
	assert_int_equal(n, 1);
	roster_person_free(&list[0]);
	tally_free(&t);
	t = take(s, SOURCE, 1000);
	assert_int_equal(t->pace.n, 2);
	tally_free(&t);
	store_close(&s);
}

static int64_t keep_letter(struct store *s, int64_t roster, const char *user, bool printed)
{
	struct blob sealed = BLOB_INIT;
	int64_t id = 0;

	blob_set(&sealed, "sealed", 6);
	assert_int_equal(store_letter_put(s, id_of(s, roster, user), "T", &sealed, &id, NULL), 0);
	if (printed)
		assert_int_equal(store_letter_printed(s, id, NULL), 0);
	blob_free(&sealed);
	return id;
}

/* The person is enrolled on their token, which has the PIN of this letter. */
static void prove(struct store *s, const char *user, int64_t letter)
{
	struct store_token t = token("");
	struct store_credential c;
	char *detail = xasprintf("letter %lld", (long long)letter);

	snprintf(t.serial, sizeof(t.serial), "T-%s", user);
	plan(&c, user, &t);
	assert_int_equal(enroll(s, &c, NULL), 7);
	store_credential_free(&c);
	assert_int_equal(store_audit(s, STORE_LETTER_PROVEN, user, t.serial, detail, NULL), 0);
	free(detail);
}

static void letters_wait_for_those_who_are_done_and_have_none(void **state)
{
	struct store *s = open_store(*state);
	int64_t roster = open_roster(s, SOURCE, 4), other = open_roster(s, "/srv/autumn.csv", 2);

	keep_letter(s, roster, "alice", false);
	int64_t right = keep_letter(s, roster, "alice", false); /* after an attempt before */
	keep_letter(s, roster, "bob", true);
	keep_letter(s, roster, "carol", false);
	keep_letter(s, other, "bob", false);
	done(s, roster, "alice", 1);
	done(s, roster, "bob", 1);
	done(s, other, "bob", 1);
	prove(s, "alice", right);
	struct tally *t = take(s, SOURCE, 0);
	assert_int_equal(t->letters_all, 1);
	assert_string_equal(t->letters[0].user, "alice");
	tally_free(&t);
	/* with another PIN it says what is not so any more */
	assert_int_equal(store_audit(s, "pin-unblock", "", "T-alice", "", NULL), 0);
	t = take(s, SOURCE, 0);
	assert_int_equal(t->letters_all, 0);
	tally_free(&t);
	store_close(&s);
}

/* Nobody is told twice or left out, however many there are on a page, also if states change in between. */
static void people_are_told_once_page_by_page(void **state)
{
	struct store *s = open_store(*state);
	int64_t roster = open_roster(s, SOURCE, N_USERS);
	struct roster_person list[3];
	char text[200] = "", after[65] = "";
	size_t n = 3;

	for (int page = 0; n == 3; page++) {
		assert_int_equal(store_roster_people(s, roster, 0, page ? after : NULL, list, 3, &n, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			strcat(strcat(text, list[i].user), " ");
			strcpy(after, list[i].user);
			roster_person_free(&list[i]);
		}
		if (page == 0) {
			done(s, roster, "bob", 1);
			failed(s, roster, "erin", ERR_REMOVED);
		}
	}
	assert_string_equal(text, "alice bob carol dave erin frank Grace ");
	store_close(&s);
}

static void the_roster_is_found_by_its_path_or_is_the_last_one(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	char *path = xasprintf("%s/gone.csv", p->dir), *twisted = xasprintf("%s/../%s/./gone.csv", p->dir, p->dir + 5);

	open_roster(s, path, 1);
	open_roster(s, SOURCE, 2);
	sql(p, "UPDATE rosters SET opened = opened - 100 WHERE source <> '" SOURCE "'");
	struct tally *t = take(s, NULL, 0);
	assert_string_equal(t->source, SOURCE);
	tally_free(&t);
	t = take(s, twisted, 0);
	assert_string_equal(t->source, path);
	assert_int_equal(t->counts.left, 1);
	tally_free(&t);
	free(path);
	free(twisted);
	store_close(&s);
}

static void a_roster_that_is_not_there_is_told_with_those_that_are(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct tally *t = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(tally_take(&t, s, NULL, 0, &e), -1);
	assert_says(&e, ERR_ROSTER, "no station has opened a roster yet");
	open_roster(s, SOURCE, 2);
	assert_int_equal(tally_take(&t, s, "/srv/other.csv", 0, &e), -1);
	assert_says(&e, ERR_ROSTER, "no station has opened the roster /srv/other.csv");
	assert_says(&e, ERR_ROSTER, SOURCE ", last opened 2");
	assert_int_equal(tally_take(&t, s, "-", 0, &e), -1);
	assert_says(&e, ERR_ROSTER, "standard input");
	/* opening has made the row, and then failed */
	sql(p, "UPDATE rosters SET opened = 0");
	assert_int_equal(tally_take(&t, s, SOURCE, 0, &e), -1);
	assert_says(&e, ERR_ROSTER, "no station has opened a roster yet");
	for (int i = 0; i < 60; i++) {
		char *source = xasprintf("/srv/rosters/number-%d.csv", i);
		open_roster(s, source, 1);
		free(source);
	}
	assert_int_equal(tally_take(&t, s, SOURCE, 0, &e), -1);
	assert_says(&e, ERR_ROSTER, "one of the 60 there are");
	assert_says(&e, ERR_ROSTER, " more");
	assert_null(t);
	store_close(&s);
}

/* Another program has written there what no station does. */
static void times_that_cannot_be_do_no_harm(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t roster = open_roster(s, SOURCE, 4);

	for (size_t i = 0; i < 3; i++)
		done(s, roster, users[i], 1000);
	sql(p, "UPDATE roster_people SET took = 9223372036854775807");
	sql(p,
	    "UPDATE roster_people SET ended = -9223372036854775807, began = 9223372036854775807 WHERE user = 'alice'");
	sql(p, "UPDATE roster_people SET ended = 9223372036854775807 WHERE user = 'bob'");
	struct tally *t = take(s, SOURCE, INT64_MIN);
	assert_int_equal(t->pace.n, 3);
	assert_int_equal(tally_time_left(t), -1);
	tally_free(&t);
	sql(p, "UPDATE roster_people SET took = -9223372036854775807 - 1");
	t = take(s, SOURCE, INT64_MIN);
	assert_int_equal(t->median_ms, 0);
	tally_free(&t);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(every_state_is_told),
	    PROMISE(who_left_the_roster_is_withdrawn_but_who_is_done_stays_done),
	    PROMISE(under_way_while_its_station_is_there_and_interrupted_after_that),
	    PROMISE(median_and_slowest_are_of_those_who_are_done),
	    PROMISE(since_leaves_out_who_was_done_before_and_nobody_else),
	    PROMISE(letters_wait_for_those_who_are_done_and_have_none),
	    PROMISE(times_that_cannot_be_do_no_harm),
	    PROMISE(people_are_told_once_page_by_page),
	    PROMISE(the_roster_is_found_by_its_path_or_is_the_last_one),
	    PROMISE(a_roster_that_is_not_there_is_told_with_those_that_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
