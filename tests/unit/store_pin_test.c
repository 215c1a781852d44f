/*
 * What the audit trail says of the PIN that a token has.
 */
#include "store/pin_trail.h"
#include "store_fixture.h"

static void tell(struct store *s, const char *action, const char *user, const char *detail)
{
	assert_int_equal(store_audit(s, action, user, token_1.serial, detail, NULL), 0);
}

static bool is_own(struct store *s, const char *user)
{
	char whose[65] = "";
	bool own = false;

	assert_int_equal(store_pin_own(s, token_1.serial, &own, whose, NULL), 0);
	if (own)
		assert_string_equal(whose, user);
	return own;
}

static bool is_refused(struct store *s)
{
	bool refused = false;

	assert_int_equal(store_pin_refused(s, token_1.serial, &refused, NULL), 0);
	return refused;
}

static void a_pin_that_a_person_got_is_the_tokens_own_until_an_unblock_or_a_wipe(void **state)
{
	static const char *const got[] = {"factory-pin-change", "user-pin-set", "pin-change"};
	struct store *s = open_store(*state);

	assert_false(is_own(s, ""));
	for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); i++) {
		tell(s, got[i], "alice", "");
		assert_true(is_own(s, "alice"));
		/* which leaves the PIN */
		tell(s, "token-wipe", "alice", "objects deleted");
		assert_true(is_own(s, "alice"));
		tell(s, "factory-pin-change", "bob", "");
		tell(s, "factory-pin-unchanged", "bob", "");
		assert_true(is_own(s, "alice"));
		tell(s, i == 0 ? "pin-unblock" : "token-wipe", "", i == 0 ? "" : "reset");
		assert_false(is_own(s, ""));
	}
	store_close(&s);
}

static void what_all_are_given_is_no_pin_of_its_own_and_neither_is_what_was_prepared(void **state)
{
	struct store *s = open_store(*state);

	tell(s, "user-pin-set", "", "");
	assert_false(is_own(s, ""));
	tell(s, "user-pin-set", "alice", "factory");
	assert_false(is_own(s, ""));
	/* a token without a serial number until it is initialized */
	assert_int_equal(store_audit(s, STORE_PIN_GIVEN, "alice", "", "", NULL), 0);
	tell(s, "token-init", "alice", "");
	tell(s, "user-pin-init", "alice", "");
	tell(s, "user-pin-set", "alice", "");
	assert_false(is_own(s, ""));
	tell(s, "factory-pin-change", "alice", "");
	assert_true(is_own(s, "alice"));
	tell(s, STORE_PIN_GIVEN, "bob", "");
	assert_true(is_own(s, "alice"));
	tell(s, "factory-pin-change", "bob", "");
	assert_false(is_own(s, ""));
	tell(s, "pin-change", "bob", "");
	assert_true(is_own(s, "bob"));
	store_close(&s);
}

static void a_pin_that_was_put_back_is_the_tokens_own_no_more(void **state)
{
	struct store *s = open_store(*state);
	bool restored = true, restoring = true, overtaken = false;

	tell(s, "letter-kept", "alice", "letter 7");
	tell(s, STORE_PIN_REPLACE, "alice", "");
	assert_int_equal(store_pin_restored(s, token_1.serial, &restored, NULL), 0);
	assert_false(restored);
	tell(s, "pin-change", "alice", STORE_PIN_UNDO);
	assert_true(is_own(s, "alice"));
	assert_int_equal(store_pin_restored(s, token_1.serial, &restored, NULL), 0);
	assert_int_equal(store_pin_restoring(s, token_1.serial, &restoring, NULL), 0);
	assert_true(restored && restoring);
	/* it has said no */
	tell(s, STORE_PIN_KEPT, "alice", "");
	assert_int_equal(store_pin_restoring(s, token_1.serial, &restoring, NULL), 0);
	assert_int_equal(store_pin_overtaken(s, token_1.serial, 7, &overtaken, NULL), 0);
	assert_false(restoring || overtaken);
	tell(s, "pin-change", "alice", STORE_PIN_UNDO);
	tell(s, STORE_PIN_RESTORED, "alice", "");
	tell(s, "token-wipe", "alice", "objects deleted");
	assert_false(is_own(s, "alice"));
	assert_int_equal(store_pin_restored(s, token_1.serial, &restored, NULL), 0);
	assert_int_equal(store_pin_restoring(s, token_1.serial, &restoring, NULL), 0);
	assert_int_equal(store_pin_overtaken(s, token_1.serial, 7, &overtaken, NULL), 0);
	assert_true(restored && !restoring && overtaken);
	tell(s, STORE_PIN_REPLACE, "bob", "");
	assert_true(is_own(s, "bob"));
	assert_int_equal(store_pin_restored(s, token_1.serial, &restored, NULL), 0);
	assert_false(restored);
	store_close(&s);
}

static void a_refused_pin_is_remembered_until_the_token_has_another_one_or_lets_somebody_in(void **state)
{
	static const char *const ends[] = {"pin-unblock", "pin-change", "token-wipe", "keyed", "proven"};
	struct store *s = open_store(*state);

	assert_false(is_refused(s));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		tell(s, STORE_PIN_REFUSED, "alice", "");
		assert_true(is_refused(s));
		tell(s, "planned", "bob", "");
		assert_true(is_refused(s));
		/* a wrong SO PIN: the token has what it had */
		tell(s, "pin-unblock", "bob", "");
		tell(s, STORE_PIN_KEPT, "bob", "");
		assert_true(is_refused(s));
		tell(s, ends[i], "bob", "");
		assert_false(is_refused(s));
	}
	store_close(&s);
}

static void a_letter_is_overtaken_by_a_command_that_gives_another_pin(void **state)
{
	struct store *s = open_store(*state);
	bool overtaken = true;

	tell(s, "pin-unblock", "", "");
	tell(s, "letter-kept", "alice", "letter 7");
	tell(s, "token-wipe", "alice", "objects deleted");
	assert_int_equal(store_pin_overtaken(s, token_1.serial, 7, &overtaken, NULL), 0);
	assert_false(overtaken);
	tell(s, "pin-unblock", "alice", "");
	assert_int_equal(store_pin_overtaken(s, token_1.serial, 7, &overtaken, NULL), 0);
	assert_true(overtaken);
	tell(s, "letter-kept", "alice", "letter 8");
	assert_int_equal(store_pin_overtaken(s, token_1.serial, 8, &overtaken, NULL), 0);
	assert_false(overtaken);
	store_close(&s);
}

int main(void)
{
	static const struct CMUnitTest promises[] = {
	    PROMISE(a_pin_that_a_person_got_is_the_tokens_own_until_an_unblock_or_a_wipe),
	    PROMISE(what_all_are_given_is_no_pin_of_its_own_and_neither_is_what_was_prepared),
	    PROMISE(a_pin_that_was_put_back_is_the_tokens_own_no_more),
	    PROMISE(a_refused_pin_is_remembered_until_the_token_has_another_one_or_lets_somebody_in),
	    PROMISE(a_letter_is_overtaken_by_a_command_that_gives_another_pin),
	};

	return cmocka_run_group_tests(promises, NULL, NULL);
}
