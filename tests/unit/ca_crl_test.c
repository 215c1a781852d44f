/* The VPN server reads the CRL that the CA made last; if it does not, tokenroll says so and tries again. */
#include "ca_fixture.h"

static struct fixture fx;
static EVP_PKEY *keys[2];
static char folder[192], crl[256];

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_use(&fx, "rsa");
	must_easyrsa(&fx, "build-client-full alice nopass");
	assert_int_equal(shell("mv %s/work %s/taken", fx.dir, fx.dir), 0);
	keys[0] = EVP_EC_gen("P-256");
	keys[1] = EVP_EC_gen("P-256");
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	fixture_done(&fx);
	return 0;
}

/* A PKI in which alice has a certificate, and a server's folder that others can enter, like those above it. */
static void use_all(void)
{
	fixture_use(&fx, "taken");
	snprintf(folder, sizeof folder, "%s/work/server", fx.dir);
	snprintf(crl, sizeof crl, "%s/crl.pem", folder);
	assert_int_equal(shell("chmod 755 %s %s/work && mkdir -m 755 %s", fx.dir, fx.dir, folder), 0);
	fx.cfg.crl = crl;
}

/* Replaces alice's certificate; the serial of the one that is revoked then goes to serial. */
static struct ca *replace_alice(char serial[CA_SERIAL_HEX_MAX])
{
	struct ca_issued out;
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", keys[0], true, &out);
	memcpy(serial, out.replaced, CA_SERIAL_HEX_MAX);
	assert_int_not_equal(serial[0], '\0');
	ca_certificate_free(&out.cert);
	return ca;
}

static void must_publish(struct ca *ca, const char *user)
{
	struct err e = ERR_INIT;
	assert_ok(ca_publish(ca, user, &e), &e);
}

static bool is_published(void)
{
	return shell("cmp -s %s/crl.pem %s", fx.pki, crl) == 0;
}

static void refuses_to_publish(struct ca *ca, enum err_code code, const char *says)
{
	struct err e = ERR_INIT;
	assert_int_equal(ca_publish(ca, "alice", &e), -1);
	if (e.code != code)
		fail_msg("%s: %s", err_code_name(e.code), e.what);
	assert_says(&e, says);
	assert_int_not_equal(err_advice(&e)[0], '\0');
}

static void a_new_one_is_for_everybody_to_read(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	struct ca *ca = replace_alice(serial);
	assert_true(is_published());
	assert_int_equal(shell("test $(stat -c %%a %s) = 644 && test $(ls %s | wc -l) = 1", crl, folder), 0);
	must_publish(ca, "alice");
	assert_string_equal(fx.notes, "");
	ca_close(&ca);
}

static void the_one_that_is_replaced_gives_its_mode_and_owner(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	assert_int_equal(shell("cp %s/ca.crt %s/x && : > %s && chmod 640 %s", fx.pki, folder, crl, crl), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(crl, 1234, 5678), 0);
	/* left there by a run that was killed; the other one is not ours */
	assert_int_equal(shell("touch %s.tmp-a1B2c3 %s.tmp-notours %s/own.crl.pem.tmp-a1B2c3", crl, crl, folder), 0);
	struct ca *ca = replace_alice(serial);
	assert_true(is_published());
	assert_int_equal(shell("test $(stat -c %%a %s) = 640 && test $(ls %s | wc -l) = 4", crl, folder), 0);
	if (geteuid() == 0)
		assert_int_equal(shell("test $(stat -c %%u:%%g %s) = 1234:5678", crl), 0);
	ca_close(&ca);
}

static void one_that_cannot_be_published_is_an_error_until_it_can(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	struct err e = ERR_INIT;
	use_all();
	assert_int_equal(rmdir(folder), 0);
	struct ca *ca = replace_alice(serial);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ca_publish(ca, "alice", &e), -1);
		assert_int_equal(e.code, ERR_CRL_UNPUBLISHED);
		assert_int_equal(err_exit_status(e.code), 5);
		assert_says(&e, serial);
		assert_says(&e, "is revoked, but the VPN server still reads an old CRL");
		assert_says(&e, folder);
		assert_string_equal(e.native, "No such file or directory");
		assert_non_null(strstr(e.next, crl));
		assert_non_null(strstr(e.next, "same command again"));
	}
	assert_false(pki_has(&fx, "lock.file"));
	/* nothing of bob's is revoked: for him it is no error */
	fx.notes[0] = '\0';
	must_publish(ca, "bob");
	assert_non_null(strstr(fx.notes, "could not be published"));
	ca_close(&ca);
	assert_int_equal(mkdir(folder, 0755), 0);
	fx.notes[0] = '\0';
	/* a CA that was not unlocked */
	ca = fixture_open(&fx);
	must_publish(ca, "alice");
	assert_true(is_published());
	assert_non_null(strstr(fx.notes, crl));
	must_publish(ca, "alice");
	assert_int_equal(fx.n_notes, 2);
	ca_close(&ca);
}

static void what_is_published_is_judged_by_its_content(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	static const struct {
		const char *damage;
		bool replaced;
	} cases[] = {
	    {"rm $C", true},
	    {": > $C", true},
	    {"head -c 200 crl.pem > $C", true},
	    /* as it was before the revocation */
	    {"cp $C.before $C", true},
	    /* newer, and without the certificate */
	    {"cp $C.restored $C", true},
	    {"cp $C.newer $C", false},
	};
	use_all();
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("cp %s/crl.pem %s.before && cp -a %s %s.away", fx.pki, crl, fx.pki, fx.pki), 0);
	struct ca *ca = replace_alice(serial);
	must_publish(ca, "alice");
	/* a later CRL of the same CA, from a PKI that knows the revocation and from one that does not */
	assert_int_equal(shell("cp -a %s/crl.pem %s.made && sleep 1", fx.pki, crl), 0);
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("mv %s/crl.pem %s.newer && mv %s %s.now && cp -a %s.away %s", fx.pki, crl, fx.pki,
			       fx.pki, fx.pki, fx.pki),
			 0);
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("mv %s/crl.pem %s.restored && rm -r %s && mv %s.now %s && mv %s.made %s/crl.pem", fx.pki,
			       crl, fx.pki, fx.pki, fx.pki, crl, fx.pki),
			 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(shell("cd %s && C=%s; %s", fx.pki, crl, cases[i].damage), 0);
		must_publish(ca, "alice");
		if (is_published() != cases[i].replaced)
			fail_msg("%s: published %d", cases[i].damage, is_published());
	}
	ca_close(&ca);
}

static void a_file_that_is_no_crl_is_not_written_over(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	assert_int_equal(shell("echo 'port 1194' > %s && cp %s %s.before", crl, crl, crl), 0);
	struct ca *ca = replace_alice(serial);
	refuses_to_publish(ca, ERR_CRL_UNPUBLISHED, "something else than a CRL");
	assert_int_equal(shell("cmp %s %s.before", crl, crl), 0);
	/* for bob it is a note, with the same advice and no reason where there is none */
	fx.notes[0] = '\0';
	must_publish(ca, "bob");
	assert_non_null(strstr(fx.notes, "something else than a CRL in PEM form, and is not replaced by one; "));
	assert_non_null(strstr(fx.notes, "correct [ca] crl, or remove that file"));
	ca_close(&ca);
}

static void the_crls_of_other_cas_stay(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	must_easyrsa(&fx, "gen-crl");
	/* another CA's, before and behind our old one */
	assert_int_equal(shell("mv %s %s.own", fx.pki, fx.pki), 0);
	must_easyrsa(&fx, "init-pki");
	must_easyrsa(&fx, "--req-cn='Other CA' build-ca nopass");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("cat %s/crl.pem %s.own/crl.pem > %s && rm -r %s && mv %s.own %s", fx.pki, fx.pki, crl,
			       fx.pki, fx.pki, fx.pki),
			 0);
	struct ca *ca = replace_alice(serial);
	must_publish(ca, "alice");
	assert_int_equal(
	    shell("cd %s && awk '/BEGIN/ { n++ } { print > \"part\" n }' crl.pem && cmp part1 ../pki/crl.pem "
		  "&& openssl crl -in part2 -noout -issuer | grep -q 'Other CA' && test ! -e part3",
		  folder),
	    0);
	ca_close(&ca);
}

static void a_link_leads_to_what_is_replaced(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	assert_int_equal(shell(": > %s/real.pem && ln -s real.pem %s", folder, crl), 0);
	struct ca *ca = replace_alice(serial);
	assert_true(is_published());
	assert_int_equal(shell("test -L %s", crl), 0);
	ca_close(&ca);
	/* the server reads the PKI's own, as long as it may */
	use_all();
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(symlink("../pki/crl.pem", crl), 0);
	ca = replace_alice(serial);
	must_publish(ca, "alice");
	assert_int_equal(shell("test -L %s && openssl crl -in %s -noout -text | grep -q %s", crl, crl, serial), 0);
	assert_non_null(strstr(fx.notes, "does not stay root"));
	ca_close(&ca);
}

static void a_place_that_is_closed_to_the_server_is_a_note(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	static const struct {
		const char *change;
		bool closed;
	} cases[] = {
	    {"chmod 600 $C", true},
	    {"chmod 644 $C", false},
	    {"chmod 700 ../server", true},
	    {"chmod 711 ../server", false},
	    {"chgrp 5678 $C; chmod 640 $C", false},
	    {"chgrp 0 $C; chown 1234 $C; chmod 400 $C", false},
	};
	use_all();
	struct ca *ca = replace_alice(serial);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (strstr(cases[i].change, "ch") != cases[i].change || (geteuid() != 0 && i > 3))
			continue;
		fx.notes[0] = '\0';
		assert_int_equal(shell("cd %s && C=crl.pem; %s; : > $C", folder, cases[i].change), 0);
		must_publish(ca, "alice");
		assert_true(is_published());
		if ((strstr(fx.notes, "does not stay root") != NULL) != cases[i].closed)
			fail_msg("%s: %s", cases[i].change, fx.notes);
	}
	ca_close(&ca);
}

static void a_damaged_crl_is_not_published(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	struct ca *ca = replace_alice(serial);
	assert_int_equal(shell("cp %s %s.before && echo nonsense > %s/crl.pem", crl, crl, fx.pki), 0);
	refuses_to_publish(ca, ERR_CA_PKI, "is not a CRL of this CA");
	assert_int_equal(shell("cmp %s %s.before", crl, crl), 0);
	assert_false(pki_has(&fx, "lock.file"));
	ca_close(&ca);
}

/* The server would accept nobody any more. */
static void a_ca_that_may_not_sign_crls_revokes_nothing(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	use_all();
	assert_int_equal(shell("cd %s && openssl req -x509 -key private/ca.key -subj '/CN=Test CA' -days 20 -addext "
			       "keyUsage=critical,keyCertSign -out ca.crt",
			       fx.pki),
			 0);
	struct ca *ca = fixture_unlocked(&fx);
	assert_int_equal(try_issue(ca, "alice", keys[0], true, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "has no cRLSign");
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	assert_int_equal(count_lines(&fx, "index.txt", "^R"), 0);
	assert_false(pki_has(&fx, "index.txt.tokenroll"));
	must_issue(ca, "bob", keys[1], false, &out);
	ca_certificate_free(&out.cert);
	ca_close(&ca);
}

static void without_a_place_for_it_one_is_told_where_it_is(void **state)
{
	(void)state;
	char serial[CA_SERIAL_HEX_MAX];
	use_all();
	fx.cfg.crl = NULL;
	struct ca *ca = replace_alice(serial);
	assert_non_null(strstr(fx.notes, "/pki/crl.pem"));
	assert_non_null(strstr(fx.notes, "[ca] crl"));
	must_publish(ca, "alice");
	assert_int_equal(fx.n_notes, 1);
	ca_close(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_one_is_for_everybody_to_read),
	    cmocka_unit_test(the_one_that_is_replaced_gives_its_mode_and_owner),
	    cmocka_unit_test(one_that_cannot_be_published_is_an_error_until_it_can),
	    cmocka_unit_test(what_is_published_is_judged_by_its_content),
	    cmocka_unit_test(a_file_that_is_no_crl_is_not_written_over),
	    cmocka_unit_test(the_crls_of_other_cas_stay),
	    cmocka_unit_test(a_link_leads_to_what_is_replaced),
	    cmocka_unit_test(a_place_that_is_closed_to_the_server_is_a_note),
	    cmocka_unit_test(a_damaged_crl_is_not_published),
	    cmocka_unit_test(a_ca_that_may_not_sign_crls_revokes_nothing),
	    cmocka_unit_test(without_a_place_for_it_one_is_told_where_it_is),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
