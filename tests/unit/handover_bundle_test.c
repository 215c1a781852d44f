/* The bundle on disk: the same bytes everywhere, and there as a whole or not at all. */
#include "tests/unit/handover_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* Lists an archive as "name mode uid gid mtime size;". */
static void list_archive(const char *path, char *ret, size_t size)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry = NULL;
	size_t used = 0;
	archive_read_support_format_all(a);
	archive_read_support_filter_all(a);
	assert_int_equal(archive_read_open_filename(a, path, 4096), ARCHIVE_OK);
	ret[0] = '\0';
	while (archive_read_next_header(a, &entry) == ARCHIVE_OK)
		used += (size_t)snprintf(ret + used, size - used, "%s %o %d %d %lld;", archive_entry_pathname(entry),
					 archive_entry_perm(entry), (int)archive_entry_uid(entry),
					 (int)archive_entry_gid(entry), (long long)archive_entry_mtime(entry));
	assert_string_equal(archive_error_string(a) != NULL ? archive_error_string(a) : "", "");
	archive_read_free(a);
}

static void both_archives_hold_the_folder_and_nothing_of_this_machine(void **state)
{
	static const char wanted[] = "alice/ 700 0 0 1769934245;alice/a.txt 600 0 0 1769934245;"
				     "alice/alice-linux.ovpn 600 0 0 1769934245;"
				     "alice/alice-macos.ovpn 600 0 0 1769934245;"
				     "alice/alice-windows.ovpn 600 0 0 1769934245;"
				     "alice/sub/ 700 0 0 1769934245;alice/sub/b.txt 600 0 0 1769934245;";
	struct fixture *f = *state;
	char got[1024];
	assert_int_equal(mkdir(fixture_path(f, "templates/sub"), 0700), 0);
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "a.txt", "");
	fixture_template(f, "sub/b.txt", "b");
	fixture_make(f);
	list_archive(f->result.tar_gz, got, sizeof got);
	assert_string_equal(got, wanted);
	list_archive(f->result.zip, got, sizeof got);
	assert_string_equal(got, wanted);
}

struct surroundings {
	const char *tz, *locale;
	mode_t umask;
};

static void make_in(struct fixture *f, const struct surroundings *s, struct blob ret[2])
{
	setenv("TZ", s->tz, 1);
	tzset();
	setlocale(LC_ALL, s->locale);
	mode_t before = umask(s->umask);
	fixture_make(f);
	umask(before);
	assert_string_equal(getenv("TZ"), s->tz);
	setlocale(LC_ALL, "C");
	assert_int_equal(file_read(f->result.tar_gz, FILE_MAX_DEFAULT, &ret[0], &f->e), 0);
	assert_int_equal(file_read(f->result.zip, FILE_MAX_DEFAULT, &ret[1], &f->e), 0);
}

static void the_same_bundle_has_the_same_bytes_everywhere(void **state)
{
	static const struct surroundings all[] = {{"UTC0", "C", 022},
						  {"Asia/Tokyo", "C.UTF-8", 077},
						  {"America/New_York", "C", 0},
						  {"XXX-5:30", "C.UTF-8", 027}};
	struct fixture *f = *state;
	struct blob first[2] = {BLOB_INIT, BLOB_INIT};
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "Руководство für change_me.txt", "text\n");
	make_in(f, &all[0], first);
	/* DOS time of 2026-02-01 08:24:05 UTC in the first local header (APPNOTE 4.4.6) */
	assert_memory_equal(first[1].data + 10, "\x02\x43\x41\x5C", 4);
	assert_memory_equal(first[0].data, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8); /* no name, no time (RFC 1952) */
	for (size_t i = 1; i < sizeof all / sizeof *all; i++) {
		struct blob next[2] = {BLOB_INIT, BLOB_INIT};
		make_in(f, &all[i], next);
		assert_true(blob_equal(&first[0], &next[0]));
		assert_true(blob_equal(&first[1], &next[1]));
		blob_free(&next[0]);
		blob_free(&next[1]);
	}
	blob_free(&first[0]);
	blob_free(&first[1]);
	unsetenv("TZ");
}

static void a_new_bundle_replaces_the_old_one_as_a_whole(void **state)
{
	struct fixture *f = *state;
	char got[1024];
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "old.txt", "old");
	fixture_make(f);
	assert_int_equal(unlink(fixture_path(f, "templates/old.txt")), 0);
	fixture_template(f, "new.txt", "new");
	fixture_make(f);
	assert_int_not_equal(access(fixture_path(f, "bundles/alice/old.txt"), F_OK), 0);
	assert_int_equal(access(fixture_path(f, "bundles/alice/new.txt"), F_OK), 0);
	list_archive(f->result.zip, got, sizeof got);
	assert_null(strstr(got, "old.txt"));
	assert_non_null(strstr(got, "new.txt"));
}

/* Names in the folder of bundles, sorted by nothing; hidden ones count. */
static unsigned count_entries(struct fixture *f)
{
	DIR *d = opendir(fixture_path(f, "bundles"));
	unsigned n = 0;
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d)) != NULL;)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void what_a_killed_run_left_is_removed_and_others_things_are_not(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(fixture_path(f, "bundles"), 0700), 0);
	assert_int_equal(mkdir(fixture_path(f, "bundles/.alice.tmp-abc123"), 0700), 0);
	fixture_write(f, "bundles/.alice.tmp-abc123/alice.zip", "half");
	assert_int_equal(mkdir(fixture_path(f, "bundles/.bob.tmp-abc123"), 0700), 0);
	assert_int_equal(mkdir(fixture_path(f, "bundles/.alice.tmp-x.tmp-abc123"), 0700), 0);
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_make(f);
	assert_int_not_equal(access(fixture_path(f, "bundles/.alice.tmp-abc123"), F_OK), 0);
	assert_int_equal(access(fixture_path(f, "bundles/.bob.tmp-abc123"), F_OK), 0);
	assert_int_equal(access(fixture_path(f, "bundles/.alice.tmp-x.tmp-abc123"), F_OK), 0);
	assert_int_equal(count_entries(f), 6);
}

static void a_bundle_that_does_not_fit_leaves_the_old_one(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "a.txt", "old");
	fixture_make(f);
	char big[9000];
	memset(big, 'b', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	fixture_template(f, "a.txt", big);
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit small = {4096, 4096};
		struct handover_result r = {.folder = NULL};
		struct err e = ERR_INIT;
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		int ret = handover_make(&f->cfg, &f->facts, &r, &e);
		_exit(ret == -1 && e.code == ERR_SYSTEM && strstr(e.what, "a.txt") != NULL && e.native[0] != '\0' ? 0
														  : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	char *text = fixture_read(f, "bundles/alice/a.txt");
	assert_string_equal(text, "old");
	free(text);
	assert_int_equal(count_entries(f), 4);
}

static void a_file_in_the_way_is_named(void **state)
{
	struct fixture *f = *state;
	struct handover_result r = {.folder = NULL};
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	assert_int_equal(mkdir(fixture_path(f, "bundles"), 0700), 0);
	fixture_write(f, "bundles/alice", "a file");
	assert_int_equal(handover_make(&f->cfg, &f->facts, &r, &f->e), -1);
	assert_non_null(strstr(f->e.what, "bundles/alice is in the way: it is not a folder"));
	assert_int_equal(count_entries(f), 1);
}

static void expect_whole(struct fixture *f)
{
	char *a = fixture_read(f, "bundles/alice/a.txt"), *b = fixture_read(f, "bundles/alice/b.txt");
	char got[1024];
	assert_string_equal(a, b); /* all files of the folder are of one run */
	list_archive(fixture_path(f, "bundles/alice.tar.gz"), got, sizeof got);
	assert_non_null(strstr(got, "alice/b.txt"));
	list_archive(fixture_path(f, "bundles/alice.zip"), got, sizeof got);
	assert_non_null(strstr(got, "alice/b.txt"));
	free(a);
	free(b);
}

static void kill_a_run_after(struct fixture *f, long microseconds)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct handover_result r = {.folder = NULL};
		handover_make(&f->cfg, &f->facts, &r, &f->e);
		_exit(0);
	}
	nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_kill_at_any_time_leaves_a_whole_bundle(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "a.txt", "{{cert_serial}}");
	fixture_template(f, "b.txt", "{{cert_serial}}");
	fixture_make(f);
	char serial[16];
	for (long i = 0; i < 60; i++) {
		snprintf(serial, sizeof serial, "%ld", i);
		f->facts.cert_serial = serial;
		kill_a_run_after(f, 250 * i);
		expect_whole(f);
	}
	fixture_make(f);
	expect_whole(f);
	assert_int_equal(count_entries(f), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(both_archives_hold_the_folder_and_nothing_of_this_machine),
	    PROMISE(the_same_bundle_has_the_same_bytes_everywhere),
	    PROMISE(a_new_bundle_replaces_the_old_one_as_a_whole),
	    PROMISE(what_a_killed_run_left_is_removed_and_others_things_are_not),
	    PROMISE(a_bundle_that_does_not_fit_leaves_the_old_one),
	    PROMISE(a_file_in_the_way_is_named),
	    PROMISE(a_kill_at_any_time_leaves_a_whole_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
