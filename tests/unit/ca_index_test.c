/* index.txt: what is read, what is refused and with which words, and that no row is ever lost. */
#include "ca_fixture.h"

#include "ca/index.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#define GOOD_V "V\t290226000154Z\t\t816CBD7BFB0874E6B991FCD5A37C0BB4\tunknown\t/CN=bob\n"
#define GOOD_R \
	"R\t290226000155Z\t261124000155Z,superseded\tFF1EB0FE\tunknown\t/C=DE/CN=carl/emailAddress=c@example.com\n"
#define GOOD_E "E\t20510101000000Z\t\t0A\tunknown\t/CN=old\n"

static char dir[] = "/tmp/tokenroll-index-XXXXXX";
static char path[64], old_path[64];

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/index.txt", dir);
	snprintf(old_path, sizeof old_path, "%s/index.txt.old", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return shell("rm -rf %s", dir);
}

static struct index *open_with(const char *text)
{
	struct err e = ERR_INIT;
	struct index *ix = NULL;
	write_text(path, text);
	assert_ok(index_open(&ix, path, &e), &e);
	return ix;
}

static void assert_file(const char *file, const char *text)
{
	struct blob b = BLOB_INIT;
	struct err e = ERR_INIT;
	assert_ok(file_read(file, 1 << 20, &b, &e), &e);
	assert_string_equal((const char *)b.data, text);
	blob_free(&b);
}

static void rows_of_every_kind_are_read(void **state)
{
	(void)state;
	struct index_row row;
	struct index *ix = open_with("# a remark\n" GOOD_V GOOD_R GOOD_E);
	size_t pos = 0;
	assert_true(index_next(ix, &pos, &row));
	assert_int_equal(row.status, 'V');
	assert_true(index_next(ix, &pos, &row));
	assert_int_equal(row.status, 'R');
	char *revoked = span_text(row.revoked);
	assert_string_equal(revoked, "261124000155Z,superseded");
	free(revoked);
	assert_true(index_next(ix, &pos, &row));
	assert_int_equal(index_time(row.not_after), 2556144000);
	assert_false(index_next(ix, &pos, &row));
	pos = 0;
	assert_true(index_next_named(ix, "carl", &pos, &row));
	assert_false(index_next_named(ix, "carl", &pos, &row));
	pos = 0;
	assert_false(index_next_named(ix, "car", &pos, &row));
	assert_false(index_next_named(ix, "arl", &pos, &row));
	assert_true(index_by_serial(ix, "FF1EB0FE", &row));
	assert_false(index_by_serial(ix, "1EB0FE", &row));
	assert_false(index_by_serial(ix, "unknown", &row));
	index_close(&ix);
	ix = open_with("");
	pos = 0;
	assert_false(index_next(ix, &pos, &row));
	assert_false(index_by_serial(ix, "0A", &row));
	index_close(&ix);
}

static void a_broken_row_is_named_by_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *row, *says;
	} bad[] = {
	    {"\n", "is blank"},
	    {"X\t290226000154Z\t\t0A\tunknown\t/CN=a\n", "status"},
	    {"Valid\t290226000154Z\t\t0A\tunknown\t/CN=a\n", "too few columns"},
	    {"V\t290226000154Z\t\t0A\tunknown\n", "too few columns"},
	    {"V\t290226000154Z\t\t0A\n", "too few columns"},
	    {"V\t290226000154Z\t\n", "too few columns"},
	    {"V\t290226000154Z\t\t0A\tunknown\t/CN=a\textra\n", "too many columns"},
	    {"V\t290226000154Z\t\t0A\tunknown\t\n", "no subject"},
	    {"V\t290226000154Z\t\t0a\tunknown\t/CN=a\n", "lowercase"},
	    {"V\t290226000154Z\t\t0A1\tunknown\t/CN=a\n", "odd"},
	    {"V\t290226000154Z\t\t0G\tunknown\t/CN=a\n", "not hex"},
	    {"V\t290226000154Z\t\t\tunknown\t/CN=a\n", "missing"},
	    {"V\t291326000154Z\t\t0A\tunknown\t/CN=a\n", "expiry date"},
	    {"V\t2902260001Z\t\t0A\tunknown\t/CN=a\n", "expiry date"},
	    {"V\t\t\t0A\tunknown\t/CN=a\n", "expiry date"},
	    {"V\t290226000154Z\t261124000155Z\t0A\tunknown\t/CN=a\n", "not revoked but"},
	    {"R\t290226000154Z\t\t0A\tunknown\t/CN=a\n", "revocation date"},
	    {"R\t290226000154Z\t26112400015Z\t0A\tunknown\t/CN=a\n", "revocation date"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;
		struct index *ix = NULL;
		char *text = xasprintf("%s%s%s", GOOD_V, bad[i].row, GOOD_R);
		write_text(path, text);
		assert_int_equal(index_open(&ix, path, &e), -1);
		assert_int_equal(e.code, ERR_CA_PKI);
		assert_says(&e, "index.txt line 2: ");
		assert_says(&e, bad[i].says);
		free(text);
	}
}

/* NULL ends a list of words. */
static void refuses_rows(const void *text, size_t len, const char *const says[])
{
	struct err e = ERR_INIT;
	struct index *ix = NULL;
	assert_ok(file_write(path, text, len, 0600, &e), &e);
	assert_int_equal(index_open(&ix, path, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	for (size_t i = 0; says[i] != NULL; i++)
		assert_says(&e, says[i]);
}

/* A text that ends where a C string does hides what comes behind it from openssl. */
static void a_nul_byte_is_named_by_its_line(void **state)
{
	(void)state;
	static const char *const says[] = {"index.txt line 2: ", "NUL byte", NULL};
	static const char *const rows[] = {
	    "V\t290226000154Z\t\t916CBD7BFB0874E6B991FCD5A37C0BB4\tunknown\t/CN=b@b\n",
	    "V\t290226000154Z\t\t916CBD7BFB0874E6B991FCD5A37C0BB4\tunknown\t/CN=a-longer-name-than-a-block@\n",
	    "V\t290226000154Z\t\t0A\tunk@own\t/CN=bob\n", "R\t290226000154Z\t261124000155Z\t0A\tunknown\t/CN=b@b\n",
	    "# a rem@rk\n"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = xasprintf("%s%s%s", GOOD_V, rows[i], GOOD_R);
		size_t len = strlen(text);
		*strchr(text, '@') = '\0';
		refuses_rows(text, len, says);
		free(text);
	}
}

static void two_rows_with_one_serial_are_named_by_their_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *says[4];
	} cases[] = {
	    {GOOD_V GOOD_R GOOD_V, {"index.txt lines 1 and 3: ", "816CBD7BFB0874E6B991FCD5A37C0BB4", path, NULL}},
	    {"# a remark\n" GOOD_V
	     "R\t290226000154Z\t261124000155Z\t816CBD7BFB0874E6B991FCD5A37C0BB4\tunknown\t/CN=b\n",
	     {"index.txt lines 2 and 3: ", NULL}},
	    {GOOD_E GOOD_V "V\t290226000154Z\t\t0A\tunknown\t/CN=x", {"index.txt lines 1 and 3: ", NULL}},
	    /* openssl compares them as numbers */
	    {GOOD_E GOOD_V "V\t290226000154Z\t\t00000A\tunknown\t/CN=x\n", {"index.txt lines 1 and 3: ", NULL}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses_rows(cases[i].text, strlen(cases[i].text), cases[i].says);
	struct index *ix = open_with(GOOD_V "V\t290226000154Z\t\t0A00\tunknown\t/CN=x\n" GOOD_E GOOD_R);
	index_close(&ix);
}

/* Who put index.txt.old in its place would lose rows: one that is appended does not get there first. */
static void who_mends_by_hand_is_not_sent_to_an_older_file(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct index *ix = open_with(GOOD_V);
	assert_ok(index_append(ix, "V\t290226000154Z\t\t0B\tunknown\t/CN=new", &e), &e);
	index_close(&ix);
	assert_int_not_equal(access(old_path, F_OK), 0);
	static const char *const bad[] = {GOOD_V "V\t1\n", GOOD_V GOOD_R GOOD_V};
	for (size_t i = 0; i < 2; i++) {
		err_clear(&e);
		write_text(path, bad[i]);
		assert_int_equal(index_open(&ix, path, &e), -1);
		assert_non_null(strstr(e.next, "Do not put index.txt.old in its place"));
		assert_non_null(strstr(e.next, "what was issued since"));
		assert_null(strstr(e.next, "the state before the last change"));
	}
}

#define ALICE_1 "V\t290226000154Z\t\t01\tunknown\t/CN=alice\n"
#define ALICE_2 "V\t200226000154Z\t\t02\tunknown\t/CN=alice\n"
#define ALICE_R "R\t290226000154Z\t261124000155Z\t03\tunknown\t/CN=alice\n"
#define ALICE_OU "V\t290226000154Z\t\t04\tunknown\t/OU=x/CN=alice\n"

static void with_unique_subjects_two_valid_rows_of_one_subject_are_named(void **state)
{
	(void)state;
	static const char twice[] = GOOD_V ALICE_1 ALICE_R ALICE_2;
	static const char *const says[] = {"index.txt lines 2 and 4: ", "/CN=alice", "unique_subject", NULL};
	char attr[80];
	snprintf(attr, sizeof attr, "%s.attr", path);
	write_text(attr, "unique_subject = no\n");
	struct index *ix = open_with(twice);
	index_close(&ix);
	write_text(attr, "unique_subject = yes\n");
	refuses_rows(twice, sizeof twice - 1, says);
	ix = open_with(GOOD_V ALICE_1 ALICE_R ALICE_OU);
	index_close(&ix);
	unlink(attr);
}

static void what_was_mended_is_read(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct index *ix = open_with(GOOD_V);
	write_text(path, GOOD_V GOOD_R GOOD_V);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(index_refresh(ix, &e), -1);
		assert_says(&e, "lines 1 and 3");
	}
	write_text(path, GOOD_V GOOD_R);
	assert_ok(index_refresh(ix, &e), &e);
	index_close(&ix);
}

static void a_row_is_appended_and_nothing_else_changes(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct index_row row;
	struct index *ix = open_with(GOOD_V);
	assert_ok(index_append(ix, "V\t290226000154Z\t\t0B\tunknown\t/CN=new", &e), &e);
	assert_true(index_by_serial(ix, "0B", &row));
	assert_file(path, GOOD_V "V\t290226000154Z\t\t0B\tunknown\t/CN=new\n");
	index_close(&ix);
}

static void a_last_row_without_line_end_is_not_lost(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct index *ix = open_with("V\t290226000154Z\t\t0A\tunknown\t/CN=last");
	assert_ok(index_append(ix, "V\t290226000154Z\t\t0B\tunknown\t/CN=new", &e), &e);
	assert_file(path, "V\t290226000154Z\t\t0A\tunknown\t/CN=last\nV\t290226000154Z\t\t0B\tunknown\t/CN=new\n");
	index_close(&ix);
}

static void a_torn_row_is_cut_off_and_no_other(void **state)
{
	(void)state;
	static const char row[] = "V\t290226000154Z\t\t0B\tunknown\t/CN=new";
	struct err e = ERR_INIT;
	for (size_t n = 0; n < sizeof row; n++) {
		char *text = xasprintf("%s%.*s", GOOD_V, (int)n, row);
		write_text(path, text);
		assert_ok(index_cut_torn(path, row, &e), &e);
		assert_file(path, GOOD_V);
		free(text);
	}
	write_text(path, GOOD_V "V\t290226000154Z\t\t0C\tunknown\t/CN=other");
	assert_ok(index_cut_torn(path, row, &e), &e);
	assert_file(path, GOOD_V "V\t290226000154Z\t\t0C\tunknown\t/CN=other");
	char *whole = xasprintf("%s%s\n", GOOD_V, row);
	write_text(path, whole);
	assert_ok(index_cut_torn(path, row, &e), &e);
	assert_file(path, whole);
	free(whole);
}

static void one_row_is_edited_and_the_old_file_kept(void **state)
{
	(void)state;
	const struct index_edit edit = {"816CBD7BFB0874E6B991FCD5A37C0BB4", 'R', "261124000155Z,superseded"};
	struct err e = ERR_INIT;
	struct index *ix = open_with(GOOD_E GOOD_V GOOD_R);
	assert_ok(index_edit(ix, &edit, &e), &e);
	assert_file(
	    path, GOOD_E
	    "R\t290226000154Z\t261124000155Z,superseded\t816CBD7BFB0874E6B991FCD5A37C0BB4\tunknown\t/CN=bob\n" GOOD_R);
	assert_file(old_path, GOOD_E GOOD_V GOOD_R);
	index_close(&ix);
}

static void an_edit_takes_in_what_others_wrote_meanwhile(void **state)
{
	(void)state;
	const struct index_edit edit = {"0A", 'R', "261124000155Z"};
	struct err e = ERR_INIT;
	struct index *ix = open_with("V\t290226000154Z\t\t0A\tunknown\t/CN=a\n");
	write_text(path, "V\t290226000154Z\t\t0A\tunknown\t/CN=a\n" GOOD_V);
	assert_ok(index_edit(ix, &edit, &e), &e);
	assert_file(path, "R\t290226000154Z\t261124000155Z\t0A\tunknown\t/CN=a\n" GOOD_V);
	index_close(&ix);
}

static void a_serial_that_is_not_there_is_no_edit(void **state)
{
	(void)state;
	const struct index_edit edit = {"0D", 'R', "261124000155Z"};
	struct err e = ERR_INIT;
	struct index *ix = open_with(GOOD_V);
	assert_int_equal(index_edit(ix, &edit, &e), -1);
	assert_says(&e, "no row with the serial 0D");
	assert_file(path, GOOD_V);
	index_close(&ix);
}

/* A disk that is full after some bytes, by the limit on file size. */
static void a_full_disk_leaves_the_file_as_it_was(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct index *ix = open_with(GOOD_V);
	struct rlimit old, small = {sizeof GOOD_V - 1 + 10, RLIM_INFINITY};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int ret = index_append(ix, "V\t290226000154Z\t\t0B\tunknown\t/CN=new", &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(ret, -1);
	assert_int_equal(e.code, ERR_CA_FAILED);
	assert_says(&e, "cannot add a row");
	assert_file(path, GOOD_V);
	index_close(&ix);
}

/* Of our own work: the machine that runs the tests may be busy with other things. */
static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double best_of_three(void (*fn)(void))
{
	double best = 1e9;
	for (int i = 0; i < 3; i++) {
		double from = seconds();
		fn();
		double took = seconds() - from;
		best = took < best ? took : best;
	}
	return best;
}

static struct index *big;

static void open_big(void)
{
	struct err e = ERR_INIT;
	index_close(&big);
	assert_ok(index_open(&big, path, &e), &e);
}

static void search_big(void)
{
	struct index_row row;
	size_t pos = 0;
	assert_false(index_next_named(big, "alice", &pos, &row));
	assert_false(index_by_serial(big, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", &row));
}

static void a_million_rows_are_no_burden(void **state)
{
	(void)state;
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 1000000; i++)
		fprintf(f, "V\t290226000154Z\t\t%08X%08X%08X%08X\tunknown\t/CN=user%07u\n", i * 2654435761u | 1u << 28,
			i, ~i, i * 40503u, i);
	assert_int_equal(fclose(f), 0);
	double open_s = best_of_three(open_big), search_s = best_of_three(search_big);
	print_message("1,000,000 rows: read and checked in %.0f ms, searched by name and serial in %.0f ms\n",
		      open_s * 1e3, search_s * 1e3);
	/* several times what is wanted, for slower machines */
	assert_true(open_s < 0.4);
	assert_true(search_s < 0.3);
	index_close(&big);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_of_every_kind_are_read),
	    cmocka_unit_test(a_broken_row_is_named_by_its_line),
	    cmocka_unit_test(a_nul_byte_is_named_by_its_line),
	    cmocka_unit_test(two_rows_with_one_serial_are_named_by_their_lines),
	    cmocka_unit_test(who_mends_by_hand_is_not_sent_to_an_older_file),
	    cmocka_unit_test(with_unique_subjects_two_valid_rows_of_one_subject_are_named),
	    cmocka_unit_test(what_was_mended_is_read),
	    cmocka_unit_test(a_row_is_appended_and_nothing_else_changes),
	    cmocka_unit_test(a_last_row_without_line_end_is_not_lost),
	    cmocka_unit_test(a_torn_row_is_cut_off_and_no_other),
	    cmocka_unit_test(one_row_is_edited_and_the_old_file_kept),
	    cmocka_unit_test(an_edit_takes_in_what_others_wrote_meanwhile),
	    cmocka_unit_test(a_serial_that_is_not_there_is_no_edit),
	    cmocka_unit_test(a_full_disk_leaves_the_file_as_it_was),
	    cmocka_unit_test(a_million_rows_are_no_burden),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
