/*
 * Nothing is sealed to a certificate that cannot be opened with, is not meant for it, or is not there.
 */
#include "recovery_fixture.h"

static void refuses(const char *names, enum err_code code, const char *words)
{
	struct recipients *r = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(load(&r, names, &e), -1);
	assert_null(r);
	assert_says(&e, code, words);
	assert_int_equal(err_exit_status(code), 2);
}

static void no_recovery_certificate_is_said_and_how_to_make_one(void **state)
{
	(void)state;
	refuses("", ERR_RECOVERY_MISSING, "tokenroll(8)");
}

static void certificates_of_all_files_are_taken_each_once(void **state)
{
	struct recipients *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_recovery("one", RSA_2048, GOOD_RSA " -set_serial 0x0a1b");
	make_recovery("two", EC_P256, GOOD_EC " -set_serial 2");
	assert_int_equal(shell("cat two.pem one.pem >both.pem; openssl x509 -in one.pem -text -out text.pem"), 0);
	if (load(&r, "one.pem both.pem text.pem", &e) == -1)
		fail_msg("%s", e.what);
	assert_int_equal(recipients_count(r), 2);
	assert_string_equal(recipients_names(r), "CN=one (serial 0A1B); CN=two (serial 02)");
	assert_non_null(recipients_certificate(r, 1));
	recipients_free(&r);
	assert_null(r);
}

static void what_the_manual_says_makes_a_good_one(void **state)
{
	struct recipients *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	/* without keyUsage everything is allowed; a certificate of version 1 says nothing at all */
	assert_int_equal(shell("openssl req -x509 -newkey " RSA_2048
			       " -nodes -keyout plain.key -out plain.pem -subj /CN=p -config "
			       "/dev/null"),
			 0);
	make_recovery("p384", "ec -pkeyopt ec_paramgen_curve:P-384", GOOD_EC);
	if (load(&r, "plain.pem p384.pem", &e) == -1)
		fail_msg("%s", e.what);
	recipients_free(&r);
}

static void a_certificate_of_the_wrong_kind_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *name, *key, *options, *words;
	} cases[] = {
	    {"ca", RSA_2048, "-days 30 -addext keyUsage=critical,keyEncipherment,keyCertSign", "is a CA's"},
	    {"sign", RSA_2048, "-days 30 -addext basicConstraints=CA:FALSE -addext keyUsage=digitalSignature",
	     "without keyEncipherment"},
	    {"ecsign", EC_P256,
	     "-days 30 -addext basicConstraints=CA:FALSE -addext keyUsage=digitalSignature,keyEncipherment",
	     "without keyAgreement"},
	    {"short", "rsa:1024", GOOD_RSA, "of 1024 bits"},
	    {"p192", "ec -pkeyopt ec_paramgen_curve:prime192v1", GOOD_EC, "too short"},
	    {"ed", "ed25519", GOOD_EC, "neither RSA nor EC"},
	    {"pss", "rsa-pss -pkeyopt rsa_keygen_bits:2048", GOOD_RSA, "neither RSA nor EC"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char file[32], cn[48];

		make_recovery(cases[i].name, cases[i].key, cases[i].options);
		snprintf(file, sizeof(file), "%s.pem", cases[i].name);
		snprintf(cn, sizeof(cn), "%s: the recovery certificate CN=%s ", file, cases[i].name);
		refuses(file, ERR_CONFIG, cases[i].words);
		refuses(file, ERR_CONFIG, cn);
		refuses(file, ERR_CONFIG, "tells how to make one");
	}
	/* also behind a good one */
	make_recovery("good", RSA_2048, GOOD_RSA);
	refuses("good.pem ed.pem", ERR_CONFIG, "CN=ed");
}

/* late.pem and early.pem: not valid any more, and not yet. */
static void make_late_and_early(void)
{
	assert_int_equal(
	    shell("touch index.txt; echo 01 >serial; printf '[ca]\\ndefault_ca = c\\n[c]\\nnew_certs_dir = .\\n"
		  "database = index.txt\\nserial = serial\\ndefault_md = sha256\\npolicy = p\\n"
		  "unique_subject = no\\n[p]\\ncommonName = supplied\\n' >ca.cnf;"
		  "openssl req -new -newkey " RSA_2048 " -nodes -keyout late.key -out late.csr -subj /CN=late;"
		  "openssl ca -config ca.cnf -batch -selfsign -keyfile late.key -in late.csr -out late.pem"
		  " -startdate 20200101000000Z -enddate 20210203000000Z;"
		  "openssl ca -config ca.cnf -batch -selfsign -keyfile late.key -in late.csr -out early.pem"
		  " -startdate 20450607000000Z -enddate 20460101000000Z"),
	    0);
}

static void where_no_certificate_is_valid_now_nothing_is_sealed_and_the_day_is_said(void **state)
{
	(void)state;
	make_late_and_early();
	refuses("late.pem", ERR_CONFIG, "late.pem: the recovery certificate CN=late (serial 01) expired on 2021-02-03");
	refuses("early.pem", ERR_CONFIG, "valid only from 2045-06-07 on");
	refuses("late.pem early.pem", ERR_CONFIG, "and none of the others is valid now");
	refuses("late.pem", ERR_CONFIG, "its key still opens what was sealed to it");
}

static void one_that_is_not_valid_now_beside_a_good_one_is_left_out_with_a_note(void **state)
{
	struct recipients *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_recovery("valid", RSA_2048, GOOD_RSA " -days 400");
	if (load(&r, "late.pem valid.pem early.pem", &e) == -1)
		fail_msg("%s", e.what);
	assert_int_equal(recipients_count(r), 1);
	assert_null(strstr(recipients_names(r), "late"));
	assert_int_equal(recipients_note_count(r), 2);
	assert_non_null(
	    strstr(recipients_note(r, 0), "CN=late (serial 01) expired on 2021-02-03: nothing is sealed to it"));
	assert_non_null(strstr(recipients_note(r, 1), "valid only from 2045-06-07 on"));
	recipients_free(&r);
}

static void one_that_expires_within_90_days_is_said_at_each_sealing(void **state)
{
	struct recipients *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_recovery("soon", RSA_2048, GOOD_RSA " -days 89");
	make_recovery("fine", RSA_2048, GOOD_RSA " -days 92");
	if (load(&r, "soon.pem soon.pem fine.pem", &e) == -1)
		fail_msg("%s", e.what);
	assert_int_equal(recipients_count(r), 2);
	assert_int_equal(recipients_note_count(r), 1);
	assert_non_null(strstr(recipients_note(r, 0), "the recovery certificate CN=soon"));
	assert_non_null(strstr(recipients_note(r, 0), "expires on 20"));
	assert_non_null(strstr(recipients_note(r, 0), "[escrow]"));
	recipients_free(&r);
}

static void a_file_without_a_good_certificate_is_refused(void **state)
{
	(void)state;
	make_recovery("x", RSA_2048, GOOD_RSA);
	refuses("missing.pem", ERR_CONFIG, "missing.pem");
	refuses("missing.pem", ERR_CONFIG, "No such file");
	assert_int_equal(
	    shell("openssl x509 -in x.pem -outform DER -out x.der; : >empty.pem;"
		  "sed 's/^MII/MIX/' x.pem >bad.pem; cat x.pem bad.pem >second.pem; cat x.key x.pem >key.pem"),
	    0);
	refuses("x.der", ERR_CONFIG, "openssl x509 -inform DER");
	refuses("empty.pem", ERR_CONFIG, "no certificate");
	refuses("bad.pem", ERR_CONFIG, "number 1 is damaged");
	refuses("second.pem", ERR_CONFIG, "number 2 is damaged");
	refuses("key.pem", ERR_CONFIG, "private key");
}

static int prepare(void **state)
{
	(void)state;
	return make_folder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_recovery_certificate_is_said_and_how_to_make_one),
	    cmocka_unit_test(certificates_of_all_files_are_taken_each_once),
	    cmocka_unit_test(what_the_manual_says_makes_a_good_one),
	    cmocka_unit_test(a_certificate_of_the_wrong_kind_is_refused_with_the_reason),
	    cmocka_unit_test(where_no_certificate_is_valid_now_nothing_is_sealed_and_the_day_is_said),
	    cmocka_unit_test(one_that_is_not_valid_now_beside_a_good_one_is_left_out_with_a_note),
	    cmocka_unit_test(one_that_expires_within_90_days_is_said_at_each_sealing),
	    cmocka_unit_test(a_file_without_a_good_certificate_is_refused),
	};

	return cmocka_run_group_tests(tests, prepare, remove_folder);
}
