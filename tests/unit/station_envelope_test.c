/* A PIN that waits for its letter opens with the signer's key, for its person and token, and in no other way. */
#include "station/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct secret *secret(const char *bytes, size_t len)
{
	struct secret *s = secret_new();
	assert_int_equal(secret_set(s, bytes, len, NULL), 0);
	return s;
}

static const char key_a[] = "0123456789abcdef0123456789abcdef", key_b[] = "0123456789abcdef0123456789abcdeX";

static void what_was_sealed_opens_again(void **state)
{
	(void)state;
	struct secret *key = secret(key_a, 32), *pin = secret("482915", 6), *back = secret_new();
	struct blob sealed = BLOB_INIT, again = BLOB_INIT;
	assert_int_equal(envelope_seal(key, "alice T1", pin, &sealed, NULL), 0);
	assert_int_equal(envelope_seal(key, "alice T1", pin, &again, NULL), 0);
	assert_null(memmem(sealed.data, sealed.len, "482915", 6));
	assert_false(blob_equal(&sealed, &again));
	assert_int_equal(envelope_open(key, "alice T1", &sealed, back, NULL), 0);
	assert_true(secret_equal(pin, back));
	blob_free(&sealed);
	blob_free(&again);
	secret_free(&key);
	secret_free(&pin);
	secret_free(&back);
}

static void assert_closed(const struct secret *key, const char *whose, const struct blob *sealed)
{
	struct secret *back = secret("x", 1);
	struct err e = ERR_INIT;
	assert_int_equal(envelope_open(key, whose, sealed, back, &e), -1);
	assert_int_equal(e.code, ERR_ESCROW);
	assert_non_null(strstr(e.next, "tokenroll unblock"));
	assert_int_equal(back->len, 0);
	secret_free(&back);
}

static void another_key_person_token_or_a_changed_byte_does_not_open_it(void **state)
{
	(void)state;
	struct secret *key = secret(key_a, 32), *other = secret(key_b, 32), *pin = secret("482915", 6);
	struct blob sealed = BLOB_INIT;
	assert_int_equal(envelope_seal(key, "alice T1", pin, &sealed, NULL), 0);
	assert_closed(other, "alice T1", &sealed);
	assert_closed(key, "bob T1", &sealed);
	assert_closed(key, "alice T2", &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		assert_closed(key, "alice T1", &sealed);
		sealed.data[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++) {
		const struct blob cut = {.data = sealed.data, .len = len};
		assert_closed(key, "alice T1", &cut);
	}
	blob_free(&sealed);
	secret_free(&key);
	secret_free(&other);
	secret_free(&pin);
}

static void a_key_of_another_length_seals_nothing(void **state)
{
	(void)state;
	struct secret *key = secret("short", 5), *pin = secret("482915", 6);
	struct blob sealed = BLOB_INIT;
	assert_int_equal(envelope_seal(key, "alice T1", pin, &sealed, NULL), -1);
	secret_free(&key);
	secret_free(&pin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_sealed_opens_again),
	    cmocka_unit_test(another_key_person_token_or_a_changed_byte_does_not_open_it),
	    cmocka_unit_test(a_key_of_another_length_seals_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
