/* Tokens an hour are of the time that somebody was at work; the hours of a day are those of the clock on the wall. */
#include "station/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NINE 1795680000 /* 2026-11-26T08:00:00Z, nine o'clock in Berlin */

static void zone(const char *tz)
{
	assert_int_equal(setenv("TZ", tz, 1), 0);
	tzset();
}

static void every_hour_has_the_tokens_that_were_finished_in_it(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	zone("Europe/Berlin");
	pace_add(&p, NINE, 20000);
	pace_add(&p, NINE + 3599, 20000);
	pace_add(&p, NINE + 3600, 20000);
	pace_add(&p, NINE + 86400, 20000);
	assert_int_equal(p.n_days, 2);
	assert_int_equal(p.days[0].year * 10000 + p.days[0].month * 100 + p.days[0].day, 20261126);
	assert_int_equal(p.days[0].tokens[9], 2);
	assert_int_equal(p.days[0].tokens[10], 1);
	assert_int_equal(p.days[0].sum, 3);
	assert_int_equal(p.days[1].tokens[9], 1);
	assert_int_equal(p.first, NINE);
	assert_int_equal(p.last, NINE + 86400);
	assert_string_equal(p.days[0].zone, "CET, UTC+01:00");
}

static void each_day_has_the_zone_of_its_time_of_the_year(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	zone("Europe/Berlin");
	pace_add(&p, 1792828800, 1); /* 2026-10-24T10:00:00+02:00, the day before clocks go back */
	pace_add(&p, 1792915200, 1);
	assert_int_equal(p.n_days, 2);
	assert_string_equal(p.days[0].zone, "CEST, UTC+02:00");
	assert_string_equal(p.days[1].zone, "CET, UTC+01:00");
	assert_int_equal(p.days[1].tokens[9], 1);
}

static void a_zone_without_a_name_of_its_own_is_told_by_its_distance(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"UTC0", "UTC+00:00"}, {"Asia/Kathmandu", "UTC+05:45"}, {"America/St_Johns", "NST, UTC-03:30"}};
	char text[PACE_ZONE_SIZE];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		zone(cases[i][0]);
		pace_zone(text, NINE);
		assert_string_equal(text, cases[i][1]);
	}
}

/* 60 tokens, one each minute, and an hour for lunch. */
static void a_break_is_no_work(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	zone("UTC0");
	for (int i = 0; i < 60; i++)
		pace_add(&p, NINE + i * 60 + (i >= 30 ? 3600 : 0), 60000);
	assert_int_equal(p.worked_ms, 3600000);
	assert_true(pace_per_hour(&p) > 59.99 && pace_per_hour(&p) < 60.01);
}

/* Eight readers, each 80 seconds a token: one comes every ten. */
static void readers_at_once_are_faster_than_each_of_them(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	for (int i = 0; i < 361; i++)
		pace_add(&p, NINE + i * 10, 80000);
	assert_true(pace_per_hour(&p) > 350 && pace_per_hour(&p) < 361);
}

static void of_too_little_nothing_is_said(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	assert_true(pace_per_hour(&p) < 0);
	pace_add(&p, NINE, 3600000);
	assert_true(pace_per_hour(&p) < 0);
	p = (struct pace){.n = 0};
	for (int i = 0; i < 10; i++)
		pace_add(&p, NINE, 300);
	assert_true(pace_per_hour(&p) < 0);
}

static void more_days_than_are_kept_are_counted(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	zone("UTC0");
	for (int i = 0; i < PACE_DAYS + 3; i++) {
		pace_add(&p, NINE + i * 86400L, 1);
		pace_add(&p, NINE + i * 86400L, 1);
	}
	assert_int_equal(p.n_days, PACE_DAYS);
	assert_int_equal(p.earlier_days, 3);
	assert_int_equal(p.earlier, 6);
	assert_int_equal(p.days[0].day, 29);
	assert_int_equal(p.days[PACE_DAYS - 1].day, 29); /* of December */
	assert_int_equal(p.days[PACE_DAYS - 1].month, 12);
}

static void a_time_out_of_any_calendar_does_no_harm(void **state)
{
	(void)state;
	struct pace p = {.n = 0};
	pace_add(&p, INT64_MAX, 1);
	pace_add(&p, INT64_MAX, 1);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.n_days, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_hour_has_the_tokens_that_were_finished_in_it),
	    cmocka_unit_test(each_day_has_the_zone_of_its_time_of_the_year),
	    cmocka_unit_test(a_zone_without_a_name_of_its_own_is_told_by_its_distance),
	    cmocka_unit_test(a_break_is_no_work),
	    cmocka_unit_test(readers_at_once_are_faster_than_each_of_them),
	    cmocka_unit_test(of_too_little_nothing_is_said),
	    cmocka_unit_test(more_days_than_are_kept_are_counted),
	    cmocka_unit_test(a_time_out_of_any_calendar_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
