/* Dates as people read them. */
#include "core/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(time_t t, const char *wanted)
{
	char day[DAY_SIZE];
	day_format(day, t);
	assert_string_equal(day, wanted);
}

static void a_day_is_what_the_c_library_calls_it(void **state)
{
	(void)state;
	for (time_t t = -3000000000; t < 250000000000; t += 86400 * 1009 + 7) {
		char wanted[DAY_SIZE];
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(strftime(wanted, sizeof wanted, "%Y-%m-%d", &tm), 10);
		expect(t, wanted);
	}
	expect(0, "1970-01-01");
	expect(1709251199, "2024-02-29");
	expect(253402300799, "9999-12-31");
}

static void a_time_without_a_day_is_unknown(void **state)
{
	(void)state;
	expect(253402300800, "unknown");
	expect(INT64_MAX, "unknown");
	expect(INT64_MIN, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_day_is_what_the_c_library_calls_it),
	    cmocka_unit_test(a_time_without_a_day_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
