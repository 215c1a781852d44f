/* The CA through its process: the same answers over the socket, and an end without a trace. */
#include "ca_fixture.h"

#include "ca/confine.h"

#include <fcntl.h>
#include <sys/wait.h>

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa-encrypted", "rsa", true);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static struct signer *start(struct ca_info *info)
{
	struct err e = ERR_INIT;
	struct signer *s = NULL;
	fixture_use(&fx, "rsa-encrypted");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, info, &e), &e);
	return s;
}

static int unlock(struct signer *s, const char *passphrase, struct err *e)
{
	struct secret *secret = secret_new();
	assert_ok(secret_set(secret, passphrase, strlen(passphrase), e), e);
	int ret = signer_unlock_begin(s, secret, e);
	secret_free(&secret);
	return ret == 0 ? signer_unlock_end(s, e) : ret;
}

static void a_whole_issue_over_the_socket(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_issued out;
	struct ca_certificate found, checked;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	bool is_there = true;
	struct signer *s = start(&info);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_true(info.has_key);
	assert_true(info.needs_passphrase);
	assert_string_equal(info.subject, "/CN=Test CA");
	assert_int_equal(unlock(s, "wrong", &e), -1);
	assert_int_equal(e.code, ERR_CA_PASSPHRASE);
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	assert_ok(signer_subject(s, "alice", &subject, &e), &e);
	assert_ok(signer_find(s, "alice", &is_there, &found, &e), &e);
	assert_false(is_there);
	make_csr(&csr, key, &subject);
	struct ca_request req = {.user = "alice", .csr = &csr, .days = 30, .serial = {0xAB, 1}};
	assert_ok(signer_issue(s, &req, &out, &e), &e);
	assert_string_equal(out.cert.serial, "AB010000000000000000000000000000");
	assert_in_range(out.cert.not_after - time(NULL), 30 * 86400 - 60, 30 * 86400);
	assert_ok(signer_find(s, "alice", &is_there, &found, &e), &e);
	assert_true(is_there);
	assert_true(blob_equal(&found.der, &out.cert.der));
	assert_ok(signer_check(s, "alice", &out.cert.spki, &out.cert.der, &checked, &e), &e);
	assert_string_equal(checked.serial, out.cert.serial);
	assert_ok(signer_settle(s, out.cert.serial, &e), &e);
	ca_certificate_free(&found);
	ca_certificate_free(&checked);
	ca_certificate_free(&out.cert);
	ca_info_free(&info);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(key);
	signer_stop(&s);
	assert_null(s);
	assert_false(pki_has(&fx, "lock.file"));
}

static void a_name_that_would_be_a_path_is_refused_there_as_well(void **state)
{
	(void)state;
	static const char *const names[] = {"../alice", "a/b", "", "-x", ".hidden", "a b"};
	struct ca_info info;
	struct signer *s = start(&info);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err e = ERR_INIT;
		struct blob subject = BLOB_INIT;
		assert_int_equal(signer_subject(s, names[i], &subject, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	ca_info_free(&info);
	signer_stop(&s);
}

static void a_pki_that_cannot_be_opened_is_an_error_of_the_start(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	char nowhere[] = "/nonexistent/pki";
	fixture_use(&fx, "rsa-encrypted");
	fx.cfg.pki = nowhere;
	assert_ok(signer_start(&s, &fx.cfg, false, NULL, NULL, &e), &e);
	assert_int_equal(signer_open(s, &info, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, nowhere);
	signer_stop(&s);
}

/* In a process of its own: there is no way back. */
/* easy-rsa writes through such a link, too, as long as it only signs. */
static void an_index_that_is_a_link_out_of_the_pki_is_written_to(void **state)
{
	(void)state;
	int status;
	fixture_use(&fx, "rsa-encrypted");
	assert_int_equal(
	    shell("cd %s && rm -rf %s/elsewhere && mkdir %s/elsewhere && mv index.txt %s/elsewhere/ && ln -s "
		  "%s/elsewhere/index.txt index.txt",
		  fx.pki, fx.dir, fx.dir, fx.dir, fx.dir),
	    0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		struct ca_issued out;
		struct ca *ca = fixture_unlocked(&fx);
		const struct pathset none = PATHSET_INIT;
		if (!ca_confine(ca, &fx.cfg, &none))
			_exit(77);
		if (try_issue(ca, "alice", EVP_EC_gen("P-256"), false, &out, &e) == 0)
			_exit(0);
		fprintf(stderr, "%s (%s)\n", e.what, e.native);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* this kernel has no Landlock */
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(count_lines(&fx, "../../elsewhere/index.txt", "^V.*/CN=alice$"), 1);
}

static void once_confined_only_the_pki_can_be_written(void **state)
{
	(void)state;
	char inside[256], outside[256], crl_dir[256], crl[300];
	int status;
	fixture_use(&fx, "rsa-encrypted");
	snprintf(inside, sizeof inside, "%s/issued/x", fx.pki);
	snprintf(outside, sizeof outside, "%s/x", fx.dir);
	snprintf(crl_dir, sizeof crl_dir, "%s/published", fx.dir);
	snprintf(crl, sizeof crl, "%s/crl.pem", crl_dir);
	assert_int_equal(mkdir(crl_dir, 0700), 0);
	fx.cfg.crl = crl;
	pid_t pid = fork();
	if (pid == 0) {
		struct ca *ca = fixture_open(&fx);
		const struct pathset none = PATHSET_INIT;
		if (!ca_confine(ca, &fx.cfg, &none))
			_exit(77);
		_exit(file_write(inside, "x", 1, 0600, NULL) == 0 && file_write(crl, "x", 1, 0644, NULL) == 0 &&
			      file_write(outside, "x", 1, 0600, NULL) != 0 && shell("true") != 0
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* this kernel has no Landlock */
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(pki_has(&fx, "issued/x"));
	assert_int_equal(access(crl, F_OK), 0);
	assert_int_not_equal(access(outside, F_OK), 0);
}

static bool reads(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void once_confined_it_reads_what_it_needs_and_no_secret_of_a_token(void **state)
{
	(void)state;
	char pin[256], pass[256], db[256], wal[260], bundles[256], bundle[270], vars[270], index[256];
	struct hidden_list hidden = {NULL, 0};
	int status;
	fixture_use(&fx, "rsa-encrypted");
	snprintf(pin, sizeof pin, "%s/pin", fx.dir);
	snprintf(pass, sizeof pass, "%s/ca.pass", fx.dir);
	snprintf(db, sizeof db, "%s/db", fx.dir);
	snprintf(wal, sizeof wal, "%s-wal", db);
	snprintf(bundles, sizeof bundles, "%s/bundles", fx.dir);
	snprintf(bundle, sizeof bundle, "%s/alice.zip", bundles);
	snprintf(vars, sizeof vars, "%s/beside/vars", fx.dir);
	snprintf(index, sizeof index, "%s/index.txt", fx.pki);
	assert_int_equal(shell("cd %s && mkdir bundles beside && touch pin ca.pass db db-wal bundles/alice.zip "
			       "beside/vars",
			       fx.dir),
			 0);
	hidden_add(&hidden, HIDDEN_STORE, db);
	hidden_add(&hidden, HIDDEN_BUNDLES, bundles);
	hidden_add(&hidden, HIDDEN_SECRET, pin);
	hidden_add(&hidden, HIDDEN_CA_SECRET, pass);
	hidden_add(&hidden, HIDDEN_SECRET, vars); /* not where it is needed */
	fx.cfg.vars = vars;
	fx.cfg.hidden = &hidden;
	pid_t pid = fork();
	if (pid == 0) {
		struct ca *ca = fixture_open(&fx);
		const struct pathset none = PATHSET_INIT;
		if (!ca_confine(ca, &fx.cfg, &none))
			_exit(77);
		_exit(reads(pin) || reads(db) || reads(wal) || reads(bundle)             ? 1
		      : reads(pass) && reads(vars) && reads(index) && reads("/dev/null") ? 0
											 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	hidden_free(&hidden);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* this kernel has no Landlock */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_replacement_works_in_confinement(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_issued first, second;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	struct signer *s = start(&info);
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	assert_ok(signer_subject(s, "alice", &subject, &e), &e);
	make_csr(&csr, keys[0], &subject);
	struct ca_request req = {.user = "alice", .csr = &csr, .serial = {0xAB, 1}};
	assert_ok(signer_issue(s, &req, &first, &e), &e);
	make_csr(&csr, keys[1], &subject);
	req.serial[0] = 0xAC;
	req.replace = true;
	assert_ok(signer_issue(s, &req, &second, &e), &e);
	assert_string_equal(second.replaced, first.cert.serial);
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", second.replaced));
	assert_true(pki_has(&fx, "crl.pem"));
	ca_certificate_free(&first.cert);
	ca_certificate_free(&second.cert);
	ca_info_free(&info);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	signer_stop(&s);
}

static void a_revocation_works_in_confinement(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_issued issued;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	char long_text[5000] = "";
	bool already = true, revoked = false;
	struct signer *s = start(&info);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(signer_revoke(s, "alice", "AB01", "keyCompromise", &already, &e), -1);
	assert_int_equal(e.code, ERR_CA_FAILED);
	assert_says(&e, "has not been unlocked");
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	assert_ok(signer_subject(s, "alice", &subject, &e), &e);
	make_csr(&csr, key, &subject);
	struct ca_request req = {.user = "alice", .csr = &csr, .serial = {0xAB, 1}};
	assert_ok(signer_issue(s, &req, &issued, &e), &e);
	/* what a person may have typed is told as such, also if it is long */
	memset(long_text, 'A', 300);
	assert_int_equal(signer_revoke(s, "alice", long_text, "superseded", &already, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(signer_revoke(s, "alice", issued.cert.serial, long_text, &already, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_says(&e, "certificateHold");
	memset(long_text, 'A', sizeof long_text - 1);
	assert_int_equal(signer_revoke(s, "alice", long_text, "superseded", &already, &e), -1);
	assert_int_equal(signer_revoke(s, "../alice", issued.cert.serial, "superseded", &already, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_ok(signer_revoked(s, issued.cert.serial, &revoked, &e), &e);
	assert_false(revoked);
	for (int i = 0; i < 2; i++) {
		assert_ok(signer_revoke(s, "alice", issued.cert.serial, "cessationOfOperation", &already, &e), &e);
		assert_int_equal(already, i);
		assert_ok(signer_revoked(s, issued.cert.serial, &revoked, &e), &e);
		assert_true(revoked);
	}
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", issued.cert.serial));
	assert_int_equal(shell("openssl crl -in %s/crl.pem -noout -text | grep -q 'Cessation Of Operation'", fx.pki),
			 0);
	ca_certificate_free(&issued.cert);
	ca_info_free(&info);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(key);
	signer_stop(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_issue_over_the_socket),
	    cmocka_unit_test(a_name_that_would_be_a_path_is_refused_there_as_well),
	    cmocka_unit_test(a_pki_that_cannot_be_opened_is_an_error_of_the_start),
	    cmocka_unit_test(an_index_that_is_a_link_out_of_the_pki_is_written_to),
	    cmocka_unit_test(once_confined_only_the_pki_can_be_written),
	    cmocka_unit_test(once_confined_it_reads_what_it_needs_and_no_secret_of_a_token),
	    cmocka_unit_test(a_replacement_works_in_confinement),
	    cmocka_unit_test(a_revocation_works_in_confinement),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
