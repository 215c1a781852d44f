/* "Since when" is a day or so many days or hours back, and nothing else. */
#include "core/since.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795600000 /* 2026-11-25T09:46:40Z */

static void a_day_or_so_long_back(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		time_t t;
	} cases[] = {
	    {"2026-11-01", 1793491200},
	    {"2026-11-25", 1795564800},
	    {"7d", NOW - 7 * 86400},
	    {"12h", NOW - 12 * 3600},
	    {"0h", NOW},
	    {"1969-12-31", -86400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		time_t t = 0;
		if (since_parse(&t, cases[i].text, NOW, &e) != 0)
			fail_msg("%s: %s", cases[i].text, e.what);
		assert_int_equal(t, cases[i].t);
	}
}

static void nonsense_is_a_usage_error_that_says_what_can_be_typed(void **state)
{
	(void)state;
	static const char *const cases[] = {"",
					    "yesterday",
					    "7",
					    "d",
					    "-7d",
					    "+7d",
					    " 7d",
					    "7 d",
					    "7dd",
					    "2026-02-30",
					    "2026-13-01",
					    "2026-11-1",
					    "26-11-01",
					    "2026-11-01 ",
					    "2026-11-01T00:00:00Z",
					    "9999999999999999999999d",
					    "1000001d",
					    "0x7d",
					    "7D"};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		time_t t = 77;
		if (since_parse(&t, cases[i], NOW, &e) == 0)
			fail_msg("'%s' was taken", cases[i]);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(err_advice(&e), "7d"));
		assert_int_equal(t, 77);
	}
}

static void the_future_is_none(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	time_t t = 77;
	assert_int_equal(since_parse(&t, "2026-11-26", NOW, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.what, "2026-11-26 is in the future"));
	assert_non_null(strstr(e.what, "it is 2026-11-25"));
	assert_int_equal(t, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_day_or_so_long_back),
	    cmocka_unit_test(nonsense_is_a_usage_error_that_says_what_can_be_typed),
	    cmocka_unit_test(the_future_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
