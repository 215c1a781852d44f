/* Rights that a process gives up for good: what it may still do, what it may not, and where the kernel sets limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/landlock.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_LANDLOCK 77

static char dir[PATH_MAX]; /* of one test, absolute and without links */

static const char *in(const char *name)
{
	static char path[4][PATH_MAX + 64];
	static unsigned next;
	char *ret = path[next++ % 4];
	snprintf(ret, sizeof path[0], "%s/%s", dir, name);
	return ret;
}

static bool writes(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, "x", 1) == 1;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool reads(const char *name)
{
	int fd = open(in(name), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool runs(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(126);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int make_dir(void **state)
{
	(void)state;
	char template[] = "/tmp/tokenroll-landlock.XXXXXX";
	char *made = mkdtemp(template), *real = made != NULL ? realpath(made, NULL) : NULL;
	if (real == NULL)
		return -1;
	snprintf(dir, sizeof dir, "%s", real);
	free(real);
	return mkdir(in("a"), 0700) == 0 && mkdir(in("a/b"), 0700) == 0 && mkdir(in("c"), 0700) == 0 && writes("f") &&
		       writes("a/f") && writes("a/b/f") && writes("c/f")
		   ? 0
		   : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[PATH_MAX + 16];
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

/* Runs in a process of its own, as there is no way back; each returns the number of the line that was not so, or 0. */
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

/* the number of the first that is false */
#define EXPECT(n, what)           \
	do {                      \
		if (!(what))      \
			return n; \
	} while (0)

static int only_what_is_allowed_body(void)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE | LANDLOCK_EXECUTE))
		return NO_LANDLOCK;
	landlock_allow(l, in("a"), LANDLOCK_READ | LANDLOCK_CHANGE);
	landlock_allow(l, in("c/f"), LANDLOCK_READ);
	landlock_allow(l, in("missing"), LANDLOCK_READ);
	EXPECT(1, landlock_enforce(&l) && l == NULL);
	EXPECT(2, reads("a/f") && reads("a/b/f") && writes("a/b/f") && writes("a/new"));
	EXPECT(3, rename(in("a/new"), in("a/b/new")) == 0 && unlink(in("a/b/new")) == 0);
	EXPECT(4, reads("c/f") && !writes("c/f") && errno == EACCES);
	EXPECT(5, !reads("f") && errno == EACCES && !writes("c/new") && unlink(in("f")) != 0);
	EXPECT(6, mkdir(in("new"), 0700) != 0 && errno == EACCES);
	EXPECT(7, !runs());
	return 0;
}

static void what_was_given_up_is_refused_and_what_was_allowed_goes_on(void **state)
{
	(void)state;
	apart(only_what_is_allowed_body);
}

static int only_what_is_named_body(void)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	EXPECT(1, landlock_enforce(&l));
	EXPECT(2, reads("f") && runs() && !writes("f"));
	return 0;
}

static void rights_that_were_not_named_stay(void **state)
{
	(void)state;
	apart(only_what_is_named_body);
}

static int all_but_body(void)
{
	struct landlock *l = NULL;
	struct pathset but = PATHSET_INIT;
	pathset_add(&but, xstrdup(in("a/b")));
	pathset_add(&but, xstrdup(in("later")));
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow_all_but(l, &but, LANDLOCK_READ | LANDLOCK_CHANGE);
	pathset_free(&but);
	EXPECT(1, landlock_enforce(&l));
	EXPECT(2, !reads("a/b/f") && !writes("a/b/f") && !writes("a/b/new") && unlink(in("a/b/f")) != 0);
	EXPECT(3, rename(in("a/b"), in("c/b")) != 0 && rename(in("a"), in("d")) != 0);
	EXPECT(4, reads("a/f") && writes("a/f") && writes("f") && reads("c/f") && writes("c/new"));
	EXPECT(5, mkdir(in("c/d"), 0700) == 0 && rename(in("c/new"), in("c/d/new")) == 0 && reads("c/d/new"));
	/* the price: folders that lead there */
	EXPECT(6, !writes("new") && !writes("a/new") && !writes("later") && unlink(in("f")) != 0);
	EXPECT(7, access("/dev/null", R_OK | W_OK) == 0 && open("/dev/null", O_RDWR | O_CLOEXEC) >= 0);
	return 0;
}

static void all_but_some_places_stay_as_they_are(void **state)
{
	(void)state;
	apart(all_but_body);
}

static int all_but_nothing_body(void)
{
	struct landlock *l = NULL;
	struct pathset but = PATHSET_INIT;
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow_all_but(l, &but, LANDLOCK_READ | LANDLOCK_CHANGE);
	EXPECT(1, landlock_enforce(&l));
	EXPECT(2, reads("a/b/f") && writes("new") && writes("a/b/new"));
	return 0;
}

static void all_but_nothing_is_all(void **state)
{
	(void)state;
	apart(all_but_nothing_body);
}

static int link_body(void)
{
	struct landlock *l = NULL;
	struct pathset but = PATHSET_INIT;
	EXPECT(1, symlink("a/b/f", in("link")) == 0 && symlink("c", in("free")) == 0);
	pathset_add(&but, xstrdup(in("a/b")));
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow_all_but(l, &but, LANDLOCK_READ | LANDLOCK_CHANGE);
	pathset_free(&but);
	EXPECT(2, landlock_enforce(&l));
	EXPECT(3, !reads("link") && reads("free/f"));
	EXPECT(4, link(in("a/b/f"), in("c/hard")) != 0 && symlink(in("a/b/f"), in("c/soft")) == 0 && !reads("c/soft"));
	return 0;
}

static void no_link_leads_round_it(void **state)
{
	(void)state;
	apart(link_body);
}

/* When a folder was last listed. */
static time_t listed(const char *name)
{
	struct stat st;
	return stat(in(name), &st) == 0 ? st.st_atime : -1;
}

static int listing_body(void)
{
	struct landlock *l = NULL;
	struct pathset but = PATHSET_INIT;
	static const struct timespec long_ago[2] = {{1000000, 0}, {1000000, 0}};
	static const char *const folders[] = {"a", "a/b", "c"};
	pathset_add(&but, xstrdup(in("a/b")));
	for (size_t i = 0; i < 3; i++)
		EXPECT(1, utimensat(AT_FDCWD, in(folders[i]), long_ago, 0) == 0);
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow_all_but(l, &but, LANDLOCK_READ | LANDLOCK_CHANGE);
	pathset_free(&but);
	landlock_free(&l);
	if (listed("a") == 1000000)
		return NO_LANDLOCK; /* this file system keeps no such times */
	EXPECT(2, listed("a/b") == 1000000 && listed("c") == 1000000);
	return 0;
}

static void only_folders_that_lead_there_are_listed(void **state)
{
	(void)state;
	apart(listing_body);
}

static int long_list_body(void)
{
	struct landlock *l = NULL;
	struct pathset but = PATHSET_INIT;
	int within_reach = 0;
	for (int i = 0; i < LANDLOCK_ENTRIES_MAX + 100; i++) {
		char name[32];
		snprintf(name, sizeof name, "c/%d", i);
		EXPECT(1, writes(name));
	}
	pathset_add(&but, xstrdup(in("c/f")));
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow_all_but(l, &but, LANDLOCK_READ | LANDLOCK_CHANGE);
	pathset_free(&but);
	EXPECT(2, landlock_enforce(&l));
	for (int i = 0; i < LANDLOCK_ENTRIES_MAX + 100; i++) {
		char name[32];
		snprintf(name, sizeof name, "c/%d", i);
		within_reach += reads(name);
	}
	EXPECT(3, !reads("c/f") && reads("a/f"));
	EXPECT(4, within_reach > LANDLOCK_ENTRIES_MAX - 10 && within_reach <= LANDLOCK_ENTRIES_MAX);
	return 0;
}

static void a_folder_with_very_many_entries_does_not_take_for_ever(void **state)
{
	(void)state;
	apart(long_list_body);
}

static int processes_body(void)
{
	struct landlock *l = NULL;
	char path[64];
	pid_t parent = getppid();
	if (!landlock_begin(&l, LANDLOCK_CHANGE))
		return NO_LANDLOCK;
	landlock_allow(l, "/", LANDLOCK_CHANGE);
	EXPECT(1, landlock_enforce(&l));
	EXPECT(2, ptrace(PTRACE_ATTACH, parent, NULL, NULL) != 0 && errno == EPERM);
	snprintf(path, sizeof path, "/proc/%d/mem", (int)parent);
	EXPECT(3, open(path, O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
	return 0;
}

static void a_process_outside_cannot_be_looked_into(void **state)
{
	(void)state;
	apart(processes_body);
}

static int stacked_body(void)
{
	struct landlock *l = NULL;
	bool done = true;
	int n = 0;
	for (; done && n < 100; n++) {
		if (!landlock_begin(&l, LANDLOCK_CHANGE))
			return NO_LANDLOCK;
		landlock_allow(l, "/", LANDLOCK_CHANGE);
		done = landlock_enforce(&l);
	}
	EXPECT(1, !done && n > 1 && l == NULL);
	EXPECT(2, writes("f") && runs());
	return 0;
}

static void where_the_kernel_refuses_it_says_so_and_nothing_changes(void **state)
{
	(void)state;
	apart(stacked_body);
}

static void a_path_is_resolved_also_where_its_end_is_missing(void **state)
{
	(void)state;
	static const struct {
		const char *path, *is;
	} cases[] = {{"a", "a"},           {"a/./b/../b", "a/b"}, {"link", "a/b"},   {"link/x/y", "a/b/x/y"},
		     {"none/x", "none/x"}, {"none///", "none"},   {"a/b/f", "a/b/f"}};
	assert_int_equal(symlink("a/b", in("link")), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *real = pathset_resolve(in(cases[i].path));
		assert_string_equal(real, in(cases[i].is));
		free(real);
	}
	assert_int_equal(chdir(dir), 0);
	char *here = pathset_resolve("none"), *root = pathset_resolve("/"), *top = pathset_resolve("/none");
	assert_string_equal(here, in("none"));
	assert_string_equal(root, "");
	assert_string_equal(top, "/none");
	assert_null(pathset_resolve("a/f/x")); /* a file is no folder */
	assert_null(pathset_resolve(""));
	assert_int_equal(chdir("/"), 0);
	free(here);
	free(root);
	free(top);
}

static void places_hold_what_is_in_them_and_nothing_that_is_named_alike(void **state)
{
	(void)state;
	struct pathset s = PATHSET_INIT;
	pathset_add(&s, xstrdup("/etc/pki"));
	pathset_add(&s, xstrdup("/etc/pki/private"));
	pathset_add(&s, xstrdup(""));
	pathset_add(&s, NULL);
	assert_int_equal(s.n, 1);
	assert_string_equal(pathset_holder(&s, "/etc/pki"), "/etc/pki");
	assert_string_equal(pathset_holder(&s, "/etc/pki/private/ca.key"), "/etc/pki");
	assert_null(pathset_holder(&s, "/etc/pki2"));
	assert_null(pathset_holder(&s, "/etc"));
	assert_true(pathset_leads(&s, "/etc"));
	assert_true(pathset_leads(&s, ""));
	assert_false(pathset_leads(&s, "/et"));
	assert_false(pathset_leads(&s, "/etc/pki/private"));
	pathset_free(&s);
	assert_int_equal(s.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_given_up_is_refused_and_what_was_allowed_goes_on),
	    TEST(rights_that_were_not_named_stay),
	    TEST(all_but_some_places_stay_as_they_are),
	    TEST(all_but_nothing_is_all),
	    TEST(no_link_leads_round_it),
	    TEST(only_folders_that_lead_there_are_listed),
	    TEST(a_folder_with_very_many_entries_does_not_take_for_ever),
	    TEST(a_process_outside_cannot_be_looked_into),
	    TEST(where_the_kernel_refuses_it_says_so_and_nothing_changes),
	    TEST(a_path_is_resolved_also_where_its_end_is_missing),
	    TEST(places_hold_what_is_in_them_and_nothing_that_is_named_alike),
	};
	return cmocka_run_group_tests_name("landlock", tests, NULL, NULL);
}
