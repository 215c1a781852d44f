/* tokenroll beside others on one PKI: no row is lost, no serial is given twice, nobody stays locked out. */
#include "ca_fixture.h"

#include "ca/lock.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 15
#define SIGNERS 4
#define EACH 6

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

/* Issues for PREFIX1, PREFIX2 ... in a process of its own, settling each. */
static pid_t start_signer(char prefix, int n, bool settle)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca *ca = NULL;
	int ret = ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e) != 0 || ca_unlock(ca, NULL, &e) != 0;
	for (int i = 0; ret == 0 && i < n; i++) {
		char user[16];
		struct ca_issued out;
		EVP_PKEY *key = EVP_EC_gen("P-256");
		snprintf(user, sizeof user, "%c%d", prefix, i);
		ret = try_issue(ca, user, key, false, &out, &e) != 0 ||
		      (settle && ca_settle(ca, out.cert.serial, &e) != 0);
		EVP_PKEY_free(key);
		if (settle)
			usleep(30000); /* to be at work as long as easy-rsa is */
	}
	if (ret != 0)
		fprintf(stderr, "%s (%s)\n", e.what, e.native);
	_exit(ret);
}

static void join(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_no_serial_twice(void)
{
	assert_int_equal(shell("cd %s && test -z \"$(cut -f4 index.txt | sort | uniq -d)\"", fx.pki), 0);
	assert_false(pki_has(&fx, "lock.file"));
}

static void several_signers(const char *var)
{
	pid_t pids[SIGNERS];
	fixture_use(&fx, "rsa");
	fx.cfg.lock_wait = 30;
	fixture_set_var(&fx, var);
	for (int i = 0; i < SIGNERS; i++)
		pids[i] = start_signer((char)('a' + i), EACH, false);
	for (int i = 0; i < SIGNERS; i++)
		join(pids[i]);
	assert_int_equal(count_lines(&fx, "index.txt", "^V"), SIGNERS * EACH);
	assert_no_serial_twice();
	must_easyrsa(&fx, "gen-crl");
}

static void signers_take_turns(void **state)
{
	(void)state;
	several_signers("");
	several_signers("set_var EASYRSA_RAND_SN no");
	assert_int_equal(count_lines(&fx, "serial", "^19$"), 1); /* 24 used, none skipped */
}

static void beside_easyrsa(const char *var)
{
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, var);
	fixture_set_var(&fx, "set_var EASYRSA_ALGO ec\nset_var EASYRSA_CURVE prime256v1");
	pid_t pid = start_signer('t', ROUNDS, true);
	for (int i = 0; i < ROUNDS; i++) {
		char *args = xasprintf("build-client-full e%d nopass", i);
		must_easyrsa(&fx, args);
		free(args);
	}
	join(pid);
	for (int i = 0; i < ROUNDS; i++) {
		char pattern[64];
		snprintf(pattern, sizeof pattern, "^V.*/CN=[et]%d$", i);
		if (count_lines(&fx, "index.txt", pattern) != 2)
			fail_msg("%s: %d rows of e%d and t%d", var, count_lines(&fx, "index.txt", pattern), i, i);
	}
	assert_no_serial_twice();
	must_easyrsa(&fx, "gen-crl");
}

static void beside_an_easyrsa_without_a_lock_no_row_is_lost(void **state)
{
	(void)state;
	beside_easyrsa("set_var EASYRSA_RAND_SN yes");
}

static void nor_with_counted_serials(void **state)
{
	(void)state;
	beside_easyrsa("set_var EASYRSA_RAND_SN no");
}

/*
 * What an easy-rsa without a lock and its openssl do, slowly: a session folder, index and serial are read, and half
 * a second later written from memory, with one row more.
 */
static pid_t start_slow_easyrsa(void)
{
	char path[256];
	pid_t pid = fork();
	if (pid == 0)
		_exit(shell("cd %s && mkdir deadbeef && cp index.txt index.txt.new && n=$(cat serial) && : > "
			    "deadbeef/ready && "
			    "sleep 0.5 && printf 'V\\t350101000000Z\\t\\t%%s\\tunknown\\t/CN=slow\\n' $n >> "
			    "index.txt.new && "
			    "echo 77 > serial && mv index.txt index.txt.old && mv index.txt.new index.txt && rm -r "
			    "deadbeef",
			    fx.pki) != 0);
	snprintf(path, sizeof path, "%s/deadbeef/ready", fx.pki);
	while (access(path, F_OK) != 0)
		usleep(1000);
	return pid;
}

static void a_row_that_a_slow_easyrsa_overwrites_is_put_back(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "rsa");
	struct ca *ca = fixture_unlocked(&fx);
	pid_t pid = start_slow_easyrsa();
	must_issue(ca, "alice", key, false, &out);
	assert_ok(ca_settle(ca, out.cert.serial, &e), &e);
	join(pid);
	assert_int_equal(count_lines(&fx, "index.txt", "/CN=(alice|slow)$"), 2);
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_number_that_a_slow_easyrsa_has_read_is_not_used(void **state)
{
	(void)state;
	struct ca_issued out;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "set_var EASYRSA_RAND_SN no");
	struct ca *ca = fixture_unlocked(&fx);
	pid_t pid = start_slow_easyrsa();
	must_issue(ca, "alice", key, false, &out);
	join(pid);
	assert_string_equal(out.cert.serial, "77");
	assert_int_equal(count_lines(&fx, "index.txt", "/CN=(alice|slow)$"), 2);
	assert_no_serial_twice();
	ca_certificate_free(&out.cert);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void a_lock_is_waited_for_and_its_holder_named(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct pki_lock *l = NULL;
	char path[256], text[32];
	fixture_use(&fx, "rsa");
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof path, "%s/lock.file", fx.pki);
	snprintf(text, sizeof text, "%d\n", (int)pid);
	write_text(path, text);
	assert_int_equal(pki_lock_take(&l, fx.pki, 1, fixture_note, &fx, &e), -1);
	assert_int_equal(e.code, ERR_CA_LOCKED);
	snprintf(text, sizeof text, "PID %d (", (int)pid);
	assert_says(&e, text);
	assert_non_null(strstr(e.next, path));
	assert_int_equal(fx.n_notes, 1);
	assert_non_null(strstr(fx.notes, text));
	assert_non_null(strstr(fx.notes, "waiting"));
	/* it goes while we wait: then we have it */
	pid_t killer = fork();
	if (killer == 0) {
		usleep(200000);
		unlink(path);
		_exit(0);
	}
	assert_ok(pki_lock_take(&l, fx.pki, 5, fixture_note, &fx, &e), &e);
	assert_false(pki_lock_was_stale(l));
	assert_int_equal(kill(pid, SIGTERM), 0);
	waitpid(pid, NULL, 0);
	waitpid(killer, NULL, 0);
	pki_lock_release(&l);
	assert_false(pki_has(&fx, "lock.file"));
}

static void a_stale_lock_is_taken_over_by_one(void **state)
{
	(void)state;
	pid_t gone = fork(), pids[SIGNERS];
	char path[256], text[32];
	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	fixture_use(&fx, "rsa");
	snprintf(path, sizeof path, "%s/lock.file", fx.pki);
	snprintf(text, sizeof text, "%d\n", (int)gone);
	write_text(path, text);
	for (int i = 0; i < SIGNERS; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		/* whoever has it says so by a folder, which two cannot make */
		struct err e = ERR_INIT;
		struct pki_lock *l = NULL;
		char *dir = xasprintf("%s/held", fx.dir);
		int ret = pki_lock_take(&l, fx.pki, 20, NULL, NULL, &e) != 0 || mkdir(dir, 0700) != 0;
		usleep(100000);
		ret = ret != 0 || rmdir(dir) != 0;
		pki_lock_release(&l);
		_exit(ret);
	}
	for (int i = 0; i < SIGNERS; i++)
		join(pids[i]);
	assert_false(pki_has(&fx, "lock.file"));
}

static void lock_path(char path[256])
{
	fixture_use(&fx, "rsa");
	snprintf(path, 256, "%s/lock.file", fx.pki);
}

static void a_lock_that_names_nobody_is_waited_for_and_left_alone(void **state)
{
	(void)state;
	struct pki_lock *l = NULL;
	char path[256];
	lock_path(path);
	write_text(path, "");
	for (int taking = 0; taking < 2; taking++) {
		struct err e = ERR_INIT;
		fx.notes[0] = '\0';
		fx.n_notes = 0;
		assert_int_equal(taking ? pki_lock_take(&l, fx.pki, 1, fixture_note, &fx, &e)
					: pki_lock_wait(fx.pki, 1, fixture_note, &fx, &e),
				 -1);
		assert_int_equal(e.code, ERR_CA_LOCKED);
		assert_says(&e, "did not write its process id");
		assert_non_null(strstr(e.next, "remove "));
		assert_non_null(strstr(e.next, path));
		assert_int_equal(fx.n_notes, 1);
		assert_non_null(strstr(fx.notes, "waiting for "));
		assert_non_null(strstr(fx.notes, path));
		assert_non_null(strstr(fx.notes, "did not write its process id"));
		assert_true(pki_has(&fx, "lock.file"));
	}
}

/* easy-rsa makes the file and writes its process id a moment later. */
static void a_lock_is_given_the_moment_to_be_written(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char path[256], pid_text[32];
	lock_path(path);
	write_text(path, "");
	snprintf(pid_text, sizeof pid_text, "%d\n", (int)getppid());
	pid_t writer = fork();
	if (writer == 0) {
		usleep(100000);
		write_text(path, pid_text);
		_exit(0);
	}
	assert_int_equal(pki_lock_wait(fx.pki, 1, fixture_note, &fx, &e), -1);
	join(writer);
	snprintf(pid_text, sizeof pid_text, "held by PID %d (", (int)getppid());
	assert_int_equal(fx.n_notes, 1);
	assert_non_null(strstr(fx.notes, pid_text));
}

static void a_lock_from_before_a_reboot_is_stale(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct pki_lock *l = NULL;
	struct blob own = BLOB_INIT;
	char path[256], text[128];
	lock_path(path);
	assert_ok(pki_lock_take(&l, fx.pki, 0, NULL, NULL, &e), &e);
	assert_false(pki_lock_was_stale(l));
	assert_ok(file_read(path, 200, &own, &e), &e);
	pki_lock_release(&l);
	const char *boot = strchr((const char *)own.data, '\n') + 1;
	assert_int_equal(strlen(boot), 37);
	/* a process that lives, of this boot and of another */
	snprintf(text, sizeof text, "%d\n%s", (int)getppid(), boot);
	write_text(path, text);
	assert_int_equal(pki_lock_take(&l, fx.pki, 0, NULL, NULL, &e), -1);
	assert_int_equal(pki_lock_wait(fx.pki, 0, NULL, NULL, &e), -1);
	snprintf(text, sizeof text, "%d\n00000000-0000-4000-8000-000000000000\n", (int)getppid());
	write_text(path, text);
	assert_ok(pki_lock_wait(fx.pki, 0, NULL, NULL, &e), &e);
	assert_ok(pki_lock_take(&l, fx.pki, 0, NULL, NULL, &e), &e);
	assert_true(pki_lock_was_stale(l));
	pki_lock_release(&l);
	assert_false(pki_has(&fx, "lock.file"));
	assert_ok(pki_lock_wait(fx.pki, 0, NULL, NULL, &e), &e);
	blob_free(&own);
}

/* Before anything is made for a new certificate. */
static void a_locked_pki_is_said_when_the_key_is_unlocked(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char path[256], text[32];
	lock_path(path);
	fx.cfg.lock_wait = 0;
	struct ca *ca = fixture_open(&fx);
	snprintf(text, sizeof text, "%d\n", (int)getppid());
	write_text(path, text);
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CA_LOCKED);
	unlink(path);
	assert_ok(ca_unlock(ca, NULL, &e), &e);
	ca_close(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signers_take_turns),
	    cmocka_unit_test(beside_an_easyrsa_without_a_lock_no_row_is_lost),
	    cmocka_unit_test(nor_with_counted_serials),
	    cmocka_unit_test(a_row_that_a_slow_easyrsa_overwrites_is_put_back),
	    cmocka_unit_test(a_number_that_a_slow_easyrsa_has_read_is_not_used),
	    cmocka_unit_test(a_lock_is_waited_for_and_its_holder_named),
	    cmocka_unit_test(a_stale_lock_is_taken_over_by_one),
	    cmocka_unit_test(a_lock_that_names_nobody_is_waited_for_and_left_alone),
	    cmocka_unit_test(a_lock_is_given_the_moment_to_be_written),
	    cmocka_unit_test(a_lock_from_before_a_reboot_is_stale),
	    cmocka_unit_test(a_locked_pki_is_said_when_the_key_is_unlocked),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
