/* A renewal: a second valid certificate of one name, which easy-rsa understands as its own. */
#include "ca_fixture.h"

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "ec", "ec", false);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

/* Runs it and looks for words in what it says. */
static void easyrsa_says(const char *args, const char *words)
{
	must_easyrsa(&fx, args);
	if (shell("grep -q '%s' %s/easyrsa.log", words, fx.dir) != 0) {
		shell("cat %s/easyrsa.log >&2", fx.dir);
		fail_msg("easyrsa %s does not say %s", args, words);
	}
}

static void the_key_of_the_one_before_gets_a_second_certificate_that_easyrsa_knows_as_renewed(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued a, b, again;
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &a);
	assert_ok(ca_renewable(ca, "alice", a.cert.serial, &e), &e);
	assert_ok(try_issue_beside(ca, "alice", key, a.cert.serial, &b, &e), &e);
	assert_false(b.existed);
	assert_string_not_equal(a.cert.serial, b.cert.serial);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 2);
	/* the same once more is the same certificate */
	assert_ok(try_issue_beside(ca, "alice", key, a.cert.serial, &again, &e), &e);
	assert_true(again.existed);
	assert_string_equal(again.cert.serial, b.cert.serial);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 2);
	easyrsa_says("show-renew", a.cert.serial);
	must_easyrsa(&fx, "show-cert alice");
	must_easyrsa(&fx, "revoke-renewed alice superseded");
	must_easyrsa(&fx, "gen-crl");
	char row[128];
	snprintf(row, sizeof row, "^R.*,superseded\t%s\t", a.cert.serial);
	assert_int_equal(shell("grep -qP '%s' %s/index.txt", row, fx.pki), 0);
	assert_true(pki_has(&fx, "issued/alice.crt"));
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", a.cert.serial));
	/* and then it is no longer in the way */
	bool already = false;
	assert_ok(ca_revoke(ca, "alice", a.cert.serial, "superseded", &already, &e), &e);
	assert_true(already);
	must_easyrsa(&fx, "revoke alice");
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	ca_certificate_free(&again.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void the_older_one_is_revoked_by_us_and_the_newer_one_stays(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued a, b;
	bool already = true, found = false;
	struct ca_certificate c;
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &a);
	assert_ok(try_issue_beside(ca, "alice", key, a.cert.serial, &b, &e), &e);
	assert_ok(ca_find_other(ca, "alice", a.cert.serial, &found, &c, &e), &e);
	assert_true(found);
	assert_string_equal(c.serial, b.cert.serial);
	ca_certificate_free(&c);
	assert_ok(ca_revoke(ca, "alice", a.cert.serial, "superseded", &already, &e), &e);
	assert_false(already);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	assert_true(pki_has(&fx, "issued/alice.crt"));
	assert_true(pki_has(&fx, "reqs/alice.req"));
	assert_false(pki_has(&fx, "renewed/issued/alice.crt"));
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", a.cert.serial));
	assert_true(pki_has(&fx, "revoked/reqs_by_serial/%s.req", a.cert.serial));
	must_easyrsa(&fx, "gen-crl");
	must_easyrsa(&fx, "show-cert alice");
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_third_one_keeps_the_first_where_its_serial_finds_it(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued a, b, c;
	char both[2 * CA_SERIAL_HEX_MAX];
	bool already;
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &a);
	assert_ok(try_issue_beside(ca, "alice", key, a.cert.serial, &b, &e), &e);
	snprintf(both, sizeof both, "%s %s", a.cert.serial, b.cert.serial);
	assert_ok(try_issue_beside(ca, "alice", other, both, &c, &e), &e);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 3);
	easyrsa_says("show-renew", b.cert.serial);
	assert_true(pki_has(&fx, "certs_by_serial/%s.pem", a.cert.serial));
	assert_ok(ca_revoke(ca, "alice", a.cert.serial, "superseded", &already, &e), &e);
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", a.cert.serial));
	must_easyrsa(&fx, "revoke-renewed alice");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	ca_certificate_free(&c.cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	ca_close(&ca);
}

static void one_that_is_not_in_the_journal_is_in_the_way(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	fixture_use(&fx, "ec");
	must_easyrsa(&fx, "build-client-full alice nopass");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(ca_renewable(ca, "alice", "5A5A", &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	assert_non_null(strstr(e.next, "not in tokenroll's journal"));
	assert_int_equal(try_issue_beside(ca, "alice", key, "5A5A", &out, &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	assert_int_equal(count_lines(&fx, "index.txt", "CN=alice$"), 1);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void unique_subjects_are_refused_with_the_way_out(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued a, b;
	fixture_use(&fx, "ec");
	assert_int_equal(shell("echo 'unique_subject = yes' >%s/index.txt.attr", fx.pki), 0);
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &a);
	assert_int_equal(ca_renewable(ca, "alice", a.cert.serial, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "unique_subject = yes");
	assert_non_null(strstr(e.next, "write unique_subject = no into index.txt.attr"));
	assert_int_equal(try_issue_beside(ca, "alice", key, a.cert.serial, &b, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_int_equal(count_lines(&fx, "index.txt", "CN=alice$"), 1);
	assert_true(pki_has(&fx, "issued/alice.crt"));
	must_easyrsa(&fx, "gen-crl");
	ca_certificate_free(&a.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_key_of_the_one_before_gets_a_second_certificate_that_easyrsa_knows_as_renewed),
	    cmocka_unit_test(the_older_one_is_revoked_by_us_and_the_newer_one_stays),
	    cmocka_unit_test(a_third_one_keeps_the_first_where_its_serial_finds_it),
	    cmocka_unit_test(one_that_is_not_in_the_journal_is_in_the_way),
	    cmocka_unit_test(unique_subjects_are_refused_with_the_way_out),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
