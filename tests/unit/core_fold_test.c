/* A search in which case does not count finds letters of every alphabet, and malformed text does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/fold.h"
#include "core/utf8.h"

static void letters_beyond_ascii_are_folded(void **state)
{
	(void)state;
	struct fold *f = fold_new();
	assert_string_equal(fold_text(f, "Anna MÜLLER"), "anna müller");
	assert_string_equal(fold_text(f, "ИВАНОВА"), "иванова");
	assert_string_equal(fold_text(f, "ÅSA Ærø 5 ß"), "åsa ærø 5 ß");
	assert_string_equal(fold_text(f, ""), "");
	fold_free(&f);
	assert_null(f);
	fold_free(&f);
}

static void malformed_text_stays_as_it_is(void **state)
{
	(void)state;
	struct fold *f = fold_new();
	assert_string_equal(fold_text(f, "A\xFC\xE2\x82"), "a\xFC\xE2\x82");
	fold_free(&f);
}

/* What is written is what was read, for each character there is; nothing grows beyond its room. */
static void each_character_can_be_folded(void **state)
{
	(void)state;
	struct fold *f = fold_new();
	for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
		char text[UTF8_MAX + 1] = "";
		uint32_t again = 0;
		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		size_t len = utf8_encode(text, c);
		assert_int_equal(utf8_decode(text, &again), len);
		assert_int_equal(again, c);
		assert_int_equal(utf8_span(text), len);
		assert_true(strlen(fold_text(f, text)) <= UTF8_MAX);
	}
	fold_free(&f);
}

static void what_is_no_utf8_is_found(void **state)
{
	static const char *const bad[] = {"\x80", "\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(utf8_span(bad[i]), 0);
	assert_int_equal(utf8_span("ab\xFC"
				   "c"),
			 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_beyond_ascii_are_folded),
	    cmocka_unit_test(malformed_text_stays_as_it_is),
	    cmocka_unit_test(each_character_can_be_folded),
	    cmocka_unit_test(what_is_no_utf8_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
