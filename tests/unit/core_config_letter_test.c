/*
 * [letter] says how letters with PINs are printed, and half a wish is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"

static int parse(struct config **ret, const char *lines, struct err *e)
{
	struct blob text = BLOB_INIT;
	*ret = NULL;
	blob_set(&text, lines, strlen(lines));
	return config_parse(ret, "/etc/x/tokenroll.conf", &text, e);
}

static void without_it_there_are_no_letters(void **state)
{
	struct config *c = NULL;
	(void)state;
	assert_int_equal(parse(&c, "[letter]\n", NULL), 0);
	assert_null(c->letter.command);
	assert_null(c->letter.folder);
	assert_null(c->letter.templates);
	assert_int_equal(c->letter.recipients.n, 0);
	assert_int_equal(c->letter.format, CONFIG_LETTER_PDF);
	assert_int_equal(c->letter.timeout, 60);
	assert_string_equal(c->letter.language, "en");
	config_free(&c);
}

static void all_can_be_said(void **state)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;
	(void)state;
	if (parse(&c,
		  "[letter]\ncommand = lp -d \"the office\"\ntimeout = 5\nfolder = letters\nrecipient = one.pem\n"
		  "recipient = /two.pem\nformat = ps\ntemplates = own\nlanguage = de\n",
		  &e) != 0)
		fail_msg("%s", e.what);
	assert_string_equal(c->letter.command, "lp -d \"the office\"");
	assert_string_equal(c->letter.folder, "/etc/x/letters");
	assert_int_equal(c->letter.recipients.n, 2);
	assert_string_equal(c->letter.recipients.text[0], "/etc/x/one.pem");
	assert_string_equal(c->letter.recipients.text[1], "/two.pem");
	assert_int_equal(c->letter.format, CONFIG_LETTER_PS);
	assert_int_equal(c->letter.timeout, 5);
	assert_string_equal(c->letter.templates, "/etc/x/own");
	assert_string_equal(c->letter.language, "de");
	config_free(&c);
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *lines, *says;
	} bad[] = {
	    {"folder = letters", "[letter] needs both 'folder' and 'recipient'"},
	    {"recipient = one.pem", "[letter] needs both 'folder' and 'recipient'"},
	    {"command = lp \"", "line 2: "},
	    {"format = html", "line 2: 'html' is not one of pdf, ps"},
	    {"language = ../de", "line 2: '../de' is not a language's code"},
	    {"language = German", "line 2: 'German' is not a language's code"},
	    {"timeout = 0", "line 2: '0' is not a number from 1"},
	    {"printer = x", "line 2: [letter] has no key 'printer'"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct config *c = NULL;
		struct err e = ERR_INIT;
		char text[200];
		snprintf(text, sizeof text, "[letter]\n%s\n", bad[i].lines);
		assert_int_equal(parse(&c, text, &e), -1);
		assert_int_equal(e.code, ERR_CONFIG);
		if (strstr(e.what, bad[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", e.what, bad[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_it_there_are_no_letters),
	    cmocka_unit_test(all_can_be_said),
	    cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests_name("[letter] of the configuration", tests, NULL, NULL);
}
