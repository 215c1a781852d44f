/* The rules of PIN, SO PIN and PUK: what they refuse, random ones, those of the factory. */
#include "profile_fixture.h"

static void limits_join_what_profile_and_token_say(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *rules;
		enum profile_secret which;
		unsigned long token_min, token_max;
		size_t min, max;
	} cases[] = {
	    {"", PROFILE_PIN, 0, 0, 4, 64},
	    {"", PROFILE_PIN, 6, 15, 6, 15},
	    {"", PROFILE_PIN, ~0ul, ~0ul, 4, 64},
	    {"", PROFILE_PIN, 0, 2, 2, 2},
	    {"[pin]\nmin = 6\nmax = 8\n", PROFILE_PIN, 6, 64, 6, 8},
	    {"[pin]\nmin = 6\nmax = 32\n", PROFILE_PIN, 8, 249, 8, 32},
	    {"[pin]\nmin = 6\nmax = 8\n", PROFILE_PIN, 10, 12, 10, 12},
	    {"[pin]\nmin = 6\nmax = 8\nreport = fills\n", PROFILE_PIN, 7, 7, 6, 8},
	    {"[so-pin]\nmin = 16\nmax = 16\n", PROFILE_SO_PIN, 6, 15, 16, 16},
	    {"", PROFILE_SO_PIN, 6, 15, 6, 15},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct profile_limits l;
		const struct profile *p = parse(f, cases[i].rules);
		profile_limits(&l, &p->pin[cases[i].which], cases[i].token_min, cases[i].token_max);
		if (l.min != cases[i].min || l.max != cases[i].max)
			fail_msg("%zu: %zu to %zu", i, l.min, l.max);
	}
}

static int check(struct fixture *f, const struct profile *p, enum profile_secret which, const char *value)
{
	struct profile_limits l;
	profile_limits(&l, &p->pin[which], 0, 0);
	assert_int_equal(secret_set(f->secret, value, strlen(value), &f->e), 0);
	err_clear(&f->e);
	return profile_pin_check(&l, f->secret, &f->e);
}

static void a_pin_outside_the_rules_is_refused_and_not_repeated(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *rules, *good[4], *bad[6], *words;
	} cases[] = {
	    {"[pin]\nmin = 6\nmax = 8\nalphabet = digits\n",
	     {"123456", "12345678"},
	     {"12345", "123456789", "12345a", "12345 ", "", "12345\xC3\xA4"},
	     "6 to 8 digits"},
	    {"[pin]\nmin = 4\nmax = 4\nalphabet = hex\n", {"09aF"}, {"09aG", "09a"}, "exactly 4 hex digits"},
	    {"[pin]\nmin = 4\nmax = 64\nmultiple = 16\nalphabet = alphanumeric\n",
	     {"0123456789abcdeZ"},
	     {"0123456789abcde", "0123456789abcde_"},
	     "4 to 64 (a multiple of 16) letters"},
	    {"[pin]\nmin = 1\nmax = 8\nalphabet = ascii\n", {"a b~!"}, {"a\tb", "\xC3\xA4", "a\x7F"}, "of ASCII"},
	    /* bytes are counted, not letters, and they have to be well-formed */
	    {"[pin]\nmin = 4\nmax = 8\n",
	     {"\xC3\xA4\xC3\xB6", "\xD0\xBF\xD0\xB8\xD0\xBD\xD1\x8C"},
	     {"\xC3\xA4\xC3", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\xC3\xA4", "abc\n", "\xED\xA0\x80xx", "\xC0\xAFxx"},
	     "4 to 8 characters"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct profile *p = parse(f, cases[i].rules);
		for (size_t k = 0; k < COUNT(cases[i].good) && cases[i].good[k] != NULL; k++) {
			if (check(f, p, PROFILE_PIN, cases[i].good[k]) != 0)
				fail_msg("%s: %s", cases[i].good[k], f->e.what);
		}
		for (size_t k = 0; k < COUNT(cases[i].bad) && cases[i].bad[k] != NULL; k++) {
			const char *bad = cases[i].bad[k];
			if (check(f, p, PROFILE_PIN, bad) == 0)
				fail_msg("'%s' was taken", bad);
			fixture_expect_error(f, ERR_PIN_RULES, cases[i].words);
			assert_true(*bad == '\0' || strstr(f->e.what, bad) == NULL);
		}
	}
	check(f, shipped(f, "yubikey-piv"), PROFILE_SO_PIN, "1234");
	fixture_expect_error(f, ERR_PIN_RULES,
			     "the management key of this token has 48 to 64 (a multiple of 16) hex digits");
	assert_int_equal(secret_set(f->secret,
				    "12\0"
				    "456",
				    6, &f->e),
			 0);
	struct profile_limits l;
	profile_limits(&l, &shipped(f, "softhsm2")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_check(&l, f->secret, &f->e), -1);
}

static void a_random_secret_obeys_the_rules_of_each_profile(void **state)
{
	struct fixture *f = *state;
	const struct profile *p;
	load(f, SHIPPED, NULL);
	for (size_t i = 0; (p = profiles_at(f->set, i)) != NULL; i++) {
		for (size_t k = 0; k < PROFILE_PIN_COUNT; k++) {
			struct profile_limits l;
			profile_limits(&l, &p->pin[k], 0, 0);
			for (int n = 0; n < 20; n++) {
				if (profile_pin_random(&l, f->out, &f->e) != 0)
					fail_msg("%s: %s", p->id, f->e.what);
				assert_int_equal(profile_pin_check(&l, f->out, &f->e), 0);
				assert_false(profile_pin_is_factory(&p->pin[k], f->out));
			}
		}
	}
}

static void a_random_secret_is_as_long_and_plain_as_the_profile_says(void **state)
{
	struct fixture *f = *state;
	struct profile_limits l;
	profile_limits(&l, &shipped(f, "yubikey-piv")->pin[PROFILE_SO_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 48);
	profile_limits(&l, &parse(f, "")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 8);
	assert_int_equal(strspn(f->out->bytes, "0123456789"), 8);
	profile_limits(&l, &parse(f, "[pin]\nmin = 5\nmax = 6\n")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 6);
	/* rules that nothing can obey are an error, not an endless search */
	profile_limits(&l, &parse(f, "[pin]\nmin = 5\nmax = 6\nmultiple = 4\n")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), -1);
	fixture_expect_error(f, ERR_PIN_RULES, "no random PIN fits");
	assert_int_equal(f->out->len, 0);
}

static void factory_values_are_known(void **state)
{
	struct fixture *f = *state;
	const struct profile_pin *pin = shipped(f, "yubikey-piv")->pin;
	static const char key[] = "010203040506070801020304050607080102030405060708";
	secret_set(f->secret, "123456", 6, &f->e);
	assert_true(profile_pin_is_factory(&pin[PROFILE_PIN], f->secret));
	assert_false(profile_pin_is_factory(&pin[PROFILE_PUK], f->secret));
	secret_set(f->secret, key, strlen(key), &f->e);
	assert_true(profile_pin_is_factory(&pin[PROFILE_SO_PIN], f->secret));
	secret_set(f->secret, "1234567", 7, &f->e);
	assert_false(profile_pin_is_factory(&pin[PROFILE_PIN], f->secret));
	static const unsigned char fresh[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x01, 0x06, 0x02, 0x03, 0x03};
	static const unsigned char changed[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x00, 0x06, 0x02, 0x03, 0x03};
	assert_true(profile_answer_is_factory(&pin[PROFILE_PIN], fresh, sizeof fresh));
	assert_false(profile_answer_is_factory(&pin[PROFILE_PIN], changed, sizeof changed));
	assert_false(profile_answer_is_factory(&pin[PROFILE_PIN], "", 0));
	assert_false(profile_answer_is_factory(&shipped(f, "softhsm2")->pin[PROFILE_PIN], fresh, sizeof fresh));
	/* half of an answer says neither */
	assert_true(profile_answer_is_own(&pin[PROFILE_PIN], changed, sizeof changed));
	assert_false(profile_answer_is_own(&pin[PROFILE_PIN], fresh, sizeof fresh));
	assert_false(profile_answer_is_own(&pin[PROFILE_PIN], changed, sizeof changed / 2));
	assert_false(profile_answer_is_factory(&pin[PROFILE_PIN], fresh, sizeof fresh / 2));
	pin = parse(f, "[pin]\nfactory-apdu = 00F70080\nfactory-answer = 01*\n")->pin;
	assert_true(profile_answer_is_own(&pin[PROFILE_PIN], "\2", 1));
	assert_false(profile_answer_is_own(&pin[PROFILE_PIN], fresh, sizeof fresh));
	pin = shipped(f, "yubikey-piv")->pin;
	const unsigned char two_left[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x00, 0x06, 0x02, 0x03, 0x02};
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], two_left, sizeof two_left), 2);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], two_left, sizeof two_left - 1), -1);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], "", 0), -1);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PIN], two_left, sizeof two_left), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(limits_join_what_profile_and_token_say),
	    TEST(a_pin_outside_the_rules_is_refused_and_not_repeated),
	    TEST(a_random_secret_obeys_the_rules_of_each_profile),
	    TEST(a_random_secret_is_as_long_and_plain_as_the_profile_says),
	    TEST(factory_values_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
