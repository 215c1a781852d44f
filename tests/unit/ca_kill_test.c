/*
 * Nothing is lost: whenever the signer is killed, the same call afterwards
 * leaves one V row and one certificate, or one R row and none. The program
 * that issues or revokes is traced and killed before its first, second, third
 * ... system call that can change anything, until it comes through; before
 * every third unless TOKENROLL_ALL is set.
 */
#include "ca_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#define STEPS_MAX 2000

static struct fixture fx;
static EVP_PKEY *key;
static EVP_PKEY *taken_key;                  /* ... and the key of that one */
static char taken_serial[CA_SERIAL_HEX_MAX]; /* alice's in the directory "taken" */

enum job { ISSUE, REPLACE, RENEW, REVOKE, REVOKE_SERIAL };

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_make_pki(&fx, "taken", "rsa", false);
	fixture_use(&fx, "taken");
	must_easyrsa(&fx, "build-client-full alice nopass");
	struct err e = ERR_INIT;
	struct ca_certificate c;
	bool found = false;
	struct ca *ca = fixture_open(&fx);
	assert_ok(ca_find(ca, "alice", &found, &c, &e), &e);
	assert_true(found);
	memcpy(taken_serial, c.serial, sizeof taken_serial);
	ca_certificate_free(&c);
	ca_close(&ca);
	char path[256];
	snprintf(path, sizeof path, "%s/private/alice.key", fx.pki);
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	taken_key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	assert_non_null(taken_key);
	fclose(in);
	assert_int_equal(shell("rm -rf %s/taken && mv %s/work %s/taken", fx.dir, fx.dir, fx.dir), 0);
	key = EVP_EC_gen("P-256");
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(taken_key);
	fixture_done(&fx);
	return 0;
}

static int step(void)
{
	return getenv("TOKENROLL_ALL") != NULL ? 1 : 3;
}

/* Another one each time, so that together they try each. */
static int first(void)
{
	static int turn;
	return 1 + turn++ % step();
}

/* At the entry of a system call. */
static bool changes_something(const struct user_regs_struct *regs)
{
	static const long calls[] = {SYS_write, SYS_pwrite64, SYS_fsync,     SYS_rename,   SYS_unlink,    SYS_link,
				     SYS_mkdir, SYS_flock,    SYS_ftruncate, SYS_unlinkat, SYS_renameat2, SYS_fchown};
	if (regs->orig_rax == SYS_openat)
		return (regs->rdx & O_CREAT) != 0;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if ((unsigned long long)calls[i] == regs->orig_rax)
			return true;
	}
	return false;
}

static int do_revoke(struct ca *ca, enum job job, bool *ret_already, struct err *e)
{
	struct ca_known known;
	if (job == REVOKE)
		return ca_revoke(ca, "alice", taken_serial, "keyCompromise", ret_already, e);
	return ca_revoke_serial(ca, taken_serial, "keyCompromise", false, ret_already, &known, e);
}

static void child(enum job job)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca_info info;
	struct ca *ca = NULL;
	if (ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e) != 0 || ca_unlock(ca, NULL, &e) != 0) {
		fprintf(stderr, "%s (%s)\n", e.what, e.native);
		_exit(2);
	}
	/* from here on; what opening does is covered where a record is left behind */
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	bool already;
	if (job >= REVOKE  ? do_revoke(ca, job, &already, &e) != 0
	    : job == RENEW ? try_issue_beside(ca, "alice", taken_key, taken_serial, &out, &e) != 0
			   : try_issue(ca, "alice", key, job == REPLACE, &out, &e) != 0) {
		fprintf(stderr, "%s (%s)\n", e.what, e.native);
		_exit(1);
	}
	_exit(0);
}

/* Runs the child up to before its call number k. Returns false if it ended without making so many. */
static bool run_and_kill(enum job job, int k)
{
	int status, calls = 0;
	bool entering = true;
	pid_t pid = fork();
	if (pid == 0)
		child(job);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		struct user_regs_struct regs;
		assert_true(WIFSTOPPED(status));
		assert_int_equal(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
		if (entering && changes_something(&regs) && ++calls == k)
			break;
		entering = !entering;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return true;
}

/* A program that was killed left a row without its LF, or half of it. */
static void tear_index(void)
{
	shell("cd %s && test -s index.txt && test -e index.txt.tokenroll && truncate -s -9 index.txt", fx.pki);
}

static void check_end(bool replace, int k)
{
	struct ca_issued out;
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", key, replace, &out);
	ca_close(&ca);
	if (count_lines(&fx, "index.txt", "^V.*CN=alice$") != 1 || count_lines(&fx, "index.txt", "^R") != replace)
		fail_msg("killed before call %d: %d valid rows", k, count_lines(&fx, "index.txt", "^V.*CN=alice$"));
	if (shell("cd %s && test $(ls certs_by_serial | wc -l) = 1 && test $(ls issued | wc -l) = 1 && test $(ls reqs "
		  "| wc -l) = 1 && "
		  "test -z \"$(ls | grep -E 'tmp|lock|tokenroll')\" && cmp certs_by_serial/*.pem issued/alice.crt && "
		  "test -e reqs/alice.req",
		  fx.pki) != 0) {
		shell("ls -R %s >&2", fx.pki);
		fail_msg("killed before call %d: the files are not as they should be", k);
	}
	assert_int_equal(shell("cd %s && grep -q \"\t%s\t\" index.txt", fx.pki, out.cert.serial), 0);
	if (replace) {
		assert_int_equal(shell("cd %s && test $(ls revoked/certs_by_serial | wc -l) = 1 && "
				       "test $(ls revoked/private_by_serial | wc -l) = 1 && "
				       "test $(ls revoked/reqs_by_serial | wc -l) = 1 && "
				       "openssl crl -in crl.pem -noout -text | grep -q Superseded",
				       fx.pki),
				 0);
		assert_int_equal(shell("cd %s && test -e revoked/certs_by_serial/%s.crt", fx.pki, out.replaced), 0);
		if (shell("cmp %s/crl.pem %s && test $(ls %s* | wc -l) = 1", fx.pki, fx.cfg.crl, fx.cfg.crl) != 0)
			fail_msg("killed before call %d: the CRL is not published", k);
	}
	ca_certificate_free(&out.cert);
}

static void killed_everywhere(const char *pki, bool replace, bool counted, bool torn)
{
	int k = first();
	char crl[256];
	snprintf(crl, sizeof crl, "%s/work/crl.pem", fx.dir);
	for (bool killed = true; killed && k < STEPS_MAX; k += step()) {
		fixture_use(&fx, pki);
		fx.cfg.crl = crl;
		if (counted)
			fixture_set_var(&fx, "set_var EASYRSA_RAND_SN no");
		killed = run_and_kill(replace ? REPLACE : ISSUE, k);
		if (torn)
			tear_index();
		check_end(replace, k);
	}
	assert_in_range(k, 30, STEPS_MAX - 1);
	must_easyrsa(&fx, "gen-crl");
}

static void killed_at_every_step_of_issuing(void **state)
{
	(void)state;
	killed_everywhere("rsa", false, false, false);
}

static void killed_at_every_step_with_a_torn_row_in_the_index(void **state)
{
	(void)state;
	killed_everywhere("rsa", false, false, true);
}

static void killed_at_every_step_with_counted_serials(void **state)
{
	(void)state;
	killed_everywhere("rsa", false, true, false);
}

static void killed_at_every_step_of_replacing(void **state)
{
	(void)state;
	killed_everywhere("taken", true, false, false);
}

static void check_revoked(struct ca *ca, int k)
{
	if (count_lines(&fx, "index.txt", "^R.*Z,keyCompromise.*CN=alice$") != 1 ||
	    count_lines(&fx, "index.txt", "CN=alice$") != 1)
		fail_msg("killed before call %d: %d rows are revoked", k, count_lines(&fx, "index.txt", "^R"));
	if (shell(
		"cd %s && test -z \"$(ls certs_by_serial issued private reqs | grep -E 'alice|laptop|%s')\" && test -z "
		"\"$(ls | grep -E 'tmp|lock|tokenroll')\" && test -e revoked/certs_by_serial/%s.crt && "
		"test -e revoked/private_by_serial/%s.key && test -e revoked/reqs_by_serial/%s.req",
		fx.pki, taken_serial, taken_serial, taken_serial, taken_serial) != 0) {
		shell("ls -R %s >&2", fx.pki);
		fail_msg("killed before call %d: the files are not as they should be", k);
	}
	struct err e = ERR_INIT;
	assert_ok(ca_publish(ca, "alice", &e), &e);
	if (shell(
		"cmp %s/crl.pem %s && test $(ls %s* | wc -l) = 1 && openssl crl -in %s -noout -text | grep -A4 'Serial "
		"Number: %s' | grep -q 'Key Compromise'",
		fx.pki, fx.cfg.crl, fx.cfg.crl, fx.cfg.crl, taken_serial) != 0)
		fail_msg("killed before call %d: the CRL is not published", k);
}

/* What comes next is the same call, or one for somebody else; the latter has nothing to finish if the kill came before
 * the record. */
static void killed_while_revoking(enum job job, bool same)
{
	int k = first();
	char crl[256];
	snprintf(crl, sizeof crl, "%s/work/crl.pem", fx.dir);
	for (bool killed = true; killed && k < STEPS_MAX; k += step()) {
		struct err e = ERR_INIT;
		bool already = true;
		struct ca_issued out;
		fixture_use(&fx, "taken");
		fx.cfg.crl = crl;
		/* easy-rsa takes the files' name from its command line, and it need not be the certificate's */
		if (job == REVOKE_SERIAL)
			assert_int_equal(
			    shell("cd %s && mv issued/alice.crt 'issued/my laptop.crt' && mv reqs/alice.req "
				  "'reqs/my laptop.req' && mv private/alice.key 'private/my laptop.key'",
				  fx.pki),
			    0);
		killed = run_and_kill(job, k);
		bool recorded = pki_has(&fx, "index.txt.tokenroll");
		bool in_index = count_lines(&fx, "index.txt", "^R") == 1;
		struct ca *ca = fixture_unlocked(&fx);
		if (same) {
			assert_ok(do_revoke(ca, job, &already, &e), &e);
			assert_int_equal(already, in_index && !recorded);
		} else {
			must_issue(ca, "bob", key, false, &out);
			assert_string_equal(out.replaced, "");
			ca_certificate_free(&out.cert);
		}
		if (same || recorded || in_index)
			check_revoked(ca, k);
		else
			assert_int_equal(count_lines(&fx, "index.txt", "^V.*CN=alice$"), 1);
		ca_close(&ca);
	}
	assert_in_range(k, 30, STEPS_MAX - 1);
	must_easyrsa(&fx, "gen-crl");
}

static void killed_at_every_step_of_revoking(void **state)
{
	(void)state;
	killed_while_revoking(REVOKE, true);
}

static void killed_at_every_step_of_revoking_one_whose_files_have_another_name(void **state)
{
	(void)state;
	killed_while_revoking(REVOKE_SERIAL, true);
}

static void a_revocation_is_finished_by_whoever_comes_next(void **state)
{
	(void)state;
	killed_while_revoking(REVOKE, false);
	killed_while_revoking(REVOKE_SERIAL, false);
}

/* The older one is where `easyrsa renew` puts it, the newer one has its place, and both are valid. */
static void check_renewed(int k)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca *ca = fixture_unlocked(&fx);
	assert_ok(try_issue_beside(ca, "alice", taken_key, taken_serial, &out, &e), &e);
	ca_close(&ca);
	assert_string_not_equal(out.cert.serial, taken_serial);
	if (count_lines(&fx, "index.txt", "^V.*CN=alice$") != 2 || count_lines(&fx, "index.txt", "CN=alice$") != 2)
		fail_msg("killed before call %d: %d rows", k, count_lines(&fx, "index.txt", "CN=alice$"));
	if (shell(
		"cd %s && cmp certs_by_serial/%s.pem issued/alice.crt && test $(ls certs_by_serial issued reqs | grep "
		"-c '[.]') = 3 && test -e reqs/alice.req && grep -qi '%s' renewed/issued/alice.crt && "
		"test -e renewed/reqs/alice.req && test -e renewed/private/alice.key && test ! -e private/alice.key && "
		"test -z \"$(ls | grep -E 'tmp|lock|tokenroll')\"",
		fx.pki, out.cert.serial, "CN=alice") != 0) {
		shell("ls -R %s >&2", fx.pki);
		fail_msg("killed before call %d: the files are not as they should be", k);
	}
	assert_int_equal(shell("cd %s && openssl x509 -in renewed/issued/alice.crt -noout -serial | grep -qx "
			       "'serial=%s'",
			       fx.pki, taken_serial),
			 0);
	ca_certificate_free(&out.cert);
}

static void killed_while_renewing(bool counted)
{
	int k = first();
	for (bool killed = true; killed && k < STEPS_MAX; k += step()) {
		fixture_use(&fx, "taken");
		if (counted)
			fixture_set_var(&fx, "set_var EASYRSA_RAND_SN no");
		killed = run_and_kill(RENEW, k);
		check_renewed(k);
	}
	assert_in_range(k, 40, STEPS_MAX - 1);
	must_easyrsa(&fx, "gen-crl");
}

static void killed_at_every_step_of_renewing(void **state)
{
	(void)state;
	killed_while_renewing(false);
}

static void killed_at_every_step_of_renewing_with_counted_serials(void **state)
{
	(void)state;
	killed_while_renewing(true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed_at_every_step_of_issuing),
	    cmocka_unit_test(killed_at_every_step_with_a_torn_row_in_the_index),
	    cmocka_unit_test(killed_at_every_step_with_counted_serials),
	    cmocka_unit_test(killed_at_every_step_of_replacing),
	    cmocka_unit_test(killed_at_every_step_of_renewing),
	    cmocka_unit_test(killed_at_every_step_of_renewing_with_counted_serials),
	    cmocka_unit_test(killed_at_every_step_of_revoking),
	    cmocka_unit_test(killed_at_every_step_of_revoking_one_whose_files_have_another_name),
	    cmocka_unit_test(a_revocation_is_finished_by_whoever_comes_next),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
