/* The file that the VPN server reads may hold the CRLs of several CAs, and several PKIs may publish there: none of them
 * loses what another one said. */
#include "ca_fixture.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct fixture fx;
static EVP_PKEY *key;
static char folder[192], crl[256], others[192];

/* DIR/NAME/pki and its CRL as DIR/others/NAME.pem */
static void make_company(const char *name, const char *ca_name)
{
	char *args = xasprintf("--use-algo=ec --req-cn='%s' build-ca nopass", ca_name);
	assert_int_equal(shell("rm -rf %s/work && mkdir %s/work", fx.dir, fx.dir), 0);
	must_easyrsa(&fx, "init-pki");
	must_easyrsa(&fx, args);
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(
	    shell("cp %s/crl.pem %s/%s.pem && mv %s/work %s/%s", fx.pki, others, name, fx.dir, fx.dir, name), 0);
	free(args);
}

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	snprintf(others, sizeof others, "%s/others", fx.dir);
	assert_int_equal(mkdir(others, 0755), 0);
	fixture_make_pki(&fx, "own", "ec", false);
	fixture_use(&fx, "own");
	must_easyrsa(&fx, "build-client-full alice nopass");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("cp %s/crl.pem %s/old.pem && rm -r %s/own && mv %s/work %s/own", fx.pki, others, fx.dir,
			       fx.dir, fx.dir),
			 0);
	make_company("leipzig", "Leipzig CA");
	make_company("berlin", "Berlin CA");
	make_company("twin", "Test CA");
	key = EVP_EC_gen("P-256");
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	fixture_done(&fx);
	return 0;
}

/* A PKI in which alice has a certificate, and a published file that this command makes of the CRLs in DIR/others. */
static void use_published(const char *command)
{
	fixture_use(&fx, "own");
	snprintf(folder, sizeof folder, "%s/work/server", fx.dir);
	snprintf(crl, sizeof crl, "%s/crl.pem", folder);
	assert_int_equal(shell("chmod 755 %s %s/work && mkdir -m 755 %s", fx.dir, fx.dir, folder), 0);
	if (shell("cd %s && C=%s && %s", others, crl, command) != 0)
		fail_msg("%s", command);
	fx.cfg.crl = crl;
}

/* Replaces alice's certificate and publishes. */
static void replace_alice(void)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca *ca = fixture_unlocked(&fx);
	must_issue(ca, "alice", key, true, &out);
	assert_int_not_equal(out.replaced[0], '\0');
	assert_ok(ca_publish(ca, "alice", &e), &e);
	ca_certificate_free(&out.cert);
	ca_close(&ca);
}

static X509_CRL *read_crl(BIO *in)
{
	X509_CRL *x = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL);
	ERR_clear_error();
	return x;
}

/* Whether OpenVPN has this CRL: it takes one after the other out of the file, and stops at the first that it cannot
 * read. */
static bool server_has(const char *path)
{
	BIO *in = BIO_new_file(path, "r"), *file = BIO_new_file(crl, "r");
	assert_non_null(in);
	assert_non_null(file);
	X509_CRL *wanted = read_crl(in), *there;
	assert_non_null(wanted);
	bool found = false;
	while (!found && (there = read_crl(file)) != NULL) {
		found = X509_CRL_match(there, wanted) == 0;
		X509_CRL_free(there);
	}
	X509_CRL_free(wanted);
	BIO_free(in);
	BIO_free(file);
	return found;
}

static bool server_has_other(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s.pem", others, name);
	return server_has(path);
}

static bool server_has_own(void)
{
	char path[256];
	snprintf(path, sizeof path, "%s/crl.pem", fx.pki);
	return server_has(path);
}

static int crls_in_the_file(void)
{
	return count_lines(&fx, "../server/crl.pem", "BEGIN X509 CRL");
}

static void a_ca_of_the_same_name_keeps_its_crl(void **state)
{
	(void)state;
	use_published("cat old.pem twin.pem leipzig.pem > $C");
	replace_alice();
	assert_true(server_has_own());
	assert_true(server_has_other("twin"));
	assert_true(server_has_other("leipzig"));
	assert_false(server_has_other("old"));
	assert_int_equal(crls_in_the_file(), 3);
}

static void what_stands_around_a_crl_stays_with_it(void **state)
{
	(void)state;
	use_published("{ echo '# ask Olga'; cat leipzig.pem; openssl crl -in old.pem -text; echo 'berlin:'; "
		      "cat berlin.pem; echo '# the end'; } > $C && sed -i 's/$/\\r/' $C");
	replace_alice();
	assert_true(server_has_own());
	assert_true(server_has_other("leipzig"));
	assert_true(server_has_other("berlin"));
	assert_int_equal(crls_in_the_file(), 3);
	assert_int_equal(
	    shell("{ cat %s/crl.pem && { echo '# ask Olga'; cat %s/leipzig.pem; echo 'berlin:'; cat %s/berlin.pem; "
		  "echo '# the end'; } | sed 's/$/\\r/'; } | cmp - %s",
		  fx.pki, others, others, crl),
	    0);
}

/* Files that somebody has put together with cat, or a full disk has cut. */
static void a_damaged_crl_takes_no_other_with_it(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		int crls;        /* in the end, with the damaged one */
		bool is_damaged; /* the CRL of Leipzig is; it is kept as it was, and told of */
	} cases[] = {
	    {"{ cat old.pem; head -n 3 leipzig.pem; cat berlin.pem; } > $C", 3, true},
	    {"{ head -n 3 leipzig.pem; cat old.pem berlin.pem; } > $C", 3, true},
	    {"{ cat berlin.pem; sed '3s/./!/' leipzig.pem; cat old.pem; } > $C", 3, true},
	    {"{ sed '3d' leipzig.pem; cat berlin.pem old.pem; } > $C", 3, true},
	    {"{ cat berlin.pem old.pem; head -c 100 leipzig.pem; } > $C", 3, true},
	    /* no end of line behind the last one */
	    {"{ printf %s \"$(cat old.pem)\"; printf %s \"$(cat leipzig.pem)\"; cat berlin.pem; } > $C", 3, false},
	    /* our own */
	    {"{ head -n 5 old.pem; cat leipzig.pem berlin.pem; } > $C", 3, false},
	    {"{ cat leipzig.pem; sed '6s/./!/' old.pem; cat berlin.pem; } > $C", 3, false},
	    {"{ cat leipzig.pem berlin.pem; head -n 6 old.pem; } > $C", 3, false},
	    {"head -n 6 old.pem > $C", 1, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		use_published(cases[i].command);
		bool alone = cases[i].crls == 1;
		replace_alice();
		if (!server_has_own() || (!alone && !server_has_other("berlin")) || crls_in_the_file() != cases[i].crls)
			fail_msg("%s: %d CRLs", cases[i].command, crls_in_the_file());
		if (!alone && server_has_other("leipzig") == cases[i].is_damaged)
			fail_msg("%s: the CRL of Leipzig", cases[i].command);
		if ((strstr(fx.notes, "damaged") != NULL) != cases[i].is_damaged)
			fail_msg("%s: notes %s", cases[i].command, fx.notes);
	}
}

static void a_damaged_crl_is_kept_as_it_is_and_named_by_its_line(void **state)
{
	(void)state;
	use_published("{ cat old.pem; sed '3s/./!/' leipzig.pem; cat berlin.pem; } > $C");
	char line[16];
	replace_alice();
	snprintf(line, sizeof line, "line %d ",
		 count_lines(&fx, "crl.pem", "") + count_lines(&fx, "../../others/berlin.pem", "") + 1);
	assert_int_equal(shell("{ cat %s/crl.pem %s/berlin.pem; sed '3s/./!/' %s/leipzig.pem; } | cmp - %s", fx.pki,
			       others, others, crl),
			 0);
	assert_non_null(strstr(fx.notes, crl));
	assert_non_null(strstr(fx.notes, line));
	/* what is published now is not written again for the damage's sake */
	struct err e = ERR_INIT;
	struct ca *ca = fixture_open(&fx);
	fx.notes[0] = '\0';
	assert_ok(ca_publish(ca, "alice", &e), &e);
	assert_string_equal(fx.notes, "");
	ca_close(&ca);
}

/* of two that are ours the newer one counts, as it does for the server */
static void the_newest_of_our_own_is_the_one_that_counts(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	use_published("cat leipzig.pem > $C");
	replace_alice();
	assert_int_equal(shell("cat %s/old.pem %s/crl.pem %s/leipzig.pem > %s.new && mv %s.new %s && cp %s %s.before",
			       others, fx.pki, others, crl, crl, crl, crl, crl),
			 0);
	struct ca *ca = fixture_open(&fx);
	assert_ok(ca_publish(ca, "alice", &e), &e);
	assert_int_equal(shell("cmp %s %s.before", crl, crl), 0);
	ca_close(&ca);
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pause();
	_exit(0);
}

static void end_sleeper(pid_t pid)
{
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A station asks after each of its tokens. */
static void when_nothing_is_outdated_no_lock_is_waited_for(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char path[256], text[32];
	use_published("cat leipzig.pem > $C");
	replace_alice();
	pid_t pid = start_sleeper();
	snprintf(path, sizeof path, "%s/lock.file", fx.pki);
	snprintf(text, sizeof text, "%d\n", (int)pid);
	write_text(path, text);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	fx.cfg.lock_wait = 1;
	fx.notes[0] = '\0';
	struct ca *ca = fixture_open(&fx);
	assert_ok(ca_publish(ca, "alice", &e), &e);
	assert_ok(ca_publish(ca, "bob", &e), &e);
	assert_string_equal(fx.notes, "");
	/* but it is when there is something to do */
	assert_int_equal(shell("cp %s/leipzig.pem %s", others, crl), 0);
	assert_int_equal(ca_publish(ca, "alice", &e), -1);
	assert_int_equal(e.code, ERR_CA_LOCKED);
	assert_says(&e, "the fresh CRL is not published");
	ca_close(&ca);
	close(fd);
	end_sleeper(pid);
}

/* In a process of its own: with --replace, or what is left to be published. */
static pid_t start_publishing(bool replace)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca *ca = fixture_unlocked(&fx);
	_exit(replace ? try_issue(ca, "alice", key, true, &out, &e) : ca_publish(ca, "alice", &e));
}

static void join(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Another PKI's tokenroll has the folder: what it writes before it lets go is not written over. */
static void what_another_pki_publishes_meanwhile_is_kept(void **state)
{
	(void)state;
	for (int replace = 0; replace < 2; replace++) {
		use_published("cat old.pem > $C");
		if (!replace) {
			usleep(1100000); /* by its time the new one is newer */
			must_easyrsa(&fx, "gen-crl");
		}
		int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(flock(fd, LOCK_EX), 0);
		pid_t pid = start_publishing(replace);
		usleep(300000);
		assert_int_equal(
		    shell("cat %s/old.pem %s/leipzig.pem > %s.new && mv %s.new %s", others, others, crl, crl, crl), 0);
		close(fd);
		join(pid);
		assert_true(server_has_own());
		assert_true(server_has_other("leipzig"));
		assert_int_equal(shell("test $(ls -A %s | wc -l) = 1", folder), 0);
	}
}

/* Anybody who may read a folder may lock it. That must not keep a revocation from the server. */
static void a_folder_that_stays_locked_delays_but_does_not_prevent(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	use_published("cat leipzig.pem > $C");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	fx.cfg.lock_wait = 1;
	struct ca *ca = fixture_open(&fx);
	assert_ok(ca_publish(ca, "alice", &e), &e);
	assert_true(server_has_own());
	assert_true(server_has_other("leipzig"));
	assert_non_null(strstr(fx.notes, folder));
	assert_non_null(strstr(fx.notes, "locked"));
	ca_close(&ca);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ca_of_the_same_name_keeps_its_crl),
	    cmocka_unit_test(what_stands_around_a_crl_stays_with_it),
	    cmocka_unit_test(a_damaged_crl_takes_no_other_with_it),
	    cmocka_unit_test(a_damaged_crl_is_kept_as_it_is_and_named_by_its_line),
	    cmocka_unit_test(the_newest_of_our_own_is_the_one_that_counts),
	    cmocka_unit_test(when_nothing_is_outdated_no_lock_is_waited_for),
	    cmocka_unit_test(what_another_pki_publishes_meanwhile_is_kept),
	    cmocka_unit_test(a_folder_that_stays_locked_delays_but_does_not_prevent),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
