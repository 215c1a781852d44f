/* A command line is split as people write it, and nothing in it is expanded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/words.h"

/* The words with | between. */
static const char *split(const char *text)
{
	static char all[512];
	struct words w = WORDS_INIT;
	struct err e = ERR_INIT;
	all[0] = '\0';
	assert_int_equal(words_split(&w, text, &e), 0);
	for (size_t i = 0; i < w.n; i++) {
		size_t n = strlen(all);
		snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? "|" : "", w.list[i]);
	}
	if (w.n > 0)
		assert_null(w.list[w.n]);
	words_free(&w);
	return all;
}

static void blanks_part_words(void **state)
{
	(void)state;
	assert_string_equal(split(""), "");
	assert_string_equal(split(" \t "), "");
	assert_string_equal(split("a"), "a");
	assert_string_equal(split("  systemctl  reload\topenvpn@server "), "systemctl|reload|openvpn@server");
}

static void quotes_keep_a_word_together(void **state)
{
	(void)state;
	assert_string_equal(split("'a b' \"c d\" e\\ f"), "a b|c d|e f");
	assert_string_equal(split("a'b c'd\"e f\""), "ab cde f");
	assert_string_equal(split("'' \"\" x"), "||x");
	assert_string_equal(split("'\"' \"'\" \\' \\\""), "\"|'|'|\"");
	assert_string_equal(split("'a\\b' \"a\\b\" \"a\\\"b\" \"a\\\\b\""), "a\\b|a\\b|a\"b|a\\b");
}

static void nothing_is_expanded(void **state)
{
	(void)state;
	assert_string_equal(split("$HOME \"$HOME\" `id` $(id) *.pem ~ a;b a|b >x #y"),
			    "$HOME|$HOME|`id`|$(id)|*.pem|~|a;b|a|b|>x|#y");
}

static void what_does_not_end_is_refused(void **state)
{
	static const char *const wrong[] = {"'", "\"", "a 'b", "a \"b\\\"", "a\\", "\\"};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct words w = WORDS_INIT;
		struct err e = ERR_INIT;
		assert_int_equal(words_split(&w, wrong[i], &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.what, wrong[i]));
		assert_null(w.list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blanks_part_words),
	    cmocka_unit_test(quotes_keep_a_word_together),
	    cmocka_unit_test(nothing_is_expanded),
	    cmocka_unit_test(what_does_not_end_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
