/* An error from OpenSSL says what it is about, not only what kind it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

#include <openssl/err.h>

static void the_reason_comes_with_what_it_is_about(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	ERR_raise_data(ERR_LIB_X509V3, ERR_R_PASSED_INVALID_ARGUMENT, "nonsense");
	ERR_raise_data(ERR_LIB_X509V3, ERR_R_OPERATION_FAIL, "name=keyUsage, value=nonsense");
	ERR_raise(ERR_LIB_X509V3, ERR_R_INTERNAL_ERROR);
	err_openssl(&e, ERR_CA_PKI, "cannot");
	assert_string_equal(e.native, "passed invalid argument: name=keyUsage, value=nonsense");
	assert_int_equal(ERR_peek_error(), 0);
}

static void a_reason_without_more_stays_alone(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	ERR_raise(ERR_LIB_X509V3, ERR_R_INTERNAL_ERROR);
	err_openssl(&e, ERR_CA_PKI, "cannot");
	assert_string_equal(e.native, "internal error");
	err_openssl(&e, ERR_CA_PKI, "cannot");
	assert_string_equal(e.native, "");
}

static void what_is_too_long_is_cut(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char data[300];
	memset(data, 'x', sizeof data);
	ERR_raise_data(ERR_LIB_X509V3, ERR_R_INTERNAL_ERROR, "%.299s", data);
	err_openssl(&e, ERR_CA_PKI, "cannot");
	assert_int_equal(strlen(e.native), sizeof e.native - 1);
	assert_memory_equal(e.native, "internal error: xxx", 19);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_reason_comes_with_what_it_is_about),
	    cmocka_unit_test(a_reason_without_more_stays_alone),
	    cmocka_unit_test(what_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
