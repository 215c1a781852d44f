/*
 * The configuration names recovery certificates, as many as there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"

static int parse(struct config **ret, const char *text, struct err *e)
{
	struct blob b = BLOB_INIT;

	blob_set(&b, text, strlen(text));
	return config_parse(ret, "/etc/tokenroll/tokenroll.conf", &b, e);
}

static void recovery_may_be_given_several_times(void **state)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse(&c,
			       "[escrow]\nrecovery = /a/one.pem\nrecovery = two.pem ; in the safe\nrecovery =\n"
			       "[store]\npath = x.db\n[escrow]\nrecovery = ../three.pem\n",
			       &e),
			 0);
	assert_int_equal(c->escrow.recovery.n, 3);
	assert_string_equal(c->escrow.recovery.text[0], "/a/one.pem");
	assert_string_equal(c->escrow.recovery.text[1], "/etc/tokenroll/two.pem");
	assert_string_equal(c->escrow.recovery.text[2], "/etc/tokenroll/../three.pem");
	config_free(&c);
}

static void without_it_there_is_none(void **state)
{
	struct config *c = NULL;

	(void)state;
	assert_int_equal(parse(&c, "[escrow]\n", NULL), 0);
	assert_int_equal(c->escrow.recovery.n, 0);
	config_free(&c);
}

static void any_other_key_given_twice_is_an_error(void **state)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse(&c, "[escrow]\nrecovery = a\n[store]\npath = x\npath = y\n", &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.what, "line 5: [store] path is given twice, first in line 4"));
	assert_int_equal(parse(&c, "[escrow]\nrecover = a\n", &e), -1);
	assert_non_null(strstr(e.what, "line 2: [escrow] has no key 'recover'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recovery_may_be_given_several_times),
	    cmocka_unit_test(without_it_there_is_none),
	    cmocka_unit_test(any_other_key_given_twice_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
