/* A certificate is revoked as `easyrsa revoke NAME REASON` does it, and the VPN server hears of it. */
#include "ca_fixture.h"

#include "ca/reason.h"

#include <sys/wait.h>

static struct fixture fx;
static char crl[256], serial[CA_SERIAL_HEX_MAX];

/* of alice in the directory "alice" */
static char alices[CA_SERIAL_HEX_MAX];

static const char *const reasons[][2] = {
    {"unspecified", ""}, /* RFC 5280, 5.3.1: it should be left out */
    {"keyCompromise", "Key Compromise"},
    {"CACompromise", "CA Compromise"},
    {"affiliationChanged", "Affiliation Changed"},
    {"superseded", "Superseded"},
    {"cessationOfOperation", "Cessation Of Operation"},
    {"certificateHold", "Certificate Hold"},
};

static const char *serial_of(const char *file)
{
	char command[512];
	snprintf(command, sizeof command, "openssl x509 -in %s/%s -noout -serial | cut -d= -f2", fx.pki, file);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%40s", serial), 1);
	pclose(p);
	return serial;
}

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_use(&fx, "rsa");
	must_easyrsa(&fx, "build-client-full alice nopass");
	must_easyrsa(&fx, "build-client-full bob nopass");
	/* all that easy-rsa may have beside a certificate */
	must_easyrsa(&fx, "export-p12 alice nopass");
	must_easyrsa(&fx, "export-p7 alice");
	assert_int_equal(shell("touch %s/alice.creds %s/bob.creds", fx.pki, fx.pki), 0);
	snprintf(alices, sizeof alices, "%s", serial_of("issued/alice.crt"));
	assert_int_equal(shell("mv %s/work %s/alice", fx.dir, fx.dir), 0);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static void use(const char *name)
{
	fixture_use(&fx, name);
	snprintf(crl, sizeof crl, "%s/work/published.pem", fx.dir);
	/* for the server to read */
	assert_int_equal(shell("chmod 755 %s %s/work", fx.dir, fx.dir), 0);
	fx.cfg.crl = crl;
}

static void must_revoke(struct ca *ca, const char *user, const char *number, const char *reason, bool already)
{
	struct err e = ERR_INIT;
	bool was = !already;
	assert_ok(ca_revoke(ca, user, number, reason, &was, &e), &e);
	assert_int_equal(was, already);
	assert_ok(ca_publish(ca, user, &e), &e);
	assert_false(pki_has(&fx, "index.txt.tokenroll"));
	assert_false(pki_has(&fx, "lock.file"));
}

static void refuses(struct ca *ca, const char *user, const char *number, const char *reason, enum err_code code,
		    const char *says)
{
	struct err e = ERR_INIT;
	bool already;
	assert_int_equal(ca_revoke(ca, user, number, reason, &already, &e), -1);
	if (e.code != code)
		fail_msg("%s: %s", err_code_name(e.code), e.what);
	assert_says(&e, says);
	assert_int_not_equal(err_advice(&e)[0], '\0');
	assert_false(pki_has(&fx, "index.txt.tokenroll"));
	assert_false(pki_has(&fx, "lock.file"));
}

/* The server's CRL is signed by the CA and has this certificate, for this reason ("": it has none). */
static void server_knows(const char *number, const char *reason)
{
	assert_int_equal(shell("openssl crl -in %s -noout -CAfile %s/ca.crt 2>/dev/null", crl, fx.pki), 0);
	assert_int_equal(shell("cmp %s %s/crl.pem", crl, fx.pki), 0);
	if (shell("openssl crl -in %s -noout -text | grep -A4 'Serial Number: %s' | tail -n +3 > %s/entry; "
		  "test -s %s/entry || exit 1; r='%s'; if test -n \"$r\"; then grep -q \"^ *$r$\" %s/entry; "
		  "else ! head -1 %s/entry | grep -q extensions; fi",
		  crl, number, fx.dir, fx.dir, reason, fx.dir, fx.dir) != 0) {
		shell("openssl crl -in %s -noout -text >&2", crl);
		fail_msg("%s is not on the CRL for the reason \"%s\"", number, reason);
	}
}

static void note_pki(const char *to)
{
	/* dates of revocation differ, and CRLs; easy-rsa 3.1.0 leaves files of its own */
	assert_int_equal(
	    shell("cd %s && { find . -type f ! -name 'crl.pem' ! -name 'index.txt*' ! -name 'safessl*' "
		  "! -name serial.old -print0 | sort -z | xargs -0 sha256sum; find . -type d | sort; find . "
		  "-type f ! -name safessl\\* -printf '%%p %%m\\n' | sort; sed 's/Z\\t[0-9]*Z,/Z\\tDATE,/' "
		  "index.txt; cat index.txt.old; } > %s/%s",
		  fx.pki, fx.dir, to),
	    0);
}

static void each_reason_leaves_what_easyrsa_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		char command[64];
		use("alice");
		must_easyrsa(&fx, "gen-crl");
		snprintf(command, sizeof command, "revoke alice %s", reasons[i][0]);
		must_easyrsa(&fx, command);
		note_pki("theirs");
		use("alice");
		must_easyrsa(&fx, "gen-crl");
		struct ca *ca = fixture_unlocked(&fx);
		must_revoke(ca, "alice", alices, reasons[i][0], false);
		note_pki("ours");
		if (shell("diff %s/theirs %s/ours >&2", fx.dir, fx.dir) != 0)
			fail_msg("%s", reasons[i][0]);
		server_knows(alices, reasons[i][1]);
		assert_string_equal(fx.notes, "");
		ca_close(&ca);
	}
}

static void easyrsa_goes_on_with_it(void **state)
{
	(void)state;
	use("alice");
	struct ca *ca = fixture_unlocked(&fx);
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		char args[64];
		if (i > 0)
			must_easyrsa(&fx, "build-client-full alice nopass");
		snprintf(args, sizeof args, "^R.*Z,%s.*/CN=alice$", reasons[i][0]);
		must_revoke(ca, "alice", serial_of("issued/alice.crt"), reasons[i][0], false);
		assert_int_equal(count_lines(&fx, "index.txt", args), 1);
	}
	must_easyrsa(&fx, "show-revoke");
	assert_int_equal(shell("for i in keyCompromise certificateHold; do grep -q \"Reason: $i.*CN: alice\" "
			       "%s/easyrsa.log || exit 1; done",
			       fx.dir),
			 0);
	must_easyrsa(&fx, "show-crl");
	must_easyrsa(&fx, "update-db");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(
	    shell("openssl crl -in %s/crl.pem -noout -text | grep -c 'Serial Number' | grep -qx 7", fx.pki), 0);
	must_easyrsa(&fx, "show-cert bob");
	must_easyrsa(&fx, "revoke bob superseded");
	ca_close(&ca);
}

static void one_that_is_revoked_stays_so_and_the_server_hears_of_it(void **state)
{
	(void)state;
	use("alice");
	/* without a CRL */
	must_easyrsa(&fx, "revoke alice keyCompromise");
	struct ca *ca = fixture_unlocked(&fx);
	note_pki("before");
	must_revoke(ca, "alice", alices, "keyCompromise", true);
	server_knows(alices, "Key Compromise");
	assert_string_equal(fx.notes, "");
	/* and once more, for another reason */
	assert_int_equal(unlink(crl), 0);
	must_revoke(ca, "alice", alices, "superseded", true);
	server_knows(alices, "Key Compromise");
	assert_non_null(strstr(fx.notes, "has been revoked before, with the reason keyCompromise"));
	note_pki("after");
	assert_int_equal(shell("grep -v crl.pem %s/after | diff %s/before - >&2", fx.dir, fx.dir), 0);
	ca_close(&ca);
	/* with none at all */
	use("alice");
	must_easyrsa(&fx, "revoke alice");
	ca = fixture_unlocked(&fx);
	must_revoke(ca, "alice", alices, "superseded", true);
	server_knows(alices, "");
	assert_non_null(strstr(fx.notes, "with the reason unspecified"));
	ca_close(&ca);
}

static void what_cannot_be_revoked_is_told_and_nothing_changes(void **state)
{
	(void)state;
	use("alice");
	must_easyrsa(&fx, "build-server-full vpn nopass");
	char server[CA_SERIAL_HEX_MAX];
	snprintf(server, sizeof server, "%s", serial_of("issued/vpn.crt"));
	struct ca *ca = fixture_open(&fx);
	refuses(ca, "alice", alices, "superseded", ERR_CA_FAILED, "has not been unlocked");
	ca_close(&ca);
	ca = fixture_unlocked(&fx);
	note_pki("before");
	static const char *const wrong[] = {
	    "", "stolen", "keycompromise", "removeFromCRL", "superseded,x", "superseded\nrow V"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		refuses(ca, "alice", alices, wrong[i], ERR_USAGE, "is no reason");
		for (size_t j = 0; j < sizeof reasons / sizeof *reasons; j++)
			refuses(ca, "alice", alices, wrong[i], ERR_USAGE, reasons[j][0]);
	}
	static const char *const not_serials[] = {
	    "", "ABC", "ab", "0x12", "AB\tunknown", "../ab", "000000000000000000000000000000000000000000"};
	for (size_t i = 0; i < sizeof not_serials / sizeof *not_serials; i++)
		refuses(ca, "alice", not_serials[i], "superseded", ERR_USAGE, "is not a serial number");
	refuses(ca, "alice", "0123456789ABCDEF", "superseded", ERR_CA_REFUSED, "0123456789ABCDEF");
	refuses(ca, "bob", alices, "superseded", ERR_NAME_TAKEN, "somebody else's, /CN=alice");
	refuses(ca, "ali", alices, "superseded", ERR_NAME_TAKEN, "somebody else's");
	refuses(ca, "vpn", server, "superseded", ERR_NAME_TAKEN, "not a client's and is not revoked");
	refuses(ca, "CA", alices, "superseded", ERR_CA_REFUSED, "CA's own files");
	note_pki("after");
	assert_int_equal(shell("diff %s/before %s/after >&2", fx.dir, fx.dir), 0);
	assert_false(pki_has(&fx, "crl.pem"));
	ca_close(&ca);
	/* its CRLs would be worth nothing */
	assert_int_equal(shell("cd %s && openssl req -x509 -key private/ca.key -subj '/CN=Test CA' -days 20 -addext "
			       "keyUsage=critical,keyCertSign -out ca.crt",
			       fx.pki),
			 0);
	ca = fixture_unlocked(&fx);
	refuses(ca, "alice", alices, "superseded", ERR_CA_PKI, "has no cRLSign");
	ca_close(&ca);
	must_easyrsa(&fx, "revoke bob");
	snprintf(server, sizeof server, "%s", serial_of("revoked/certs_by_serial/*.crt"));
	ca = fixture_unlocked(&fx);
	refuses(ca, "bob", server, "superseded", ERR_CA_PKI, "has no cRLSign");
	ca_close(&ca);
	assert_int_equal(shell("rm %s/private/ca.key", fx.pki), 0);
	ca = fixture_open(&fx);
	refuses(ca, "alice", alices, "superseded", ERR_CA_PKI, "has no CA key");
	ca_close(&ca);
}

/* `easyrsa revoke` does not ask for the date, neither before nor after update-db. */
static void one_that_has_expired_is_revoked_as_well(void **state)
{
	(void)state;
	for (int updated = 0; updated < 2; updated++) {
		use("alice");
		assert_int_equal(shell("sed -i 's/^V\\t[0-9]*Z\\t\\t%s/V\\t200102000000Z\\t\\t%s/' %s/index.txt",
				       alices, alices, fx.pki),
				 0);
		if (updated)
			must_easyrsa(&fx, "update-db");
		assert_int_equal(count_lines(&fx, "index.txt", updated ? "^E.200102.*alice$" : "^V.200102.*alice$"), 1);
		assert_int_equal(shell("cp -a %s %s.theirs", fx.pki, fx.pki), 0);
		must_easyrsa(&fx, "revoke alice affiliationChanged");
		note_pki("theirs");
		assert_int_equal(shell("rm -r %s && mv %s.theirs %s", fx.pki, fx.pki, fx.pki), 0);
		struct ca *ca = fixture_unlocked(&fx);
		must_revoke(ca, "alice", alices, "affiliationChanged", false);
		note_pki("ours");
		assert_int_equal(shell("grep -v crl.pem %s/ours | diff %s/theirs - >&2", fx.dir, fx.dir), 0);
		server_knows(alices, "Affiliation Changed");
		assert_non_null(strstr(fx.notes, "expired on 2020-01-02"));
		ca_close(&ca);
	}
}

/* easy-rsa 3.1.0: `renew` keeps the older one valid, `revoke-renewed` takes only that one. */
static void of_two_of_one_name_only_the_one_that_was_meant_goes(void **state)
{
	(void)state;
	char newer[CA_SERIAL_HEX_MAX];
	for (int older = 0; older < 2; older++) {
		use("alice");
		fixture_set_var(&fx, "set_var EASYRSA_CERT_RENEW 900");
		must_easyrsa(&fx, "renew alice nopass");
		assert_int_equal(shell("touch %s/alice.creds", fx.pki), 0);
		snprintf(newer, sizeof newer, "%s", serial_of("issued/alice.crt"));
		assert_int_equal(shell("cp -a %s %s.theirs", fx.pki, fx.pki), 0);
		must_easyrsa(&fx, older ? "revoke-renewed alice superseded" : "revoke alice superseded");
		note_pki("theirs");
		assert_int_equal(shell("rm -r %s && mv %s.theirs %s", fx.pki, fx.pki, fx.pki), 0);
		struct ca *ca = fixture_unlocked(&fx);
		must_revoke(ca, "alice", older ? alices : newer, "superseded", false);
		note_pki("ours");
		assert_int_equal(shell("grep -v crl.pem %s/ours | diff %s/theirs - >&2", fx.dir, fx.dir), 0);
		server_knows(older ? alices : newer, "Superseded");
		assert_int_equal(count_lines(&fx, "index.txt", "^V.*alice$"), 1);
		assert_int_equal(pki_has(&fx, "alice.creds"), older);
		must_revoke(ca, "alice", older ? newer : alices, "keyCompromise", false);
		server_knows(alices, older ? "Superseded" : "Key Compromise");
		assert_false(pki_has(&fx, "alice.creds"));
		must_easyrsa(&fx, "gen-crl");
		ca_close(&ca);
	}
}

/* Not even the file: what counts is the row. */
static void one_whose_files_are_gone_is_revoked(void **state)
{
	(void)state;
	use("alice");
	assert_int_equal(shell("cd %s && rm issued/alice.crt certs_by_serial/%s.pem", fx.pki, alices), 0);
	struct ca *ca = fixture_unlocked(&fx);
	must_revoke(ca, "alice", alices, "keyCompromise", false);
	server_knows(alices, "Key Compromise");
	must_easyrsa(&fx, "gen-crl");
	ca_close(&ca);
}

/* As `openssl ca -revoke` does: the server accepts such a certificate, so it has to get on the CRL. */
static void one_whose_row_was_lost_is_revoked(void **state)
{
	(void)state;
	use("alice");
	assert_int_equal(shell("sed -i '/CN=alice$/d' %s/index.txt", fx.pki), 0);
	struct ca *ca = fixture_unlocked(&fx);
	must_revoke(ca, "alice", alices, "keyCompromise", false);
	server_knows(alices, "Key Compromise");
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*CN=alice$"), 1);
	must_easyrsa(&fx, "gen-crl");
	ca_close(&ca);
	/* but not a file of another CA */
	use("alice");
	assert_int_equal(shell("cd %s && sed -i '/CN=alice$/d' index.txt && openssl req -x509 -newkey rsa:2048 -nodes "
			       "-keyout /dev/null -subj /CN=alice -set_serial 0xAB01 -out certs_by_serial/AB01.pem "
			       "2>/dev/null",
			       fx.pki),
			 0);
	ca = fixture_unlocked(&fx);
	refuses(ca, "alice", "AB01", "superseded", ERR_CA_REFUSED, "AB01");
	ca_close(&ca);
}

/* What has the name now may be a newer certificate: a run that was killed while it put a row back leaves it alone. */
static void a_row_that_is_put_back_leaves_the_files_of_its_name_alone(void **state)
{
	(void)state;
	use("alice");
	assert_int_equal(shell("cd %s && { printf 'tokenroll 1\nname \nrow '; grep 'CN=alice$' index.txt; } "
			       ">index.txt.tokenroll && sed -i '/CN=alice$/d' index.txt && "
			       "cp issued/bob.crt issued/alice.crt",
			       fx.pki),
			 0);
	struct ca *ca = fixture_unlocked(&fx);
	must_revoke(ca, "alice", alices, "keyCompromise", false);
	server_knows(alices, "Key Compromise");
	assert_int_equal(shell("cmp %s/issued/bob.crt %s/issued/alice.crt", fx.pki, fx.pki), 0);
	ca_close(&ca);
}

static void one_that_cannot_be_published_is_revoked_and_told(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	bool already = true;
	use("alice");
	snprintf(crl, sizeof crl, "%s/nowhere/crl.pem", fx.dir);
	struct ca *ca = fixture_unlocked(&fx);
	assert_ok(ca_revoke(ca, "alice", alices, "keyCompromise", &already, &e), &e);
	assert_false(already);
	assert_int_equal(ca_publish(ca, "alice", &e), -1);
	assert_int_equal(e.code, ERR_CRL_UNPUBLISHED);
	assert_says(&e, alices);
	assert_int_equal(shell("mkdir %s/nowhere", fx.dir), 0);
	must_revoke(ca, "alice", alices, "keyCompromise", true);
	server_knows(alices, "Key Compromise");
	ca_close(&ca);
}

/* An easy-rsa that takes no lock read the index before the revocation, and writes it, and a CRL from it, afterwards. */
static void an_easyrsa_beside_it_does_not_take_it_back(void **state)
{
	(void)state;
	int status;
	use("alice");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("mkdir %s/0a1b2c3d && cp %s/index.txt %s/index.theirs && cp %s/crl.pem %s/crl.theirs",
			       fx.pki, fx.pki, fx.dir, fx.pki, fx.dir),
			 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(
		    shell(
			"cd %s && for i in $(seq 500); do grep -q ^R index.txt && break; sleep 0.01; done; sleep 0.1; "
			"cp %s/index.theirs new && mv new index.txt && cp %s/crl.theirs crl.pem && rmdir 0a1b2c3d",
			fx.pki, fx.dir, fx.dir) != 0);
	struct ca *ca = fixture_unlocked(&fx);
	must_revoke(ca, "alice", alices, "keyCompromise", false);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(count_lines(&fx, "index.txt", "^R.*,keyCompromise.*CN=alice$"), 1);
	server_knows(alices, "Key Compromise");
	assert_string_equal(fx.notes, "");
	ca_close(&ca);
}

/* A revocation that was interrupted is finished by an enrollment, which replaced nothing. */
static void an_enrollment_that_finishes_one_does_not_call_it_its_own(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	for (int superseded = 0; superseded < 2; superseded++) {
		struct ca_issued out;
		char record[256], path[256];
		use("alice");
		snprintf(path, sizeof path, "%s/index.txt.tokenroll", fx.pki);
		snprintf(record, sizeof record, "tokenroll 1\nname alice\nrevoke %s\nrevoked 261124000155Z,%s\n",
			 alices, superseded ? "superseded" : "keyCompromise");
		write_text(path, record);
		struct ca *ca = fixture_unlocked(&fx);
		must_issue(ca, "alice", key, false, &out);
		assert_string_equal(out.replaced, superseded ? alices : "");
		server_knows(alices, superseded ? "Superseded" : "Key Compromise");
		ca_certificate_free(&out.cert);
		ca_close(&ca);
	}
	EVP_PKEY_free(key);
}

static void a_reason_can_be_checked_beforehand(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		assert_ok(reason_check(reasons[i][0], &e), &e);
	assert_int_equal(reason_check(NULL, &e), -1);
	assert_int_equal(err_exit_status(e.code), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_reason_leaves_what_easyrsa_leaves),
	    cmocka_unit_test(easyrsa_goes_on_with_it),
	    cmocka_unit_test(one_that_is_revoked_stays_so_and_the_server_hears_of_it),
	    cmocka_unit_test(what_cannot_be_revoked_is_told_and_nothing_changes),
	    cmocka_unit_test(one_that_has_expired_is_revoked_as_well),
	    cmocka_unit_test(of_two_of_one_name_only_the_one_that_was_meant_goes),
	    cmocka_unit_test(one_whose_files_are_gone_is_revoked),
	    cmocka_unit_test(one_whose_row_was_lost_is_revoked),
	    cmocka_unit_test(a_row_that_is_put_back_leaves_the_files_of_its_name_alone),
	    cmocka_unit_test(one_that_cannot_be_published_is_revoked_and_told),
	    cmocka_unit_test(an_easyrsa_beside_it_does_not_take_it_back),
	    cmocka_unit_test(an_enrollment_that_finishes_one_does_not_call_it_its_own),
	    cmocka_unit_test(a_reason_can_be_checked_beforehand),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
