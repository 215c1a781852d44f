/* [ca]'s keys about attestation: what they take, and that a half-made wish is refused before anything is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/keypolicy.h"

static int parse(struct config **ret, const char *lines, struct err *e)
{
	struct blob text = BLOB_INIT;
	*ret = NULL;
	blob_set(&text, lines, strlen(lines));
	return config_parse(ret, "/etc/x/tokenroll.conf", &text, e);
}

static void refused(const char *lines, const char *says)
{
	struct err e = ERR_INIT;
	struct config *c = NULL;
	assert_int_equal(parse(&c, lines, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	if (strstr(e.what, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.what, says);
}

static struct config *good(const char *lines)
{
	struct err e = ERR_INIT;
	struct config *c = NULL;
	if (parse(&c, lines, &e) != 0)
		fail_msg("%s", e.what);
	return c;
}

static void nothing_is_required_by_default(void **state)
{
	(void)state;
	struct config *c = good("[ca]\n");
	assert_false(c->ca.require_attestation);
	assert_null(c->ca.attestation_roots);
	assert_int_equal(c->ca.attestation_pins, KEYPOLICY_PINS_DEFAULT);
	assert_int_equal(c->ca.attestation_pins & KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_NEVER), 0);
	assert_false(c->ca.attestation_touch);
	config_free(&c);
}

static void all_can_be_said(void **state)
{
	(void)state;
	struct config *c = good("[ca]\nrequire-attestation = yes\nattestation-roots = roots.pem\n"
				"attestation-pin-policy = once, match-once never\nattestation-touch = required\n");
	assert_true(c->ca.require_attestation);
	assert_string_equal(c->ca.attestation_roots, "/etc/x/roots.pem");
	assert_int_equal(c->ca.attestation_pins, KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_ONCE) |
						     KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_MATCH_ONCE) |
						     KEYPOLICY_PIN_BIT(KEYPOLICY_PIN_NEVER));
	assert_true(c->ca.attestation_touch);
	config_free(&c);
	c = good("[ca]\nrequire-attestation = no\nattestation-pin-policy =\nattestation-touch = any\n");
	assert_false(c->ca.require_attestation);
	assert_int_equal(c->ca.attestation_pins, KEYPOLICY_PINS_DEFAULT);
	assert_false(c->ca.attestation_touch);
	config_free(&c);
}

static void a_wish_that_cannot_be_met_is_refused(void **state)
{
	(void)state;
	refused("[ca]\nrequire-attestation = yes\n", "needs attestation-roots");
	refused("[ca]\nattestation-roots =\nrequire-attestation = yes\n", "needs attestation-roots");
	refused("[ca]\n\nrequire-attestation = maybe\n", "line 3: 'maybe' is not one of yes, no");
	refused("[ca]\nattestation-touch = never\n", "line 2: 'never' is not one of any, required");
	refused("[ca]\nattestation-pin-policy = once sometimes\n", "line 2: 'sometimes' is not one of never, once");
	refused("[ca]\nattestation-pin-policy = unknown\n", "'unknown' is not one of");
	refused("[ca]\nattestation-roots = a\nattestation-roots = b\n", "given twice");
}

static void what_an_hsms_module_needs_is_said_line_by_line(void **state)
{
	(void)state;
	struct config *c = good("[ca]\nkey = pkcs11:token=A;id=%01?module-path=/x.so\nhsm-env = A=1\nhsm-env = B=x y\n"
				"hsm-writes = tokens\nhsm-writes = /var/lib/y\n");
	assert_true(config_key_on_hsm(&c->ca));
	assert_string_equal(c->ca.key, "pkcs11:token=A;id=%01?module-path=/x.so");
	assert_int_equal(c->ca.hsm_env.n, 2);
	assert_string_equal(c->ca.hsm_env.text[1], "B=x y");
	assert_int_equal(c->ca.hsm_writes.n, 2);
	assert_string_equal(c->ca.hsm_writes.text[0], "/etc/x/tokens");
	config_free(&c);
	refused("[ca]\nhsm-env = 1X=2\n", "'1X=2' is not NAME=VALUE");
	refused("[ca]\nhsm-env = NAME\n", "line 2");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_required_by_default),
	    cmocka_unit_test(all_can_be_said),
	    cmocka_unit_test(a_wish_that_cannot_be_met_is_refused),
	    cmocka_unit_test(what_an_hsms_module_needs_is_said_line_by_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
