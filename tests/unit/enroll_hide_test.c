/* What is hidden from a token's module, and what it costs the module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/landlock.h"
#include "core/xalloc.h"
#include "enroll/hide.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_LANDLOCK 77

static char dir[PATH_MAX]; /* of one test, absolute and without links */

static char *in(const char *name)
{
	static char path[16][PATH_MAX + 64];
	static unsigned next;
	char *ret = path[next++ % 16];
	snprintf(ret, sizeof path[0], "%s/%s", dir, name);
	return ret;
}

static bool writes(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool reads(const char *name)
{
	int fd = open(in(name), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int run(const char *command)
{
	char whole[PATH_MAX + 256];
	snprintf(whole, sizeof whole, "cd '%s' && %s", dir, command);
	return system(whole) == 0 ? 0 : -1;
}

static int make_dir(void **state)
{
	(void)state;
	char template[] = "/tmp/tokenroll-hide.XXXXXX";
	char *made = mkdtemp(template), *real = made != NULL ? realpath(made, NULL) : NULL;
	if (real == NULL)
		return -1;
	snprintf(dir, sizeof dir, "%s", real);
	free(real);
	return run(
	    "mkdir -p pki/private pki/issued bundles/alice home/.vendor data state keys && touch pki/index.txt "
	    "pki/private/ca.key pki/issued/a.crt bundles/alice.zip home/.vendor/f data/db data/db-wal data/other "
	    "keys/secret keys/other state/f");
}

static int remove_dir(void **state)
{
	(void)state;
	return run("cd / && rm -rf \"$OLDPWD\"");
}

/* Runs in a process of its own, as there is no way back; each returns the number of what was not so, or 0. */
static void apart(int (*body)(void))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	if (WEXITSTATUS(status) != 0)
		fail_msg("expectation %d was not met", WEXITSTATUS(status));
}

#define EXPECT(n, what)           \
	do {                      \
		if (!(what))      \
			return n; \
	} while (0)

/* As the worker does with the message of its parent. */
static int hide(struct hidden_place *places, size_t n, struct pathset *ret)
{
	struct rpc_msg m = RPC_MSG_INIT;
	bool took_effect = false;
	rpc_msg_reset(&m, RPC_TYPE_FIRST_CALL);
	hidden_put(&m, places, n);
	int got = hide_start(&m, ret, &took_effect);
	rpc_msg_free(&m);
	return got != 0 ? -1 : took_effect ? 0 : NO_LANDLOCK;
}

#define HIDE(...)                                                                       \
	do {                                                                            \
		struct hidden_place places[] = {__VA_ARGS__};                           \
		struct pathset hidden = PATHSET_INIT;                                   \
		int hidden_got = hide(places, sizeof places / sizeof *places, &hidden); \
		pathset_free(&hidden);                                                  \
		if (hidden_got != 0)                                                    \
			return hidden_got == NO_LANDLOCK ? NO_LANDLOCK : 1;             \
	} while (0)

static int all_places_body(void)
{
	HIDE({HIDDEN_PKI, in("pki")}, {HIDDEN_KEY, in("keys/secret")}, {HIDDEN_STORE, in("data/db")},
	     {HIDDEN_BUNDLES, in("bundles")}, {HIDDEN_SECRET, in("home/pin")});
	EXPECT(2, !reads("pki/private/ca.key") && !writes("pki/index.txt") && !writes("pki/issued/new"));
	EXPECT(3, !reads("keys/secret") && reads("keys/other"));
	EXPECT(4, !reads("data/db") && !writes("data/db") && !reads("data/db-wal") && writes("data/other"));
	EXPECT(5, !reads("bundles/alice.zip") && !writes("bundles/alice/new"));
	EXPECT(6, reads("home/.vendor/f") && writes("home/.vendor/new") && writes("state/new"));
	return 0;
}

static void each_kind_of_place_is_hidden_and_nothing_beside_it(void **state)
{
	(void)state;
	apart(all_places_body);
}

static int later_body(void)
{
	int to_other[2], from_other[2];
	char byte = 0;
	EXPECT(2, pipe(to_other) == 0 && pipe(from_other) == 0);
	pid_t other = fork(); /* the process that owns the database */
	if (other == 0) {
		_exit(read(to_other[0], &byte, 1) == 1 && writes("data/db-journal") && writes("data/db-shm") &&
			      writes("data/db-lock") && writes("data/db.after-crl") &&
			      write(from_other[1], &byte, 1) == 1
			  ? 0
			  : 1);
	}
	HIDE({HIDDEN_STORE, in("data/db")});
	EXPECT(3, write(to_other[1], &byte, 1) == 1 && read(from_other[0], &byte, 1) == 1);
	EXPECT(4, access(in("data/db-journal"), F_OK) == 0 && !reads("data/db-journal"));
	EXPECT(5, !reads("data/db-shm") && !writes("data/db-lock") && !reads("data/db.after-crl"));
	EXPECT(6, waitpid(other, NULL, 0) == other);
	return 0;
}

static void what_the_database_keeps_beside_it_is_hidden_also_when_it_comes_later(void **state)
{
	(void)state;
	apart(later_body);
}

static int turn_body(void)
{
	HIDE({HIDDEN_STORE, in("var/lib/tokenroll/db")});
	EXPECT(2,
	       reads("var/lib/tokenroll/db" WORKER_TURN_SUFFIX) && writes("var/lib/tokenroll/db" WORKER_TURN_SUFFIX));
	EXPECT(3, !writes("var/lib/tokenroll/db") && !writes("var/lib/tokenroll/other"));
	return 0;
}

static void the_file_for_turns_stays_and_is_made_with_its_folder(void **state)
{
	(void)state;
	apart(turn_body);
}

static int unused_body(void)
{
	EXPECT(2, run("mv pki home/pki") == 0 && setenv("HOME", in("home"), 1) == 0);
	HIDE({HIDDEN_PKI, in("home/pki")}, {HIDDEN_UNUSED, in("data/db")}, {HIDDEN_UNUSED, in("other/lib/db")});
	EXPECT(3,
	       !reads("data/db") && !writes("data/db-wal") && !writes("data/db-lock") && !reads("data/db.after-crl"));
	EXPECT(4, access(in("data/db" WORKER_TURN_SUFFIX), F_OK) != 0 && access(in("other"), F_OK) != 0);
	EXPECT(5, access(in("home/.cache"), F_OK) != 0);
	return 0;
}

static void beside_a_database_that_is_not_used_nothing_is_made_and_it_is_hidden_all_the_same(void **state)
{
	(void)state;
	apart(unused_body);
}

static int turn_in_pki_body(void)
{
	HIDE({HIDDEN_PKI, in("pki")}, {HIDDEN_STORE, in("pki/db")});
	EXPECT(2, writes("pki/db" WORKER_TURN_SUFFIX) && !writes("pki/db") && !reads("pki/index.txt"));
	return 0;
}

static void the_file_for_turns_stays_also_in_a_hidden_folder(void **state)
{
	(void)state;
	apart(turn_in_pki_body);
}

static int home_body(void)
{
	EXPECT(2, run("mv pki home/pki") == 0 && setenv("HOME", in("home"), 1) == 0);
	EXPECT(3, unsetenv("XDG_CACHE_HOME") == 0);
	HIDE({HIDDEN_PKI, in("home/pki")});
	EXPECT(4, !reads("home/pki/private/ca.key") && writes("home/.vendor/new"));
	EXPECT(5, writes("home/.cache/new") && mkdir(in("home/.cache/opensc"), 0700) == 0);
	EXPECT(6, writes("home/.cache/opensc/new"));
	EXPECT(7, !writes("home/new"));
	return 0;
}

static void a_home_that_leads_to_the_pki_has_a_folder_for_caches(void **state)
{
	(void)state;
	apart(home_body);
}

static int no_litter_body(void)
{
	struct stat st;
	EXPECT(2, setenv("HOME", in("home"), 1) == 0 && unsetenv("XDG_CACHE_HOME") == 0);
	HIDE({HIDDEN_PKI, in("pki")});
	EXPECT(3, stat(in("home/.cache"), &st) != 0 && writes("home/new"));
	return 0;
}

static void a_home_beside_the_way_is_left_alone(void **state)
{
	(void)state;
	apart(no_litter_body);
}

static int links_body(void)
{
	EXPECT(2, run("mv pki/private elsewhere && ln -s ../elsewhere pki/private && mv elsewhere/ca.key real.key && "
		      "ln -s ../real.key elsewhere/ca.key && ln -s pki link && mv data/db state/real && "
		      "ln -s ../state/real data/db") == 0);
	HIDE({HIDDEN_PKI, in("link")}, {HIDDEN_STORE, in("data/db")});
	EXPECT(3, !reads("link/index.txt") && !reads("pki/index.txt"));
	EXPECT(4, !reads("elsewhere/ca.key") && !reads("real.key") && !writes("elsewhere/new"));
	EXPECT(5, !reads("data/db") && !reads("state/real") && !writes("state/real-wal") && !reads("data/db-wal"));
	EXPECT(6, reads("state/f"));
	return 0;
}

static void what_is_a_link_is_hidden_where_it_leads(void **state)
{
	(void)state;
	apart(links_body);
}

static int relative_body(void)
{
	char pki[] = "./pki/", db[] = "data/../data/db", bundles[] = "bundles";
	EXPECT(2, chdir(dir) == 0);
	HIDE({HIDDEN_PKI, pki}, {HIDDEN_STORE, db}, {HIDDEN_BUNDLES, bundles});
	EXPECT(3, !reads("pki/index.txt") && !reads("data/db") && !reads("data/db-wal") && !reads("bundles/alice.zip"));
	EXPECT(4, reads("data/db" WORKER_TURN_SUFFIX));
	return 0;
}

static void relative_paths_begin_at_the_working_folder(void **state)
{
	(void)state;
	apart(relative_body);
}

/* With the PKI, because all of this is in /tmp. */
static int shared_body(void)
{
	EXPECT(2, run("mkdir tmp own && chmod 1777 tmp && touch tmp/pass own/pass") == 0);
	HIDE({HIDDEN_PKI, in("pki")}, {HIDDEN_SECRET, in("tmp/pass")}, {HIDDEN_SECRET, in("own/pass")});
	EXPECT(3, writes("tmp/new") && reads("tmp/new") && reads("tmp/pass"));
	EXPECT(4, !reads("own/pass") && !writes("own/new"));
	return 0;
}

static void a_secret_is_not_hidden_where_everybody_makes_files(void **state)
{
	(void)state;
	apart(shared_body);
}

static int shared_anyway_body(void)
{
	EXPECT(2, run("mkdir tmp && chmod 1777 tmp && mv pki tmp/ && touch tmp/pass") == 0);
	HIDE({HIDDEN_SECRET, in("tmp/pass")}, {HIDDEN_PKI, in("tmp/pki")});
	EXPECT(3, !reads("tmp/pki/private/ca.key") && !reads("tmp/pass") && !writes("tmp/new"));
	return 0;
}

static void the_ca_is_hidden_also_there(void **state)
{
	(void)state;
	apart(shared_anyway_body);
}

static int bundles_with_home_body(void)
{
	EXPECT(2, setenv("HOME", in("home"), 1) == 0);
	HIDE({HIDDEN_PKI, in("pki")}, {HIDDEN_BUNDLES, dir});
	EXPECT(3, writes("home/.vendor/f") && writes("state/f") && !reads("pki/index.txt"));
	return 0;
}

static void a_folder_of_bundles_that_has_the_home_or_the_ca_in_it_is_not_hidden(void **state)
{
	(void)state;
	apart(bundles_with_home_body);
}

static int long_list_body(void)
{
	/* what is made last is listed last on most file systems; on the others this shows nothing */
	EXPECT(2,
	       run("mkdir many && cd many && seq 5000 | xargs mkdir && mkdir pki home && touch pki/index.txt home/f") ==
		   0);
	EXPECT(3, setenv("HOME", in("many/home"), 1) == 0);
	HIDE({HIDDEN_PKI, in("many/pki")});
	EXPECT(4, !reads("many/pki/index.txt") && writes("many/home/f") && writes("many/home/new"));
	return 0;
}

static void the_home_is_within_reach_also_at_the_end_of_a_long_list(void **state)
{
	(void)state;
	apart(long_list_body);
}

static int module_body(void)
{
	struct hidden_place places[] = {{HIDDEN_PKI, in("pki")}};
	struct pathset hidden = PATHSET_INIT;
	struct err e = ERR_INIT;
	int got = hide(places, 1, &hidden);
	if (got != 0)
		return got;
	EXPECT(2, hide_check_module(&hidden, in("state/module.so"), &e) == 0);
	EXPECT(3, hide_check_module(&hidden, in("pki/module.so"), &e) == -1 && e.code == ERR_MODULE);
	EXPECT(4, strstr(e.what, in("pki")) != NULL && e.next[0] != '\0');
	pathset_free(&hidden);
	return 0;
}

static void a_module_in_a_hidden_place_is_named_as_such(void **state)
{
	(void)state;
	apart(module_body);
}

static int malformed_body(void)
{
	struct rpc_msg m = RPC_MSG_INIT;
	struct pathset hidden = PATHSET_INIT;
	bool took_effect = false;
	rpc_msg_reset(&m, RPC_TYPE_FIRST_CALL);
	rpc_put_u32(&m, 1);
	EXPECT(1, hide_start(&m, &hidden, &took_effect) == -1 && !took_effect);
	rpc_msg_reset(&m, RPC_TYPE_FIRST_CALL);
	rpc_put_u32(&m, HIDDEN_PLACES_MAX + 1);
	for (int i = 0; i <= HIDDEN_PLACES_MAX; i++) {
		rpc_put_u32(&m, HIDDEN_SECRET);
		rpc_put_str(&m, in("state/f"));
	}
	EXPECT(2, hide_start(&m, &hidden, &took_effect) == -1 && !took_effect);
	EXPECT(3, reads("state/f"));
	rpc_msg_free(&m);
	return 0;
}

static void a_message_that_does_not_parse_is_an_error(void **state)
{
	(void)state;
	apart(malformed_body);
}

static void on_note(void *arg, const char *text)
{
	bool *told = arg;
	*told = *told || strstr(text, "Landlock") != NULL;
}

/* A process can be shut off only so many times; what is started by one that cannot be any more is as on an old kernel.
 */
static int old_kernel_body(void)
{
	struct landlock *l = NULL;
	struct worker *w = NULL;
	struct worker_module *modules = NULL;
	struct err e = ERR_INIT;
	bool told = false;
	size_t n = 0;
	do {
		if (!landlock_begin(&l, LANDLOCK_CHANGE))
			return NO_LANDLOCK;
		landlock_allow(l, "/", LANDLOCK_CHANGE);
	} while (landlock_enforce(&l));
	const struct worker_settings s = {
	    .timeout_s = 10, .verbose = true, .places = {{HIDDEN_PKI, in("pki")}}, .note = on_note, .note_arg = &told};
	EXPECT(1, worker_start(&w, &s, &e) == 0);
	EXPECT(2, worker_modules_begin(w, &e) == 0 && worker_modules_end(w, &modules, &n, &e) == 0);
	EXPECT(3, told);
	free(modules);
	worker_stop(&w);
	return 0;
}

static void where_the_kernel_cannot_hide_a_verbose_worker_says_so_and_works(void **state)
{
	(void)state;
	apart(old_kernel_body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_kind_of_place_is_hidden_and_nothing_beside_it),
	    TEST(what_the_database_keeps_beside_it_is_hidden_also_when_it_comes_later),
	    TEST(the_file_for_turns_stays_and_is_made_with_its_folder),
	    TEST(the_file_for_turns_stays_also_in_a_hidden_folder),
	    TEST(beside_a_database_that_is_not_used_nothing_is_made_and_it_is_hidden_all_the_same),
	    TEST(a_home_that_leads_to_the_pki_has_a_folder_for_caches),
	    TEST(a_home_beside_the_way_is_left_alone),
	    TEST(what_is_a_link_is_hidden_where_it_leads),
	    TEST(relative_paths_begin_at_the_working_folder),
	    TEST(a_secret_is_not_hidden_where_everybody_makes_files),
	    TEST(the_ca_is_hidden_also_there),
	    TEST(a_folder_of_bundles_that_has_the_home_or_the_ca_in_it_is_not_hidden),
	    TEST(the_home_is_within_reach_also_at_the_end_of_a_long_list),
	    TEST(a_module_in_a_hidden_place_is_named_as_such),
	    TEST(a_message_that_does_not_parse_is_an_error),
	    TEST(where_the_kernel_cannot_hide_a_verbose_worker_says_so_and_works),
	};
	return cmocka_run_group_tests_name("hide", tests, NULL, NULL);
}
