/* One signer for several who enroll: asked for its passphrase once, and none of them stands in the others' way. */
#include "ca_fixture.h"

#include "ca/signer_wire.h"
#include "core/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "encrypted", "ec", true);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static struct signer *start_unlocked(void)
{
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	struct secret *secret = secret_new();
	fixture_use(&fx, "encrypted");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	assert_true(info.needs_passphrase);
	assert_ok(secret_set(secret, PASSPHRASE, strlen(PASSPHRASE), &e), &e);
	assert_ok(signer_unlock_begin(s, secret, &e), &e);
	assert_ok(signer_unlock_end(s, &e), &e);
	secret_free(&secret);
	ca_info_free(&info);
	return s;
}

static int admit(struct signer *s)
{
	struct err e = ERR_INIT;
	int fd = -1;
	assert_ok(signer_admit_begin(s, &fd, &e), &e);
	assert_ok(signer_admit_end(s, &e), &e);
	return fd;
}

static struct signer *join(int fd)
{
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	assert_ok(signer_join(&s, fd, &fx.cfg, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	assert_string_equal(info.subject, "/CN=Test CA");
	assert_false(info.needs_passphrase);
	assert_true(info.chain_pem.len > 0);
	ca_info_free(&info);
	return s;
}

static int issue(struct signer *s, const char *user, unsigned char serial, struct err *e)
{
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	struct ca_issued out = {.replaced = ""};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_request req = {.user = user, .csr = &csr, .days = 30, .serial = {0x7F, serial}};
	int ret = signer_subject(s, user, &subject, e);
	if (ret == 0)
		ret = signer_unlock_begin(s, NULL, e) == 0 ? signer_unlock_end(s, e) : -1;
	if (ret == 0) {
		make_csr(&csr, key, &subject);
		ret = signer_issue(s, &req, &out, e);
	}
	ca_certificate_free(&out.cert);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(key);
	return ret;
}

static void the_passphrase_is_asked_for_once_and_all_can_issue(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct signer *s = start_unlocked(), *a = join(admit(s)), *b = join(admit(s));
	assert_ok(issue(a, "alice", 1, &e), &e);
	assert_ok(issue(b, "bob", 2, &e), &e);
	assert_int_equal(issue(b, "alice", 3, &e), -1);
	assert_int_equal(e.code, ERR_NAME_TAKEN);
	signer_stop(&a);
	e = (struct err)ERR_INIT;
	assert_ok(issue(b, "carol", 4, &e), &e);
	assert_ok(issue(s, "dave", 5, &e), &e);
	signer_stop(&b);
	signer_stop(&s);
	assert_int_equal(shell("test $(grep -c ^V %s/index.txt) = 4", fx.pki), 0);
	must_easyrsa(&fx, "show-cert carol");
}

static void without_the_passphrase_nobody_who_joins_can_issue(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL, *a = NULL;
	fixture_use(&fx, "encrypted");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	ca_info_free(&info);
	assert_ok(signer_join(&a, admit(s), &fx.cfg, NULL, NULL, &e), &e);
	assert_ok(signer_open(a, &info, &e), &e);
	assert_true(info.needs_passphrase);
	ca_info_free(&info);
	assert_int_equal(issue(a, "alice", 1, &e), -1);
	assert_int_equal(e.code, ERR_CA_PASSPHRASE_NEEDED);
	signer_stop(&a);
	signer_stop(&s);
}

static void whoever_joins_sees_what_easyrsa_has_done_meanwhile(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_certificate found;
	bool is_there = false;
	struct signer *s = start_unlocked();
	must_easyrsa(&fx, "--passout=pass:x --passin=pass:'" PASSPHRASE "' build-client-full erin nopass");
	struct signer *a = join(admit(s));
	assert_ok(signer_find(a, "erin", &is_there, &found, &e), &e);
	assert_true(is_there);
	ca_certificate_free(&found);
	signer_stop(&a);
	signer_stop(&s);
}

static void several_processes_at_once_get_all_their_certificates(void **state)
{
	(void)state;
	enum { N = 6, EACH = 5 };
	pid_t pids[N];
	struct signer *s = start_unlocked();
	for (int i = 0; i < N; i++) {
		int fd = admit(s);
		pids[i] = fork();
		if (pids[i] == 0) {
			struct signer *mine = join(fd);
			for (int k = 0; k < EACH; k++) {
				struct err e = ERR_INIT;
				char user[16];
				snprintf(user, sizeof user, "user%d-%d", i, k);
				if (issue(mine, user, (unsigned char)(i * EACH + k), &e) != 0)
					_exit(1);
			}
			_exit(0);
		}
		close(fd);
	}
	for (int i = 0; i < N; i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	signer_stop(&s);
	assert_int_equal(shell("test $(grep -c ^V %s/index.txt) = %d", fx.pki, N * EACH), 0);
	assert_int_equal(shell("test $(cut -f4 %s/index.txt | sort -u | wc -l) = %d", fx.pki, N * EACH), 0);
}

/* It may have been stopped, or be about to lie. */
static void one_that_stops_in_the_middle_of_a_call_or_talks_nonsense_is_dropped(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct signer *s = start_unlocked(), *a = join(admit(s));
	int half = admit(s), wild = admit(s);
	char end;
	assert_int_equal(write(wild, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), 8);
	assert_int_equal(read(wild, &end, 1), 0);
	assert_int_equal(write(half, "\0\0\0\x64", 4), 4);
	assert_ok(issue(a, "alice", 1, &e), &e);
	assert_int_equal(read(half, &end, 1), 0);
	close(half);
	close(wild);
	signer_stop(&a);
	signer_stop(&s);
}

/* Alice's enrollment takes a moment, and not what the other one has. */
static void must_be_served(struct signer *a, unsigned char serial, int64_t most_ms)
{
	struct err e = ERR_INIT;
	char user[16];
	int64_t began = clock_ms();
	snprintf(user, sizeof user, "alice%d", serial);
	assert_ok(issue(a, user, serial, &e), &e);
	assert_in_range(clock_ms() - began, 0, most_ms);
}

static void one_that_stops_in_the_middle_of_a_call_keeps_nobody_waiting(void **state)
{
	(void)state;
	struct signer *s = start_unlocked(), *a = join(admit(s));
	int half = admit(s), no_body = admit(s);
	char end;
	must_be_served(a, 1, 10000); /* the first one pays for what is done once */
	assert_int_equal(write(half, "\0\0\0\x64", 4), 4);
	assert_int_equal(write(no_body, "\0\0\0\x64\0\x10\0\0", 8), 8);
	must_be_served(a, 2, 1500);
	assert_int_equal(read(half, &end, 1), 0);
	assert_int_equal(read(no_body, &end, 1), 0);
	close(half);
	close(no_body);
	signer_stop(&a);
	signer_stop(&s);
}

/* Asks who it is, again and again, as long as the signer takes it. */
static void ask_without_listening(int fd)
{
	static const unsigned char join_call[] = {0, 0, 0, 0, 0, SIGNER_JOIN, 0, 0};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (poll(&p, 1, 500) > 0 && send(fd, join_call, sizeof join_call, MSG_NOSIGNAL) > 0)
		;
}

static void one_that_does_not_take_its_answers_is_dropped_and_the_others_are_served(void **state)
{
	(void)state;
	struct signer *s = start_unlocked(), *a = join(admit(s));
	int deaf = admit(s);
	struct pollfd p = {.fd = deaf, .events = 0};
	ask_without_listening(deaf);
	alarm(30);
	must_be_served(a, 1, 10000);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true((p.revents & POLLHUP) != 0);
	must_be_served(a, 2, 1500);
	alarm(0);
	close(deaf);
	signer_stop(&a);
	signer_stop(&s);
}

static void the_signers_memory_is_locked_from_the_first_on(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the sanitizer has calls that lock memory do nothing */
#endif
	struct signer *s = start_unlocked();
	static const char locked[] = "for p in $(pgrep -P %d -x tokenroll-signe); do awk '/^VmLck/ { print $2 }' "
				     "/proc/$p/status; done | awk '{ n += $1 } END { exit !(n > %d) }'";
	if (geteuid() != 0) {
		signer_stop(&s);
		skip();
	}
	assert_int_not_equal(shell(locked, getpid(), 1000), 0);
	int fd = admit(s);
	assert_int_equal(shell(locked, getpid(), 1000), 0);
	close(fd);
	signer_stop(&s);
}

static struct secret *derived(struct signer *s, const char *purpose)
{
	struct err e = ERR_INIT;
	struct secret *key = secret_new();
	assert_ok(signer_derive(s, purpose, key, &e), &e);
	assert_int_equal(key->len, 32);
	return key;
}

static void a_key_for_a_purpose_is_the_same_each_time_and_another_one_for_another(void **state)
{
	(void)state;
	struct signer *s = start_unlocked();
	struct secret *a = derived(s, "letters"), *b = derived(s, "other");
	signer_stop(&s);
	s = start_unlocked();
	struct secret *again = derived(s, "letters");
	assert_true(secret_equal(a, again));
	assert_false(secret_equal(a, b));
	secret_free(&a);
	secret_free(&b);
	secret_free(&again);
	signer_stop(&s);
}

static void without_the_passphrase_no_key_is_derived(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	struct secret *key = secret_new();
	fixture_use(&fx, "encrypted");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	assert_int_equal(signer_derive(s, "letters", key, &e), -1);
	assert_int_equal(e.code, ERR_CA_PASSPHRASE_NEEDED);
	assert_int_equal(key->len, 0);
	ca_info_free(&info);
	secret_free(&key);
	signer_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_passphrase_is_asked_for_once_and_all_can_issue),
	    cmocka_unit_test(without_the_passphrase_nobody_who_joins_can_issue),
	    cmocka_unit_test(whoever_joins_sees_what_easyrsa_has_done_meanwhile),
	    cmocka_unit_test(several_processes_at_once_get_all_their_certificates),
	    cmocka_unit_test(one_that_stops_in_the_middle_of_a_call_or_talks_nonsense_is_dropped),
	    cmocka_unit_test(one_that_stops_in_the_middle_of_a_call_keeps_nobody_waiting),
	    cmocka_unit_test(one_that_does_not_take_its_answers_is_dropped_and_the_others_are_served),
	    cmocka_unit_test(the_signers_memory_is_locked_from_the_first_on),
	    cmocka_unit_test(a_key_for_a_purpose_is_the_same_each_time_and_another_one_for_another),
	    cmocka_unit_test(without_the_passphrase_no_key_is_derived),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
