/* How secrets are changed: what is given to the module, and the commands for the card. */
#include "profile_fixture.h"

static struct secret *new_secret(const char *value)
{
	struct secret *s = secret_new();
	assert_int_equal(secret_set(s, value, strlen(value), NULL), 0);
	return s;
}

static int render(struct fixture *f, const struct profile_template *t, const char *puk, const char *new)
{
	struct secret *a = puk != NULL ? new_secret(puk) : NULL, *b = new_secret(new);
	struct profile_secrets s = {{[PROFILE_PUK] = a, [PROFILE_SO_PIN] = a, [PROFILE_NEW] = b}};
	err_clear(&f->e);
	int ret = profile_render(t, &s, f->out, &f->e);
	secret_free(&a);
	secret_free(&b);
	return ret;
}

static void expect_bytes(struct fixture *f, const char *hex)
{
	char got[2 * 300 + 1];
	hex_encode(got, sizeof got, f->out->bytes, f->out->len);
	assert_string_equal(got, hex);
}

static void a_yubikey_is_unblocked_and_its_puk_changed_as_its_module_wants(void **state)
{
	struct fixture *f = *state;
	const struct profile_call *c = &shipped(f, "yubikey-piv")->call[PROFILE_UNBLOCK];
	assert_int_equal(c->needs, 1u << PROFILE_PUK | 1u << PROFILE_NEW);
	assert_int_equal(render(f, &c->old, "12345678", "654321"), 0);
	assert_string_equal(f->out->bytes, "puk:12345678");
	assert_int_equal(render(f, &c->new, "12345678", "654321"), 0);
	assert_string_equal(f->out->bytes, "pin:654321");
	c = &shipped(f, "yubikey-piv")->call[PROFILE_CHANGE_PUK];
	assert_int_equal(render(f, &c->new, "12345678", "87654321"), 0);
	assert_string_equal(f->out->bytes, "puk:87654321");
}

static void a_pin_pad_asks_for_what_the_standard_gives_it_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = parse(f, "");
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_SO_PIN));
	assert_true(profile_pad_takes(p, PROFILE_UNBLOCK));
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_PUK));
	p = parse(f, "[so-pin]\npad = no\n");
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_SO_PIN));
	assert_false(profile_pad_takes(p, PROFILE_UNBLOCK));
	p = parse(f, "[change-pin]\ncall = apdu\napdu = 0024000110{pin:8:FF}{new:8:FF}\n");
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_false(profile_pad_takes(shipped(f, "yubikey-piv"), PROFILE_UNBLOCK));
	assert_false(profile_pad_takes(shipped(f, "smartcard-hsm"), PROFILE_UNBLOCK));
	assert_true(profile_pad_takes(shipped(f, "smartcard-hsm"), PROFILE_CHANGE_PIN));
}

static void commands_are_rendered_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	const struct profile_apdus *a = &shipped(f, "piv")->call[PROFILE_CHANGE_PUK].apdu;
	assert_int_equal(a->n, 2);
	assert_int_equal(render(f, &a->v[0], NULL, "x"), 0);
	expect_bytes(f, "00A4040009A0000003080000100000");
	assert_int_equal(render(f, &a->v[1], "12345678", "1234"), 0);
	expect_bytes(f, "0024008110313233343536373831323334FFFFFFFF");
	a = &parse(f, "[unblock]\ncall = apdu\napdu = 002C0081{lc}{so-pin:hex:8}{new}\n")->call[PROFILE_UNBLOCK].apdu;
	assert_int_equal(render(f, &a->v[0], "3537363231383830", "648219"), 0);
	expect_bytes(f, "002C00810E3537363231383830363438323139");
	a = &parse(f, "[unblock]\ncall = apdu\napdu = 0020008102{new:2}00\n")->call[PROFILE_UNBLOCK].apdu;
	assert_int_equal(render(f, &a->v[0], NULL, "12"), 0);
	expect_bytes(f, "0020008102313200");
}

static void a_secret_that_does_not_fit_its_place_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct profile_template *t = &shipped(f, "piv")->call[PROFILE_CHANGE_PUK].apdu.v[1];
	assert_int_equal(render(f, t, "123456789", "1234"), -1);
	fixture_expect_error(f, ERR_PIN_RULES, "the PUK does not have the 8 bytes");
	assert_int_equal(f->out->len, 0);
	assert_int_equal(f->out->bytes[5], 0);
	assert_int_equal(render(f, t, NULL, "1234"), -1);
	assert_int_equal(f->e.code, ERR_PIN_NEEDED);
	t = parse(f, "[unblock]\ncall = apdu\napdu = 002C0081{lc}{so-pin:hex:8}{new}\n")->call[PROFILE_UNBLOCK].apdu.v;
	assert_int_equal(render(f, t, "353736323138383", "1"), -1);
	fixture_expect_error(f, ERR_PIN_RULES, "even number of hex digits");
	assert_int_equal(render(f, t, "35373632313838", "1"), -1);
	fixture_expect_error(f, ERR_PIN_RULES, "8 bytes");
	assert_int_equal(render(f, t, "35373632313838zz", "1"), -1);
	char longest[300];
	memset(longest, '1', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(render(f, t, "3537363231383830", longest), -1);
	fixture_expect_error(f, ERR_PIN_RULES, "too long for one command");
	assert_int_equal(f->out->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_yubikey_is_unblocked_and_its_puk_changed_as_its_module_wants),
	    TEST(a_pin_pad_asks_for_what_the_standard_gives_it_and_nothing_else),
	    TEST(commands_are_rendered_byte_for_byte),
	    TEST(a_secret_that_does_not_fit_its_place_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
