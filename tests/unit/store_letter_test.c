/* A PIN letter waits sealed until it is printed, each print is in the audit trail, and a PIN that is dropped is gone.
 */
#include "store/letter.h"
#include "store_roster_fixture.h"

#include <fcntl.h>

static const struct blob sealed = {(unsigned char *)(uintptr_t) "SEALED-BY-SOMEBODY-ELSE", 23};

static int64_t put(struct store *s, int64_t person, const char *serial)
{
	int64_t id = 0;
	struct err e = ERR_INIT;

	if (store_letter_put(s, person, serial, &sealed, &id, &e) == -1)
		fail_msg("%s", e.what);
	return id;
}

static void assert_waiting(struct store *s, int64_t roster, int64_t want)
{
	int64_t n = -1;

	assert_int_equal(store_letters_count(s, roster, &n, NULL), 0);
	assert_int_equal(n, want);
}

static void a_letter_is_found_by_person_and_token(void **state)
{
	struct store *s = open_store(*state);
	struct store_letter l;
	bool found = false;
	int64_t roster = open_three(s), alice = id_of(s, roster, "alice");

	begun(s, alice, "T1");
	int64_t old = put(s, alice, "T1"), new = put(s, alice, "T1");
	assert_int_not_equal(old, new);
	assert_int_equal(store_letter_find(s, alice, "T1", &found, &l, NULL), 0);
	assert_true(found);
	assert_int_equal(l.id, new);
	assert_string_equal(l.user, "alice");
	assert_string_equal(l.token_serial, "T1");
	assert_int_equal(l.state, ROSTER_RUNNING);
	assert_true(blob_equal(&l.sealed, &sealed));
	assert_int_equal(l.printed, 0);
	store_letter_free(&l);
	assert_int_equal(store_letter_find(s, alice, "T2", &found, &l, NULL), 0);
	assert_false(found);
	store_close(&s);
}

static void letters_wait_in_their_order_until_they_are_printed(void **state)
{
	struct store *s = open_store(*state);
	struct store_letter list[2];
	size_t n = 0;
	int64_t roster = open_three(s);
	int64_t a = put(s, id_of(s, roster, "alice"), "T1"), b = put(s, id_of(s, roster, "bob"), "T2"),
		c = put(s, id_of(s, roster, "carol"), "T3");

	assert_waiting(s, roster, 3);
	assert_waiting(s, 0, 3);
	assert_waiting(s, roster + 1, 0);
	assert_int_equal(store_letters_waiting(s, roster, 0, list, 2, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].id, a);
	assert_int_equal(list[1].id, b);
	store_letter_free(&list[0]);
	store_letter_free(&list[1]);
	assert_int_equal(store_letters_waiting(s, roster, b, list, 2, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, c);
	store_letter_free(&list[0]);
	assert_int_equal(store_letter_printed(s, b, NULL), 0);
	assert_int_equal(store_letter_drop(s, c, NULL), 0);
	assert_waiting(s, roster, 1);
	store_close(&s);
}

static void the_first_print_and_each_reprint_are_records_of_the_trail(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_letter l;
	bool found;
	int64_t roster = open_three(s), id = put(s, id_of(s, roster, "alice"), "T1");

	for (int i = 0; i < 3; i++)
		assert_int_equal(store_letter_printed(s, id, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'letter-kept' AND user = 'alice'"
				    " AND token_serial = 'T1'"),
			 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'letter-printed' AND user = 'alice'"),
			 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'letter-reprinted' AND user = 'alice'"
				    " AND token_serial = 'T1'"),
			 2);
	assert_int_equal(store_letter_find_id(s, id, &found, &l, NULL), 0);
	assert_int_equal(l.reprints, 2);
	assert_true(l.printed > 0);
	store_letter_free(&l);
	records(s);
	store_close(&s);
}

static void tell(struct store *s, const char *action, const char *detail)
{
	assert_int_equal(store_audit(s, action, "alice", "T1", detail, NULL), 0);
}

/* As the station and the commands for tokens leave it. */
static void assert_letter(struct store *s, int64_t id, bool due, bool overtaken)
{
	struct store_letter l;
	bool found = false;

	assert_int_equal(store_letter_find_id(s, id, &found, &l, NULL), 0);
	assert_true(found);
	assert_int_equal(l.due, due);
	assert_int_equal(l.overtaken, overtaken);
	store_letter_free(&l);
}

static void a_letter_may_be_printed_while_its_token_has_its_pin_and_its_person_is_enrolled(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	const struct store_token t = token("T1");
	int64_t roster = open_three(s), alice = id_of(s, roster, "alice"), id = put(s, alice, "T1");
	char detail[32];

	snprintf(detail, sizeof(detail), "letter %lld", (long long)id);
	plan(&c, "alice", &t);
	assert_int_equal(enroll(s, &c, NULL), 7);
	assert_letter(s, id, false, false);
	begun(s, alice, "T1");
	tell(s, STORE_LETTER_PROVEN, detail);
	assert_letter(s, id, false, false);
	assert_int_equal(store_roster_done(s, alice, &t, "ABCD", 1, NULL), 0);
	assert_letter(s, id, true, false);
	/* the roster can come to write the name in another way */
	sql(p, "UPDATE roster_people SET user = 'Alice' WHERE user = 'alice'");
	assert_letter(s, id, true, false);
	/* of these the token keeps what it has */
	tell(s, "pin-change", "");
	tell(s, STORE_PIN_KEPT, "");
	tell(s, "token-wipe", "objects deleted");
	assert_letter(s, id, true, false);
	tell(s, "pin-change", "");
	assert_letter(s, id, false, true);
	tell(s, STORE_LETTER_PROVEN, detail);
	assert_letter(s, id, true, false);
	sql(p, "UPDATE tokens SET lost = 1");
	assert_letter(s, id, false, false);
	sql(p, "UPDATE tokens SET lost = 0");
	assert_int_equal(store_revoked(s, "ABAB", "alice", 1, "", NULL), 0);
	assert_letter(s, id, false, false);
	store_credential_free(&c);
	store_close(&s);
}

static bool file_has(const char *path, const struct blob *bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd == -1)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	char *all = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
	bool has = memmem(all, (size_t)st.st_size, bytes->data, bytes->len) != NULL;
	free(all);
	close(fd);
	return has;
}

static bool is_on_disk(const struct place *p)
{
	char wal[112];

	snprintf(wal, sizeof(wal), "%s-wal", p->path);
	return file_has(p->path, &sealed) || file_has(wal, &sealed);
}

static void what_is_dropped_is_on_the_disk_no_more(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_letter l;
	bool found = false;
	int64_t roster = open_three(s), id = put(s, id_of(s, roster, "alice"), "T1");

	assert_true(is_on_disk(p));
	assert_int_equal(store_letter_drop(s, id, NULL), 0);
	assert_false(is_on_disk(p));
	assert_int_equal(store_letter_find_id(s, id, &found, &l, NULL), 0);
	assert_true(found);
	assert_int_equal(l.sealed.len, 0);
	store_letter_free(&l);
	/* once and for all */
	assert_int_equal(store_letter_drop(s, id, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'letter-dropped'"), 1);
	store_close(&s);
	assert_false(is_on_disk(p));
}

static void who_is_done_keeps_one_letter_and_others_keep_theirs(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	int64_t roster = open_three(s), alice = id_of(s, roster, "alice"), bob = id_of(s, roster, "bob");
	int64_t n = 0;

	put(s, alice, "T1");
	int64_t right = put(s, alice, "T2");
	put(s, alice, "");
	put(s, bob, "T3");
	assert_int_equal(store_letters_settle(s, alice, right, NULL), 0);
	assert_int_equal(store_letters_count(s, roster, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'letter-dropped'"), 2);
	assert_int_equal(store_letters_settle(s, alice, 0, NULL), 0);
	assert_int_equal(store_letters_count(s, roster, &n, NULL), 0);
	assert_int_equal(n, 1);
	store_close(&s);
}

static void a_reader_elsewhere_is_not_waited_for(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	sqlite3 *other = NULL;
	struct timespec a, b;
	int64_t roster = open_three(s), id = put(s, id_of(s, roster, "alice"), "T1");

	assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT count(*) FROM audit", NULL, NULL, NULL), SQLITE_OK);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(store_letter_drop(s, id, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 5);
	sqlite3_close(other);
	store_close(&s);
	assert_false(is_on_disk(p));
}

static void a_letter_that_is_not_there_is_told(void **state)
{
	struct store *s = open_store(*state);
	struct err e = ERR_INIT;
	const struct blob empty = BLOB_INIT;
	int64_t roster = open_three(s), id = 0;

	assert_int_equal(store_letter_printed(s, 4711, &e), -1);
	assert_says(&e, ERR_STORE, "has no PIN letter number 4711");
	assert_int_equal(store_letter_drop(s, 4711, &e), -1);
	assert_int_equal(store_letter_put(s, 4711, "T1", &sealed, &id, &e), -1);
	assert_int_equal(store_letter_put(s, id_of(s, roster, "bob"), "T1", &empty, &id, &e), -1);
	assert_waiting(s, 0, 0);
	assert_int_equal(records(s), 1);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(a_letter_is_found_by_person_and_token),
	    PROMISE(letters_wait_in_their_order_until_they_are_printed),
	    PROMISE(the_first_print_and_each_reprint_are_records_of_the_trail),
	    PROMISE(a_letter_may_be_printed_while_its_token_has_its_pin_and_its_person_is_enrolled),
	    PROMISE(what_is_dropped_is_on_the_disk_no_more),
	    PROMISE(who_is_done_keeps_one_letter_and_others_keep_theirs),
	    PROMISE(a_reader_elsewhere_is_not_waited_for),
	    PROMISE(a_letter_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
