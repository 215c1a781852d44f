/* A name that somebody has: whether its certificate is replaced, and that easy-rsa goes on working afterwards. */
#include "ca_fixture.h"

#include <grp.h>
#include <sys/wait.h>

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static void a_name_that_is_taken_is_refused_or_replaced(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued a, b;
	char crl[256];
	fixture_use(&fx, "rsa");
	snprintf(crl, sizeof crl, "%s/published.pem", fx.dir);
	fx.cfg.crl = crl;
	must_easyrsa(&fx, "build-client-full mallory nopass");
	must_easyrsa(&fx, "revoke mallory");
	must_easyrsa(&fx, "build-client-full alice nopass");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(try_issue(ca, "alice", key, false, &b, &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	assert_says(&e, "alice already has a certificate for another key");
	assert_non_null(strstr(e.next, "--replace"));
	bool found = false;
	assert_ok(ca_find(ca, "alice", &found, &a.cert, &e), &e);
	assert_true(found);
	must_issue(ca, "alice", key, true, &b);
	assert_string_equal(b.replaced, a.cert.serial);
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*,superseded"), 1);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", b.replaced));
	assert_true(pki_has(&fx, "revoked/private_by_serial/%s.key", b.replaced));
	assert_true(pki_has(&fx, "revoked/reqs_by_serial/%s.req", b.replaced));
	assert_false(pki_has(&fx, "certs_by_serial/%s.pem", b.replaced));
	assert_false(pki_has(&fx, "private/alice.key"));
	static const char verify[] =
	    "cd %s && cat ca.crt %s > %s/both.pem && openssl verify -crl_check -CAfile %s/both.pem "
	    "%s >/dev/null 2>&1";
	assert_int_equal(shell(verify, fx.pki, crl, fx.dir, fx.dir, "issued/alice.crt"), 0);
	char old[128];
	snprintf(old, sizeof old, "revoked/certs_by_serial/%s.crt", b.replaced);
	assert_int_not_equal(shell(verify, fx.pki, crl, fx.dir, fx.dir, old), 0);
	assert_int_equal(
	    shell("cmp %s %s/crl.pem && openssl crl -in %s -noout -text | grep -c 'Serial Number' | grep -qx 2", crl,
		  fx.pki, crl),
	    0);
	assert_int_equal(shell("openssl crl -in %s -noout -text | grep -q Superseded && openssl crl -in %s -noout "
			       "-crlnumber >/dev/null && "
			       "test $(stat -c %%a %s) = 644",
			       crl, crl, crl),
			 0);
	must_easyrsa(&fx, "gen-crl");
	must_easyrsa(&fx, "revoke alice");
	ca_certificate_free(&a.cert);
	ca_certificate_free(&b.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_servers_certificate_is_never_replaced(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	fixture_use(&fx, "rsa");
	must_easyrsa(&fx, "build-server-full vpn nopass");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(try_issue(ca, "vpn", key, true, &out, &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	assert_says(&e, "not a client");
	assert_int_equal(count_lines(&fx, "index.txt", "^V"), 1);
	assert_true(pki_has(&fx, "issued/vpn.crt"));
	/* easy-rsa's revoke would move private/ca.key away with such a name */
	assert_int_equal(try_issue(ca, "alice", key, false, &out, &e), 0);
	ca_certificate_free(&out.cert);
	struct blob name = BLOB_INIT;
	assert_int_equal(ca_subject(ca, "ca", &name, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void an_expired_certificate_does_not_take_the_name(void **state)
{
	(void)state;
	struct ca_issued out;
	char path[256];
	struct err e = ERR_INIT;
	struct ca_certificate c;
	bool found = true;
	fixture_use(&fx, "rsa");
	snprintf(path, sizeof path, "%s/index.txt", fx.pki);
	write_text(path, "V\t200101000000Z\t\t0A\tunknown\t/CN=alice\n");
	snprintf(path, sizeof path, "%s/index.txt.attr", fx.pki);
	write_text(path, "unique_subject = yes\n");
	struct ca *ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_ok(ca_find(ca, "alice", &found, &c, &e), &e);
	assert_false(found);
	must_issue(ca, "alice", key, false, &out);
	/* openssl reads an index with two V rows of one subject no more */
	assert_int_equal(count_lines(&fx, "index.txt", "^E.200101000000Z..0A"), 1);
	must_easyrsa(&fx, "gen-crl");
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

/* easy-rsa 3.1.0 keeps the older certificate valid, in PKI/renewed, and makes a software key. */
static void what_easyrsa_renewed_is_replaced_with_all_its_files(void **state)
{
	(void)state;
	struct ca_issued first, last;
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "set_var EASYRSA_CERT_RENEW 900");
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", keys[0], false, &first);
	must_easyrsa(&fx, "renew alice nopass");
	assert_true(pki_has(&fx, "renewed/issued/alice.crt"));
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 2);
	must_issue(ca, "alice", keys[1], true, &last);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*,superseded.*CN=alice$"), 2);
	assert_false(pki_has(&fx, "renewed/issued/alice.crt"));
	assert_false(pki_has(&fx, "renewed/reqs/alice.req"));
	assert_false(pki_has(&fx, "private/alice.key"));
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", first.cert.serial));
	assert_int_equal(
	    shell("openssl crl -in %s/crl.pem -noout -text | grep -c 'Serial Number' | grep -qx 2", fx.pki), 0);
	must_easyrsa(&fx, "gen-crl");
	ca_certificate_free(&first.cert);
	ca_certificate_free(&last.cert);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	ca_close(&ca);
}

/* From 2050 on the dates in a certificate and in the index have four digits for the year. */
static void a_certificate_that_ends_after_2049_is_easyrsas_too(void **state)
{
	(void)state;
	struct ca_issued first, last;
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	fixture_use(&fx, "rsa");
	assert_int_equal(
	    shell("cd %s && openssl req -x509 -key private/ca.key -subj '/CN=Test CA' -days 20000 -out ca.crt", fx.pki),
	    0);
	fx.cfg.days = 15000;
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", keys[0], false, &first);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.20[5-9][0-9]{11}Z..[0-9A-F]{32}.unknown./CN=alice$"), 1);
	must_issue(ca, "alice", keys[1], true, &last);
	assert_string_equal(last.replaced, first.cert.serial);
	assert_int_equal(
	    shell("cd %s && openssl verify -purpose sslclient -CAfile ca.crt issued/alice.crt >/dev/null", fx.pki), 0);
	must_easyrsa(&fx, "update-db");
	must_easyrsa(&fx, "revoke alice");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(count_lines(&fx, "index.txt", "^R.20[5-9][0-9]{11}Z"), 2);
	ca_certificate_free(&first.cert);
	ca_certificate_free(&last.cert);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	ca_close(&ca);
}

/* root works on a PKI that is somebody's, whose easy-rsa has to go on with it. */
static void what_root_writes_belongs_to_the_pkis_owner(void **state)
{
	(void)state;
	struct ca_issued first, second;
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	if (geteuid() != 0)
		skip();
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "set_var EASYRSA_RAND_SN no");
	assert_int_equal(shell("chown -R 4321:8765 %s && chmod 640 %s/serial", fx.pki, fx.pki), 0);
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", keys[0], false, &first);
	must_issue(ca, "alice", keys[1], true, &second);
	assert_int_equal(shell("cd %s && test -d revoked/certs_by_serial && test -z \"$(find . ! -user 4321 -o ! "
			       "-group 8765)\" && test $(stat -c %%a serial) = 640",
			       fx.pki),
			 0);
	ca_certificate_free(&first.cert);
	ca_certificate_free(&second.cert);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	ca_close(&ca);
}

/* It has the private key in it. Some versions write it at once, some when asked, and each into another folder. */
static void the_inline_file_with_the_old_key_goes(void **state)
{
	(void)state;
	static const char *const files[] = {"alice.creds", "inline/alice.inline", "inline/private/alice.inline",
					    "inline/private/alice.p12-inline"};
	struct ca_issued out;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "rsa");
	must_easyrsa(&fx, "build-client-full alice nopass");
	assert_int_equal(
	    shell("cd %s && mkdir -p inline/private && echo key | tee alice.creds inline/alice.inline "
		  "inline/private/alice.inline inline/private/alice.p12-inline inline/bob.inline >/dev/null",
		  fx.pki),
	    0);
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", key, true, &out);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (pki_has(&fx, "%s", files[i]))
			fail_msg("%s is still there", files[i]);
	}
	assert_true(pki_has(&fx, "inline/bob.inline"));
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
		_exit(2);
}

/* The PKI belongs to nobody, and its group is one that nobody is not in: as after `chown -R nobody`. */
static int as_owner_outside_the_group(const char *modes, void (*fn)(void))
{
	int status;
	fixture_use(&fx, "rsa");
	assert_int_equal(
	    shell("chmod 755 %s && chown -R 65534:0 %s/work && cd %s && %s", fx.dir, fx.dir, fx.pki, modes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		become_nobody();
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void issue_and_replace(void)
{
	struct ca_issued out;
	struct err e = ERR_INIT;
	struct ca *ca = fixture_unlocked(&fx);
	for (int i = 0; i < 2; i++) {
		if (try_issue(ca, "alice", EVP_EC_gen("P-256"), i == 1, &out, &e) != 0) {
			fprintf(stderr, "%s (%s)\n", e.what, e.native);
			_exit(1);
		}
	}
}

/* What is only added to a shared PKI needs no owner. */
static void must_issue_but_not_replace(void)
{
	struct ca_issued out;
	struct err e = ERR_INIT;
	struct ca *ca = fixture_unlocked(&fx);
	if (try_issue(ca, "alice", EVP_EC_gen("P-256"), false, &out, &e) != 0) {
		fprintf(stderr, "%s (%s)\n", e.what, e.native);
		_exit(1);
	}
	if (ca_replaceable(ca, "alice", &e) == 0 || e.code != ERR_CA_PKI || strstr(e.what, "index.txt") == NULL ||
	    strstr(e.next, "group") == NULL) {
		fprintf(stderr, "%s (%s): %s\n", e.what, e.native, e.next);
		_exit(1);
	}
}

/* easy-rsa's own new files get the group of whoever runs it, too. */
static void a_group_that_has_no_right_is_not_missed(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_owner_outside_the_group("true", issue_and_replace), 0);
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*,superseded"), 1);
	assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
	assert_int_equal(shell("test $(stat -c %%a:%%u %s/index.txt) = 600:65534", fx.pki), 0);
}

/* Else a new file would shut the group out, or let another one in. */
static void a_group_that_has_a_right_is_kept_or_nothing_is_replaced(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_owner_outside_the_group("chmod 660 index.txt", must_issue_but_not_replace), 0);
	assert_int_equal(shell("test -z \"$(find %s -name '*.tmp-*')\"", fx.pki), 0);
}

static bool pki_is_as_before(void)
{
	return shell("cd %s && find . -type f ! -name serial\\* -print0 | sort -z | xargs -0 sha256sum | cmp -s - "
		     "%s/sums",
		     fx.pki, fx.dir) == 0;
}

static void note_pki(void)
{
	assert_int_equal(shell("cd %s && find . -type f ! -name serial\\* -print0 | sort -z | xargs -0 sha256sum > "
			       "%s/sums",
			       fx.pki, fx.dir),
			 0);
}

/* The old certificate is given up only when the new one is there to take its place. */
static void what_cannot_be_issued_revokes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *damage, *says;
	} cases[] = {
	    {"mkdir -p x509-types && touch x509-types/COMMON && echo 'keyUsage = nonsense' > x509-types/client",
	     "an extension that OpenSSL cannot make"},
	    {"echo 'set_var EASYRSA_RAND_SN no' >> vars && echo nonsense > serial", "does not hold a serial number"},
	    {"cp issued/bob.crt issued/alice.crt", "somebody else"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		struct ca_issued out;
		EVP_PKEY *key = EVP_EC_gen("P-256");
		fixture_use(&fx, "rsa");
		must_easyrsa(&fx, "build-client-full alice nopass");
		must_easyrsa(&fx, "build-client-full bob nopass");
		if (shell("cd %s && %s", fx.pki, cases[i].damage) != 0)
			fail_msg("%s", cases[i].damage);
		note_pki();
		struct ca *ca = fixture_unlocked(&fx);
		assert_int_equal(try_issue(ca, "alice", key, true, &out, &e), -1);
		assert_says(&e, cases[i].says);
		assert_int_equal(count_lines(&fx, "index.txt", "^R"), 0);
		if (!pki_is_as_before())
			fail_msg("%s: files were changed", cases[i].damage);
		EVP_PKEY_free(key);
		ca_close(&ca);
	}
}

/* A revocation that is in the index is one that the server hears of, whatever goes wrong after it. */
static void a_revocation_is_published_also_if_what_follows_it_fails(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca_certificate old;
	bool found = false;
	char crl[256];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "rsa");
	snprintf(crl, sizeof crl, "%s/published.pem", fx.dir);
	fx.cfg.crl = crl;
	must_easyrsa(&fx, "build-client-full alice nopass");
	struct ca *ca = fixture_unlocked(&fx);
	assert_ok(ca_find(ca, "alice", &found, &old, &e), &e);
	assert_int_equal(shell("cd %s && mkdir -p revoked/reqs_by_serial && touch revoked/reqs_by_serial/%s.req",
			       fx.pki, old.serial),
			 0);
	assert_int_equal(try_issue(ca, "alice", key, true, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_FAILED);
	assert_says(&e, "there is a file");
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*,superseded.*CN=alice$"), 1);
	assert_int_equal(shell("openssl crl -in %s -noout -text | grep -q 'Serial Number: %s'", crl, old.serial), 0);
	/* and once that is put right the same call goes on */
	assert_int_equal(shell("rm %s/revoked/reqs_by_serial/%s.req", fx.pki, old.serial), 0);
	must_issue(ca, "alice", key, true, &out);
	assert_string_equal(out.replaced, old.serial);
	assert_int_equal(count_lines(&fx, "index.txt", "CN=alice$"), 2);
	assert_true(pki_has(&fx, "revoked/reqs_by_serial/%s.req", old.serial));
	ca_certificate_free(&old);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void must_be_replaceable(struct ca *ca, const char *user)
{
	struct err e = ERR_INIT;
	assert_ok(ca_replaceable(ca, user, &e), &e);
}

/* What can be told before a key is made, without the CA's key. */
static void whether_a_name_can_be_replaced_is_told_beforehand(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	fixture_use(&fx, "rsa");
	must_easyrsa(&fx, "build-client-full alice nopass");
	must_easyrsa(&fx, "build-server-full vpn nopass");
	note_pki();
	struct ca *ca = fixture_open(&fx);
	must_be_replaceable(ca, "alice");
	must_be_replaceable(ca, "nobody");
	assert_int_equal(ca_replaceable(ca, "vpn", &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	assert_says(&e, "not a client");
	ca_close(&ca);
	/* its CRLs would be worth nothing */
	assert_int_equal(shell("cd %s && openssl req -x509 -key private/ca.key -subj '/CN=Test CA' -days 20 -addext "
			       "keyUsage=critical,keyCertSign -out ca.crt",
			       fx.pki),
			 0);
	note_pki();
	ca = fixture_open(&fx);
	must_be_replaceable(ca, "nobody");
	assert_int_equal(ca_replaceable(ca, "alice", &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "has no cRLSign");
	assert_non_null(strstr(e.next, "serial number"));
	assert_true(pki_is_as_before());
	ca_close(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_that_is_taken_is_refused_or_replaced),
	    cmocka_unit_test(a_servers_certificate_is_never_replaced),
	    cmocka_unit_test(an_expired_certificate_does_not_take_the_name),
	    cmocka_unit_test(what_easyrsa_renewed_is_replaced_with_all_its_files),
	    cmocka_unit_test(a_certificate_that_ends_after_2049_is_easyrsas_too),
	    cmocka_unit_test(what_root_writes_belongs_to_the_pkis_owner),
	    cmocka_unit_test(the_inline_file_with_the_old_key_goes),
	    cmocka_unit_test(a_group_that_has_no_right_is_not_missed),
	    cmocka_unit_test(a_group_that_has_a_right_is_kept_or_nothing_is_replaced),
	    cmocka_unit_test(what_cannot_be_issued_revokes_nothing),
	    cmocka_unit_test(a_revocation_is_published_also_if_what_follows_it_fails),
	    cmocka_unit_test(whether_a_name_can_be_replaced_is_told_beforehand),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
