/* Text that somebody else chose: what of it may be shown, and what becomes of the rest. */
#include "core/clean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *wanted)
{
	char *got = clean_dup(text);
	if (strcmp(got, wanted) != 0)
		fail_msg("\"%s\" became \"%s\", not \"%s\"", text, got, wanted);
	free(got);
}

static void readable_text_of_any_script_stays_as_it_is(void **state)
{
	(void)state;
	expect("", "");
	expect(NULL, "");
	expect(" ~\"'\\<&", " ~\"'\\<&");
	expect("J\xC3\xBCrgen \xD0\x96\xD0\xB0\xD0\xBD\xD0\xBD\xD0\xB0 \xE6\x9D\x8E \xF0\x9F\x98\x80",
	       "J\xC3\xBCrgen \xD0\x96\xD0\xB0\xD0\xBD\xD0\xBD\xD0\xB0 \xE6\x9D\x8E \xF0\x9F\x98\x80");
}

static void what_needs_no_change_is_told_by_its_length(void **state)
{
	(void)state;
	assert_int_equal(clean_span(""), 0);
	assert_int_equal(clean_span(" user~1"), 7);
	assert_int_equal(clean_span("ab\nc"), 2);
	assert_int_equal(clean_span("J\xC3\xBCrgen"), 1);
	assert_int_equal(clean_span("\x7f"), 0);
}

static void what_commands_a_terminal_or_ends_a_line_becomes_a_question_mark(void **state)
{
	(void)state;
	expect("\x1b[31mred\x07\n\r\t\x7f", "?[31mred?????");
	expect("a\xC2\x9B"
	       "b",
	       "a?b"); /* U+009B, CSI in one character */
	expect("a\xE2\x80\xA8"
	       "b\xE2\x80\xA9"
	       "c",
	       "a?b?c"); /* line and paragraph separator */
}

static void what_hides_or_turns_text_around_becomes_a_question_mark(void **state)
{
	(void)state;
	expect("\xE2\x80\xAEgnp.exe", "?gnp.exe"); /* right-to-left override */
	expect("x\xE2\x81\xA6y\xE2\x80\x8Bz\xC2\xAD\xEF\xBB\xBF", "x?y?z??");
	expect("\xF3\xA0\x81\x81", "?"); /* a tag character */
}

static void each_malformed_byte_becomes_a_question_mark(void **state)
{
	(void)state;
	expect("\xff\xfe", "??");
	expect("\x9b"
	       "2J",
	       "?2J");                                               /* C1 as a terminal for Latin-1 takes it */
	expect("\xC0\xAF\xE0\x80\xAF\xF0\x80\x80\xAF", "?????????"); /* overlong */
	expect("\xED\xA0\x80", "???");                               /* a surrogate */
	expect("\xF4\x90\x80\x80", "????");                          /* beyond U+10FFFF */
	expect("ab\xE2\x82", "ab??");                                /* cut off */
	expect("\xC3(", "?(");
}

static void a_copy_ends_with_a_whole_character_and_in_time(void **state)
{
	static const char text[] = "a\xC3\xBC\xE2\x82\xAC\n"; /* 1, 2, 3 and 1 bytes */
	static const char *const wanted[] = {NULL,
					     "",
					     "a",
					     "a",
					     "a\xC3\xBC",
					     "a\xC3\xBC",
					     "a\xC3\xBC",
					     "a\xC3\xBC\xE2\x82\xAC",
					     "a\xC3\xBC\xE2\x82\xAC?"};
	(void)state;
	for (size_t size = 1; size < sizeof wanted / sizeof *wanted; size++) {
		char copy[16];
		memset(copy, '#', sizeof copy);
		clean_text(copy, size, text);
		assert_string_equal(copy, wanted[size]);
		assert_int_equal(copy[size], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(readable_text_of_any_script_stays_as_it_is),
	    cmocka_unit_test(what_needs_no_change_is_told_by_its_length),
	    cmocka_unit_test(what_commands_a_terminal_or_ends_a_line_becomes_a_question_mark),
	    cmocka_unit_test(what_hides_or_turns_text_around_becomes_a_question_mark),
	    cmocka_unit_test(each_malformed_byte_becomes_a_question_mark),
	    cmocka_unit_test(a_copy_ends_with_a_whole_character_and_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
