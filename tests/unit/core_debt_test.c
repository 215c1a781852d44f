/* Whoever has left the VPN server untold is not forgotten before it is told; whoever lives owes nothing yet. */
#include "core/debt.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/debt-XXXXXX", store[64], file[80];

static bool is_there(void)
{
	return access(file, F_OK) == 0;
}

static struct debt *begin(void)
{
	struct debt *d = debt_open(store);
	assert_non_null(d);
	assert_true(is_there());
	return d;
}

static void leave(bool due)
{
	struct debt *d = begin();
	debt_close(&d, due);
	assert_null(d);
}

static void pay(struct debt *d)
{
	debt_telling(d);
	debt_told(d);
}

static void one_that_owes_nothing_leaves_nothing(void **state)
{
	(void)state;
	struct debt *d = begin();
	assert_false(debt_is_owed(d));
	debt_close(&d, false);
	assert_false(is_there());
}

static void what_is_left_is_owed_until_it_is_paid(void **state)
{
	(void)state;
	leave(true);
	leave(false);
	struct debt *d = begin();
	assert_true(debt_is_owed(d));
	pay(d);
	assert_false(debt_is_owed(d));
	debt_close(&d, false);
	assert_false(is_there());
}

static void whoever_lives_owes_nothing_yet_and_keeps_the_file(void **state)
{
	(void)state;
	struct debt *a = begin(), *b = begin();
	assert_false(debt_is_owed(a) || debt_is_owed(b));
	pay(b);
	debt_close(&b, false);
	assert_true(is_there());
	debt_close(&a, true);
	struct debt *c = begin();
	assert_true(debt_is_owed(c));
	pay(c);
	debt_close(&c, false);
	assert_false(is_there());
}

static void what_comes_while_the_command_runs_is_not_paid_by_it(void **state)
{
	(void)state;
	struct debt *a = begin(), *living = begin();
	leave(true);
	debt_telling(a);
	leave(true);
	debt_close(&living, true);
	debt_told(a);
	assert_true(debt_is_owed(a));
	pay(a);
	assert_false(debt_is_owed(a));
	debt_close(&a, false);
	assert_false(is_there());
}

static void a_file_without_a_byte_is_a_debt(void **state)
{
	(void)state;
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fclose(f);
	leave(false);
	struct debt *d = begin();
	assert_true(debt_is_owed(d));
	pay(d);
	debt_close(&d, false);
	assert_false(is_there());
}

static void what_root_has_left_is_the_databases_owners(void **state)
{
	(void)state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	close(open(store, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(chown(store, 65534, 65534), 0);
	leave(true);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(unlink(store), 0);
	assert_int_equal(unlink(file), 0);
}

static void where_no_file_can_be_made_nothing_is_owed(void **state)
{
	(void)state;
	struct debt *none = NULL, *d = debt_open("/nonexistent/folder/tokenroll.db");
	assert_false(debt_is_owed(d) || debt_is_owed(none));
	pay(d);
	pay(none);
	debt_close(&d, true);
	debt_close(&none, true);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(store, sizeof store, "%s/tokenroll.db", folder);
	snprintf(file, sizeof file, "%s.after-crl", store);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(file);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_owes_nothing_leaves_nothing),
	    cmocka_unit_test(what_is_left_is_owed_until_it_is_paid),
	    cmocka_unit_test(whoever_lives_owes_nothing_yet_and_keeps_the_file),
	    cmocka_unit_test(what_comes_while_the_command_runs_is_not_paid_by_it),
	    cmocka_unit_test(a_file_without_a_byte_is_a_debt),
	    cmocka_unit_test(what_root_has_left_is_the_databases_owners),
	    cmocka_unit_test(where_no_file_can_be_made_nothing_is_owed),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
