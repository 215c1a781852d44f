/* What tokenroll issues is an easy-rsa certificate, and easy-rsa goes on working with it. */
#include "ca_fixture.h"

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_make_pki(&fx, "ec-encrypted", "ec", true);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static void check_with_openssl(const char *user)
{
	assert_int_equal(
	    shell("cd %s && openssl verify -purpose sslclient -CAfile ca.crt issued/%s.crt >/dev/null", fx.pki, user),
	    0);
}

/* Issues for an EC key, then lets easy-rsa show, revoke and list it. */
static void full_life(const char *pki, const char *pass)
{
	fixture_use(&fx, pki);
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_issued out;
	must_issue(ca, "alice", key, false, &out);
	assert_false(out.existed);
	assert_false(out.shortened);
	assert_string_equal(out.replaced, "");
	check_with_openssl("alice");
	must_easyrsa(&fx, "show-cert alice");
	must_easyrsa(&fx, "show-expire");
	char *args = xasprintf("%s update-db", pass);
	must_easyrsa(&fx, args);
	free(args);
	args = xasprintf("%s revoke alice keyCompromise", pass);
	must_easyrsa(&fx, args);
	free(args);
	args = xasprintf("%s gen-crl", pass);
	must_easyrsa(&fx, args);
	free(args);
	assert_int_equal(
	    shell("openssl crl -in %s/crl.pem -noout -text | grep -q 'Serial Number: %s'", fx.pki, out.cert.serial), 0);
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", out.cert.serial));
	/* easy-rsa 3.2 leaves the request where it is */
	assert_true(pki_has(&fx, "revoked/reqs_by_serial/%s.req", out.cert.serial) || pki_has(&fx, "reqs/alice.req"));
	assert_int_equal(count_lines(&fx, "index.txt", "^R"), 1);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	/* and the name is free again */
	key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &out);
	must_easyrsa(&fx, "show-cert alice");
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*/CN=alice"), 1);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void easyrsa_shows_lists_and_revokes_what_was_issued(void **state)
{
	(void)state;
	full_life("rsa", "");
}

static void the_same_with_an_encrypted_ec_key(void **state)
{
	(void)state;
	char *pass = xasprintf("--passin=file:%s/pass", fx.dir);
	full_life("ec-encrypted", pass);
	free(pass);
}

/* easy-rsa signs a request of its own; ours has to look the same but for key, serial and dates. As "sort" filter, also
 * but for the order of lines. */
static void compare_with_easyrsa(const char *filter)
{
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	struct ca_issued out;
	must_issue(ca, "alice", key, false, &out);
	must_easyrsa(&fx, "build-client-full bob nopass");
	static const char same[] =
	    "cd %s && for n in alice bob; do sed -e 's/alice/NAME/g;s/bob/NAME/g' "
	    "-e '/Not /d;/Serial Number/,+1d;/Modulus/,/Exponent/d;/Subject Key Id/,+1d' "
	    "-e '/Signature Value/,$d' issued/$n.crt | %s > %s/$n.txt; done; diff %s/alice.txt %s/bob.txt >&2";
	assert_int_equal(shell(same, fx.pki, filter, fx.dir, fx.dir, fx.dir), 0);
	/* the subject bit by bit, with its string types */
	static const char subject[] =
	    "cd %s && for n in alice bob; do openssl x509 -in issued/$n.crt -noout -subject -nameopt "
	    "multiline,show_type | sed 's/alice/NAME/;s/bob/NAME/' > %s/$n.txt; done; "
	    "diff %s/alice.txt %s/bob.txt >&2";
	assert_int_equal(shell(subject, fx.pki, fx.dir, fx.dir, fx.dir), 0);
	assert_int_equal(
	    shell("cd %s && test $(awk -F'\\t' '{print NF; print $5; print substr($6,1,4)}' index.txt | sort | "
		  "uniq -c | wc -l) = 3",
		  fx.pki),
	    0);
	static const char modes[] =
	    "cd %s && test -z \"$(find . -type f ! -perm 600) $(find . -type d ! -perm 700)\" || "
	    "test \"$(find . -type f ! -perm 600) $(find . -type d ! -perm 700)\" = ' '";
	assert_int_equal(shell(modes, fx.pki), 0);
	assert_int_equal(shell("cd %s && cmp issued/alice.crt certs_by_serial/%s.pem", fx.pki, out.cert.serial), 0);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_certificate_looks_like_easyrsas_own(void **state)
{
	(void)state;
	fixture_use(&fx, "rsa");
	compare_with_easyrsa("cat");
}

static void so_it_does_with_an_organisation_in_the_subject(void **state)
{
	(void)state;
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "set_var EASYRSA_DN org\nset_var EASYRSA_REQ_COUNTRY DE\n"
			     "set_var EASYRSA_REQ_PROVINCE 'Hessen'\nset_var EASYRSA_REQ_CITY 'Gie\xc3\x9f"
			     "en'\n"
			     "set_var EASYRSA_REQ_OU ''\nset_var EASYRSA_DIGEST sha384\n"
			     "set_var EASYRSA_CERT_EXPIRE 90\nset_var EASYRSA_NS_SUPPORT yes\n"
			     "set_var EASYRSA_NS_COMMENT 'a comment'");
	/* easy-rsa 3.2 has the two Netscape extensions the other way round */
	compare_with_easyrsa("sort");
	assert_int_equal(count_lines(&fx, "issued/alice.crt", "ecdsa-with-SHA384|sha384WithRSAEncryption"), 2);
	assert_int_equal(count_lines(&fx, "issued/alice.crt", "SSL Client"), 1);
	assert_int_equal(
	    shell("cd %s && openssl x509 -in issued/alice.crt -noout -checkend $((91*86400)) >/dev/null", fx.pki) != 0,
	    1);
	assert_int_equal(
	    shell("cd %s && openssl x509 -in issued/alice.crt -noout -checkend $((89*86400)) >/dev/null", fx.pki), 0);
}

static void extensions_of_the_admin_are_honoured(void **state)
{
	(void)state;
	char path[256];
	fixture_use(&fx, "rsa");
	assert_int_equal(shell("cp -r /usr/share/easy-rsa/x509-types %s/", fx.pki), 0);
	snprintf(path, sizeof path, "%s/x509-types/COMMON", fx.pki);
	write_text(path, "crlDistributionPoints = URI:http://crl.example.com/$ENV::EASYRSA_REQ_COUNTRY/ca.crl\n");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_issued out;
	must_issue(ca, "alice", key, false, &out);
	assert_int_equal(count_lines(&fx, "issued/alice.crt", "URI:http://crl.example.com/US/ca.crl"), 1);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void the_environment_does_not_get_into_a_certificate(void **state)
{
	(void)state;
	static const struct {
		const char *file, *text, *says;
	} bad[] = {
	    {"COMMON", "nsComment = $ENV::NO_SUCH_VARIABLE_HERE\n", "cannot be read"},
	    {"COMMON", "nsComment = $ENV::HOME\n", "cannot be read"},
	    {"client", "basicConstraints = CA:TRUE\n", "would make a CA of every client"},
	    {"client", "basicConstraints = CA:FALSE\n2.5.29.19 = DER:3000\n", "twice"},
	    {"COMMON", "keyUsage = noSuchUsage\nextendedKeyUsage = noSuchUsage\n1.2.3 = nonsense\n",
	     "OpenSSL cannot make"},
	    {"COMMON", "nsComment = x\n[unfinished\n", "cannot be read"},
	};
	char path[256];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *output = getenv("CMOCKA_MESSAGE_OUTPUT"); /* cmocka asks for it at each report */
	output = output != NULL ? strdup(output) : NULL;
	assert_int_equal(clearenv(), 0); /* as the signer does */
	if (output != NULL)
		setenv("CMOCKA_MESSAGE_OUTPUT", output, 1);
	free(output);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;
		struct ca_issued out;
		fixture_use(&fx, "rsa");
		assert_int_equal(shell("cp -r /usr/share/easy-rsa/x509-types %s/", fx.pki), 0);
		snprintf(path, sizeof path, "%s/x509-types/%s", fx.pki, bad[i].file);
		write_text(path, bad[i].text);
		struct ca *ca = fixture_unlocked(&fx);
		if (try_issue(ca, "alice", key, false, &out, &e) == 0)
			fail_msg("issued with %s", bad[i].text);
		assert_int_equal(e.code, ERR_CA_PKI);
		assert_says(&e, bad[i].says);
		assert_int_equal(count_lines(&fx, "index.txt", "."), 0);
		ca_close(&ca);
	}
	EVP_PKEY_free(key);
}

static void a_second_time_is_the_same_certificate(void **state)
{
	(void)state;
	struct ca_issued a, b;
	fixture_use(&fx, "rsa");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &a);
	must_issue(ca, "alice", key, true, &b);
	assert_true(b.existed);
	assert_true(blob_equal(&a.cert.der, &b.cert.der));
	assert_int_equal(count_lines(&fx, "index.txt", "."), 1);
	ca_certificate_free(&b.cert);
	/* what is missing by then comes back */
	shell("cd %s && rm issued/alice.crt reqs/alice.req", fx.pki);
	must_issue(ca, "alice", key, false, &b);
	assert_true(b.existed);
	assert_true(pki_has(&fx, "issued/alice.crt"));
	assert_true(pki_has(&fx, "reqs/alice.req"));
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void serials_are_counted_if_the_vars_say_so(void **state)
{
	(void)state;
	struct ca_issued a, b;
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "set_var EASYRSA_RAND_SN no");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *k1 = EVP_EC_gen("P-256"), *k2 = EVP_EC_gen("P-384");
	must_issue(ca, "alice", k1, false, &a);
	must_easyrsa(&fx, "build-client-full bob nopass");
	must_issue(ca, "carol", k2, false, &b);
	assert_string_equal(a.cert.serial, "01");
	assert_string_equal(b.cert.serial, "03");
	assert_int_equal(count_lines(&fx, "index.txt", "\t02\t.*CN=bob"), 1);
	assert_int_equal(count_lines(&fx, "serial", "^04$"), 1);
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
	ca_close(&ca);
}

static void a_certificate_never_outlives_the_ca(void **state)
{
	(void)state;
	struct ca_issued out;
	fixture_use(&fx, "rsa");
	fx.cfg.days = 36500;
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &out);
	assert_true(out.shortened);
	assert_int_equal(
	    shell(
		"cd %s && test \"$(openssl x509 -in ca.crt -noout -enddate)\" = \"$(openssl x509 -in issued/alice.crt "
		"-noout -enddate)\"",
		fx.pki),
	    0);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_lost_row_comes_back(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out, again;
	fixture_use(&fx, "rsa");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must_issue(ca, "alice", key, false, &out);
	/* as an easy-rsa without a lock would leave it */
	shell("cd %s && : > index.new && mv index.new index.txt", fx.pki);
	assert_ok(ca_settle(ca, out.cert.serial, &e), &e);
	assert_int_equal(count_lines(&fx, "index.txt", "CN=alice$"), 1);
	shell("cd %s && : > index.new && mv index.new index.txt", fx.pki);
	must_issue(ca, "alice", key, false, &again);
	assert_true(again.existed);
	assert_true(blob_equal(&out.cert.der, &again.cert.der));
	assert_int_equal(count_lines(&fx, "index.txt", "CN=alice$"), 1);
	ca_certificate_free(&out.cert);
	ca_certificate_free(&again.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

/* A certificate's name is a file name in the PKI, and whoever signs requests by hand may have let any pass. */
static void a_name_that_leads_out_of_its_folder_is_never_a_file_name(void **state)
{
	(void)state;
	static const char *const names[] = {"..\\/evil", "a\nrevoke AB", ".."};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err e = ERR_INIT;
		fixture_use(&fx, "rsa");
		assert_int_equal(
		    shell("cd %s && openssl req -x509 -key private/ca.key -set_serial 0xABCD -days 9 -subj \"/CN=%s\" "
			  "-out certs_by_serial/ABCD.pem",
			  fx.pki, names[i]),
		    0);
		struct ca *ca = fixture_unlocked(&fx);
		assert_int_equal(ca_settle(ca, "ABCD", &e), -1);
		assert_int_equal(e.code, ERR_CA_REFUSED);
		assert_says(&e, "is no name for a file");
		assert_int_equal(
		    shell("cd %s && test ! -e evil.crt && test ! -e index.txt.tokenroll && ! grep -q ABCD index.txt",
			  fx.pki),
		    0);
		ca_close(&ca);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(easyrsa_shows_lists_and_revokes_what_was_issued),
	    cmocka_unit_test(the_same_with_an_encrypted_ec_key),
	    cmocka_unit_test(a_certificate_looks_like_easyrsas_own),
	    cmocka_unit_test(so_it_does_with_an_organisation_in_the_subject),
	    cmocka_unit_test(extensions_of_the_admin_are_honoured),
	    cmocka_unit_test(the_environment_does_not_get_into_a_certificate),
	    cmocka_unit_test(a_second_time_is_the_same_certificate),
	    cmocka_unit_test(serials_are_counted_if_the_vars_say_so),
	    cmocka_unit_test(a_certificate_never_outlives_the_ca),
	    cmocka_unit_test(a_lost_row_comes_back),
	    cmocka_unit_test(a_name_that_leads_out_of_its_folder_is_never_a_file_name),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
