/*
 * The rest of a name or a PIN that is asked no more, because its token was pulled out, is for nothing else.
 */
#include "core/clock.h"
#include "station/view_screen_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct view_screen cut_off(int64_t ago)
{
	return (struct view_screen){.mode = VIEW_WHOSE, .cut_off = true, .typed_at = clock_ms() - ago};
}

static void the_rest_of_what_was_being_typed_is_not_taken_up_to_its_end(void **state)
{
	struct view_screen v = cut_off(0);

	(void)state;
	assert_true(view_scan_takes(&v, L'u', false));
	assert_true(view_scan_takes(&v, L'y', false));
	assert_true(view_scan_takes(&v, L'\n', false));
	/* another one begins */
	assert_false(v.cut_off);
}

static void what_is_typed_after_a_pause_is_taken(void **state)
{
	struct view_screen v = cut_off(5000);

	(void)state;
	assert_false(view_scan_takes(&v, L'u', false));
	assert_false(view_scan_takes(&v, L'y', false));
}

static void keys_that_nobody_types_in_a_name_are_taken_at_once(void **state)
{
	struct view_screen v = cut_off(0);

	(void)state;
	assert_false(view_scan_takes(&v, 3, false)); /* Ctrl-C */
	assert_false(view_scan_takes(&v, 27, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rest_of_what_was_being_typed_is_not_taken_up_to_its_end),
	    cmocka_unit_test(what_is_typed_after_a_pause_is_taken),
	    cmocka_unit_test(keys_that_nobody_types_in_a_name_are_taken_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
