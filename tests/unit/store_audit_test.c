/*
 * The audit trail tells of every change, and cannot be altered unseen.
 */
#include "store_fixture.h"

static void the_trail_names_who_what_which_and_when(void **state)
{
	struct place *p = *state;
	struct store *s;

	setenv("SUDO_USER", "carol", 1);
	s = open_store(p);
	assert_int_equal(store_audit(s, "token-init", "alice", token_1.serial, "label alice", NULL), 0);
	unsetenv("SUDO_USER");
	assert_int_equal(sql_int(p,
				 "SELECT count(*) FROM audit WHERE login <> '' AND sudo_user = 'carol' AND host <> ''"
				 " AND action = 'token-init' AND user = 'alice' AND detail = 'label alice'"
				 " AND token_serial = '09faa980baecee43' AND cert_serial = ''"
				 " AND abs(at - strftime('%s', 'now')) < 60"),
			 1);
	store_close(&s);
}

static void sql_cannot_change_the_trail(void **state)
{
	static const char *const attacks[] = {
	    "UPDATE audit SET user = 'mallory'",
	    "UPDATE audit SET id = id + 100",
	    "DELETE FROM audit",
	    "DELETE FROM audit WHERE id = 2",
	    "INSERT OR REPLACE INTO audit SELECT id, at, login, sudo_user, host, action, 'mallory', token_serial,"
	    " cert_serial, detail, prev, hash FROM audit WHERE id = 2",
	    "INSERT INTO audit SELECT id + 100, at, login, sudo_user, host, action, user, token_serial,"
	    " cert_serial, detail, hash, hash FROM audit WHERE id = (SELECT max(id) FROM audit)",
	    "UPDATE audit_head SET id = id - 1",
	    "UPDATE audit_head SET hash = zeroblob(32)",
	    "DELETE FROM audit_head",
	    "INSERT OR REPLACE INTO audit_head SELECT 1, id - 1, hash FROM audit_head",
	    "INSERT INTO audit SELECT id + 1, at, login, sudo_user, host, action, user, token_serial,"
	    " cert_serial, detail, zeroblob(32), hash FROM audit WHERE id = (SELECT max(id) FROM audit)",
	};
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	uint64_t n;

	enrolled(s, &c, "alice", &token_1);
	n = records(s);
	assert_int_equal(n, 9); /* the user, the token, seven steps */
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (sql_try(p, attacks[i]) == SQLITE_OK)
			fail_msg("was possible: %s", attacks[i]);
	assert_int_equal(records(s), n);
	store_credential_free(&c);
	store_close(&s);
}

static void what_a_token_or_the_environment_says_leaves_no_control_characters(void **state)
{
	struct place *p = *state;
	struct store *s;

	setenv("SUDO_USER", "carol\n\033[2J", 1);
	s = open_store(p);
	assert_int_equal(store_audit(s, "token-init", "al\rice", "12\n34\xff", "label \033]0;x\007", NULL), 0);
	unsetenv("SUDO_USER");
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE sudo_user = 'carol??[2J' AND user = 'al?ice'"
				    " AND token_serial = '12?34?' AND detail = 'label ?]0;x?'"),
			 1);
	store_close(&s);
}

static void a_token_with_an_odd_serial_number_is_found_in_the_trail_again(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	bool begun = false;

	assert_int_equal(store_audit(s, STORE_TOKEN_INIT, "alice", "12\n34", "Reader 1", NULL), 0);
	assert_int_equal(store_pin_begun(s, "12\n34", &begun, NULL), 0);
	assert_true(begun);
	store_close(&s);
}

static bool is_replace_begun(struct store *s)
{
	bool begun = false;

	assert_int_equal(store_replace_begun(s, token_1.serial, &begun, NULL), 0);
	return begun;
}

static void a_pin_that_a_token_was_about_to_get_counts_until_the_proof(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential c;

	enrolled(s, &c, "alice", &token_1);
	assert_false(is_replace_begun(s));
	assert_int_equal(store_advance(s, &c, CRED_WRITTEN, NULL), 0);
	assert_int_equal(store_audit(s, STORE_PIN_REPLACE, "alice", token_1.serial, "", NULL), 0);
	assert_true(is_replace_begun(s));
	/* by who goes on after a kill */
	assert_int_equal(store_advance(s, &c, CRED_WRITTEN, NULL), 0);
	assert_true(is_replace_begun(s));
	assert_int_equal(store_advance(s, &c, CRED_PROVEN, NULL), 0);
	assert_false(is_replace_begun(s));
	assert_int_equal(store_audit(s, STORE_PIN_REPLACE, "alice", token_1.serial, "", NULL), 0);
	assert_int_equal(store_audit(s, STORE_PIN_UNREPLACED, "alice", token_1.serial, "", NULL), 0);
	assert_false(is_replace_begun(s));
	store_credential_free(&c);
	store_close(&s);
}

static void a_command_that_gives_the_token_another_pin_ends_what_was_about_to_be(void **state)
{
	static const char *const commands[] = {"pin-unblock", "pin-change", "token-wipe"};
	struct store *s = open_store(*state);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_int_equal(store_audit(s, STORE_PIN_REPLACE, "alice", token_1.serial, "", NULL), 0);
		assert_true(is_replace_begun(s));
		assert_int_equal(store_audit(s, commands[i], "alice", token_1.serial, "", NULL), 0);
		assert_false(is_replace_begun(s));
	}
	store_close(&s);
}

static void no_change_without_its_audit_record(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	struct err e = ERR_INIT;

	plan(&c, "alice", &token_1);
	assert_int_equal(store_plan(s, &c, NULL), 0);
	blob_set(&c.spki, "k", 1);
	sql(p, "CREATE TRIGGER t BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_int_equal(store_advance(s, &c, CRED_KEYED, &e), -1);
	assert_int_equal(store_claim_user(s, "bob", &e), -1);
	assert_int_equal(store_claim_token(s, &token_2, &e), -1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state <> 'planned'"), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM people"), 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM tokens"), 1);
	assert_int_equal(c.state, CRED_PLANNED);

	sql(p, "DROP TRIGGER t");
	assert_int_equal(store_advance(s, &c, CRED_KEYED, NULL), 0);
	store_credential_free(&c);
	store_close(&s);
}

static void assert_begun(struct store *s, const char *user, bool begun, const char *serial)
{
	char is[17] = "untouched";
	bool found = !begun;

	assert_int_equal(store_init_begun(s, user, &found, is, NULL), 0);
	assert_int_equal(found, begun);
	assert_string_equal(is, serial);
}

static void a_begun_initialization_is_known_until_the_token_is_in_the_journal(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;

	assert_begun(s, "alice", false, "");
	assert_int_equal(store_audit(s, STORE_TOKEN_INIT, "alice", "", "Reader 1", NULL), 0);
	assert_begun(s, "alice", true, "");
	assert_begun(s, "bob", false, "");
	assert_int_equal(store_audit(s, STORE_TOKEN_INIT, "alice", "1234", "Reader 1", NULL), 0);
	store_close(&s);
	s = open_store(p);
	assert_begun(s, "alice", true, "1234");
	plan(&c, "alice", &token_1);
	assert_int_equal(store_plan(s, &c, NULL), 0);
	assert_begun(s, "alice", false, "");
	assert_int_equal(store_audit(s, STORE_TOKEN_INIT, "alice", "5678", "Reader 1", NULL), 0);
	assert_begun(s, "alice", true, "5678");
	store_credential_free(&c);
	store_close(&s);
}

static void processes_that_open_and_write_at_once_lose_nothing(void **state)
{
	enum { PROCESSES = 4, WRITES = 15 };
	struct place *p = *state;
	struct store *s;
	int failed = 0;

	for (int i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		s = NULL;
		if (store_open(&s, p->path, NULL) == -1)
			_exit(1);
		for (int j = 0; j < WRITES; j++)
			if (store_audit(s, "test", "alice", "", "", NULL) == -1)
				_exit(1);
		store_close(&s);
		_exit(0);
	}
	for (int i = 0, status; i < PROCESSES; i++) {
		wait(&status);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	s = open_store(p);
	assert_int_equal(records(s), PROCESSES * WRITES);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(the_trail_names_who_what_which_and_when),
	    PROMISE(sql_cannot_change_the_trail),
	    PROMISE(what_a_token_or_the_environment_says_leaves_no_control_characters),
	    PROMISE(a_token_with_an_odd_serial_number_is_found_in_the_trail_again),
	    PROMISE(a_pin_that_a_token_was_about_to_get_counts_until_the_proof),
	    PROMISE(a_command_that_gives_the_token_another_pin_ends_what_was_about_to_be),
	    PROMISE(no_change_without_its_audit_record),
	    PROMISE(a_begun_initialization_is_known_until_the_token_is_in_the_journal),
	    PROMISE(processes_that_open_and_write_at_once_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
