/* A roster is checked as a whole before anything is begun, and every line that cannot be used is told by its number. */
#include "roster_fixture.h"

#include "core/config.h"
#include "handover/names.h"

#include <sys/resource.h>
#include <time.h>

#define GOOD(f, text) good_bytes(f, text, sizeof(text) - 1)

static void assert_person(const struct roster *r, size_t i, long line, const char *user, const char *name,
			  const char *extra)
{
	assert_true(i < r->n);
	assert_int_equal(r->people[i].line, line);
	assert_string_equal(r->people[i].user, user);
	assert_string_equal(r->people[i].name, name);
	assert_string_equal(r->people[i].extra, extra);
}

/* ---- what is read */

static void all_columns_are_taken_over(void **state)
{
	struct roster *r = GOOD(*state, "Room, USER ,name,Email,department,Language,token_SERIAL,key_type,phone-2\n"
					"3.14,alice,Alice M,alice@example.com,Sales,de-AT,0123abc,ec:P-384,\n"
					",bob,,,,,,,\n");
	const struct roster_entry *p = r->people;
	assert_int_equal(r->n, 2);
	assert_person(r, 0, 2, "alice", "Alice M", "{\"Room\":\"3.14\"}");
	assert_string_equal(p->email, "alice@example.com");
	assert_string_equal(p->department, "Sales");
	assert_string_equal(p->language, "de");
	assert_string_equal(p->token_serial, "0123abc");
	assert_int_equal(p->key_type, KEYTYPE_EC_P384);
	assert_person(r, 1, 3, "bob", "", "");
	assert_int_equal(p[1].key_type, KEYTYPE_NONE);
	assert_int_equal(r->n_further, 2);
	assert_string_equal(r->further[0], "Room");
	assert_string_equal(r->further[1], "phone-2");
	assert_true(r->has[ROSTER_EMAIL] && r->source[0] == '/');
	roster_free(&r);
	assert_null(r);
}

static void further_columns_are_sorted_by_name_so_that_their_order_is_no_change(void **state)
{
	struct roster *a = GOOD(*state, "user,x,b\nalice,1,\"say \"\"hi\"\"\"\n");
	struct roster *b = GOOD(*state, "b,user,x\n\"say \"\"hi\"\"\",alice,1\n");
	assert_string_equal(a->people[0].extra, "{\"b\":\"say \\\"hi\\\"\",\"x\":\"1\"}");
	assert_string_equal(a->people[0].extra, b->people[0].extra);
	roster_free(&a);
	roster_free(&b);
}

static void blanks_around_values_are_left_out_and_line_breaks_in_them_are_blanks(void **state)
{
	struct roster *r = GOOD(*state, "user,name,room\n"
					" alice\t,\"\xC2\xA0"
					"Anna\nM\xC3\xBCller \",\"a\r\nb\"\n");
	assert_person(r, 0, 2, "alice", "Anna M\xC3\xBCller", "{\"room\":\"a b\"}");
	roster_free(&r);
}

static void an_at_sign_before_a_value_reads_no_file(void **state)
{
	struct roster *r = GOOD(*state, "user,room\nalice,@/etc/passwd\n");
	assert_string_equal(r->people[0].extra, "{\"room\":\"@/etc/passwd\"}");
	roster_free(&r);
}

/* ---- spreadsheets: the bytes that they write */

static void excels_csv_utf8_in_english_is_read(void **state)
{
	struct roster *r = GOOD(*state, "\xEF\xBB\xBFuser,name,department,room\r\n"
					"alice,\"M\xC3\xBCller, Alice\",R&D,\r\n"
					"bob,\"Bob \"\"Bobby\"\" Smith\",\"Sales\nEurope\",12\r\n");
	assert_true(r->bom);
	assert_int_equal(r->separator, ',');
	assert_person(r, 0, 2, "alice", "M\xC3\xBCller, Alice", "");
	assert_person(r, 1, 3, "bob", "Bob \"Bobby\" Smith", "{\"room\":\"12\"}");
	assert_string_equal(r->people[1].department, "Sales Europe");
	roster_free(&r);
}

static void excels_csv_utf8_in_german_is_read(void **state)
{
	struct roster *r = GOOD(*state, "\xEF\xBB\xBFuser;name;email;room;;\r\n"
					"alice;M\xC3\xBCller, Alice;alice@example.com;3,14;;\r\n"
					"bob;\"Schmidt; Bob\";;;;\r\n"
					";;;;;\r\n"
					";;;;;\r\n");
	assert_int_equal(r->separator, ';');
	assert_int_equal(r->n, 2);
	assert_person(r, 0, 2, "alice", "M\xC3\xBCller, Alice", "{\"room\":\"3,14\"}");
	assert_person(r, 1, 3, "bob", "Schmidt; Bob", "");
	roster_free(&r);
}

/* It leaves empty cells at the end of a line away where the next sixteen lines have none there. */
static void excels_lines_that_end_early_are_read_and_counted(void **state)
{
	struct roster *r = GOOD(*state, "user,name,room\r\nalice,Alice,1\r\nbob,Bob\r\ncarol\r\n");
	assert_int_equal(r->n, 3);
	assert_person(r, 2, 4, "carol", "", "");
	assert_int_equal(r->n_short, 2);
	assert_int_equal(r->first_short, 3);
	roster_free(&r);
}

static void excels_csv_for_macintosh_and_tab_text_are_read(void **state)
{
	struct roster *r = GOOD(*state, "user;name\ralice;Alice\rbob;\"Bob\rB.\"\r");
	assert_int_equal(r->n, 2);
	assert_person(r, 1, 3, "bob", "Bob B.", "");
	roster_free(&r);
	r = GOOD(*state, "user\tname\r\nalice\t\"A \"\"x\"\"\"\r\n");
	assert_int_equal(r->separator, '\t');
	assert_person(r, 0, 2, "alice", "A \"x\"", "");
	roster_free(&r);
}

static void excels_other_encodings_are_refused_with_what_to_do(void **state)
{
	/* "CSV (Trennzeichen-getrennt)": Windows-1252 */
	refused(*state, "user;name\r\nalice;Alice\r\nbob;M\xFCller\r\n", "line 3");
	has_fault(*state, 3, "not UTF-8 (byte 0xFC in column 2)");
	has_fault(*state, 3, "CSV UTF-8");
	/* "Unicode Text" */
	refused_bytes(*state, "\xFF\xFEu\0s\0e\0r\0\r\0\n\0", 14, "UTF-16");
	refused_bytes(*state, "\xFF\xFEu\0s\0e\0r\0\r\0\n\0", 14, "save it as CSV UTF-8");
}

static void libreoffices_csv_is_read(void **state)
{
	struct roster *r = GOOD(*state, "user,name,room\nalice,\"M\xC3\xBCller, Alice\",3.14\nbob,\"Bob\nB.\",\n");
	assert_false(r->bom);
	assert_person(r, 0, 2, "alice", "M\xC3\xBCller, Alice", "{\"room\":\"3.14\"}");
	assert_person(r, 1, 3, "bob", "Bob B.", "");
	roster_free(&r);
	/* with "quote all text cells" */
	r = GOOD(*state, "\"user\";\"name\";\"room\"\n\"alice\";\"Alice\";3,14\n");
	assert_int_equal(r->separator, ';');
	assert_person(r, 0, 2, "alice", "Alice", "{\"room\":\"3,14\"}");
	roster_free(&r);
}

static void a_serial_number_that_a_spreadsheet_has_rounded_is_refused(void **state)
{
	refused(*state, "user;token_serial\r\nalice;1,23457E+12\r\nbob;12345E7\r\n",
		"made a number by the spreadsheet");
	assert_int_equal(((struct roster_file *)*state)->faults.n_all, 1);
}

/* ---- bad input */

static void a_file_without_people_or_columns_is_refused(void **state)
{
	refused(*state, "", "is empty");
	refused(*state, "\n\n ,, \n", "there is nothing in the roster");
	refused(*state, "\xEF\xBB\xBF", "there is nothing in the roster");
	refused(*state, "user,name\n\n", "names its columns, but no people");
	refused(*state, "name,email\nAlice,a@b\n", "no column is called 'user'");
	refused(*state, "name,email\nAlice,a@b\n", "the first line has: name, email");
	refused(*state, "alice\nbob\n", "no column is called 'user'");
	refused(*state, "\"user\nalice\n", "line 1: a quote is opened in it and never closed");
}

static void columns_that_are_there_twice_are_refused(void **state)
{
	refused(*state, "user,name,Name\nalice,a,b\n", "line 1: column 3, 'Name', is column 2 once more");
	refused(*state, "user,Room,room,room\nalice,,,\n", "2 faults");
	refused(*state, "user,USER\nalice,bob\n", "column 2, 'USER', is column 1 once more");
}

static void a_further_column_has_to_be_a_name_of_its_own(void **state)
{
	static const char *const bad[][2] = {
	    {"Room Number", "cannot be a name for templates"},
	    {"\xC3\x9C", "cannot be a name for templates"},
	    {"a.b", "cannot be a name for templates"},
	    {"pkcs11_id", "have from elsewhere"},
	    {"ca", "have from elsewhere"},
	    {"expires", "have from elsewhere"},
	    {"token_label", "have from elsewhere"},
	    {"windows", "have from elsewhere"},
	    {"tls_crypt", "have from elsewhere"},
	    {"pin_de", "have from elsewhere"},
	    {"PIN", "is a secret"},
	    {"puk", "is a secret"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[128];
		snprintf(text, sizeof text, "user,%s\nalice,x\n", bad[i][0]);
		refused(*state, text, bad[i][1]);
	}
	struct roster *r = GOOD(*state, "user,remote,company,x_y-1\nalice,vpn2 1194 udp,ACME,1\n");
	roster_free(&r);
}

static void a_value_without_a_column_is_refused(void **state)
{
	refused(*state, "user,name\nalice,Smith, Alice\n", "line 2: ' Alice' stands in column 3, which has no name");
	refused(*state, "user,,name\nalice,x,Alice\n", "'x' stands in column 2");
	struct roster *r = GOOD(*state, "user,,name\nalice,,Alice\n");
	assert_person(r, 0, 2, "alice", "Alice", "");
	roster_free(&r);
}

static void users_are_checked_by_the_rule_for_user_names(void **state)
{
	refused(*state,
		"user,name\nalice,\n,Nobody\nbob smith,\n-x,\n../x,\nCA,\nM\xC3\xBCller,\n"
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg,\n",
		"7 faults, the first in line 3: there is no user in it");
	has_fault(*state, 4, "user 'bob smith': this is not a user name");
	has_fault(*state, 5, "user '-x'");
	has_fault(*state, 6, "user '../x'");
	has_fault(*state, 7, "no user can be named CA");
	has_fault(*state, 8, "byte 0xC3");
	has_fault(*state, 9, "longer than 64");
}

static void duplicate_users_are_told_with_both_lines(void **state)
{
	refused(*state, "user\nalice\nbob\nalice\ncarol\nalice\n", "2 faults");
	has_fault(*state, 4, "user 'alice' stands in line 2 already");
	has_fault(*state, 6, "user 'alice' stands in line 2 already");
}

static void names_that_make_one_file_name_are_told_with_both_lines(void **state)
{
	refused(*state, "user\nalice\nAlice\nbob.zip\nbob\ncarol\ncarol.tar.gz\ndave.req\ndave\nerin.zip\n",
		"4 faults");
	has_fault(*state, 3, "user 'Alice' is 'alice' of line 2 but for the case");
	has_fault(*state, 5, "a file of the user in line 4");
	has_fault(*state, 7, "a file of the user in line 6");
	has_fault(*state, 9, "a file of the user in line 8");
}

static void duplicate_token_serials_are_told_with_both_lines(void **state)
{
	refused(*state, "user,token_serial\na,12AB\nb,\nc,12ab\nd,\ne,13\n", "1 fault,");
	has_fault(*state, 4, "token_serial '12ab' stands in line 2 already");
}

/* Also where another line is wrong in another way. */
static void twins_of_a_line_that_is_wrong_are_found_at_once(void **state)
{
	refused(*state, "user,email\nalice,nonsense\nalice,\n", "2 faults");
	has_fault(*state, 2, "email 'nonsense'");
	has_fault(*state, 3, "stands in line 2 already");
}

static void values_that_make_no_sense_are_refused(void **state)
{
	refused(*state,
		"user,email,language,key_type\n"
		"a,nonsense,,\nb,a@b@c,,\nc,a b@c,,\nd,a@b;c@d,,\ne,,fr,\nf,,english,\ng,,,rsa:1024\nh,,d,\n",
		"8 faults");
	has_fault(*state, 2, "email 'nonsense' is not one address");
	has_fault(*state, 6, "language 'fr' is none of en, de, ru");
	has_fault(*state, 8, "key_type 'rsa:1024' is none that the CA takes: ec:P-256");
}

static void a_key_type_that_the_ca_does_not_take_is_refused(void **state)
{
	struct roster_file *f = *state;
	struct roster *r = NULL;
	put_bytes(f, "user,key_type\na,ec:P-256\nb,rsa:2048\n", 37);
	assert_int_equal(roster_read(&r, f->path, KEYTYPE_BIT(KEYTYPE_EC_P256), &f->faults, &f->e), -1);
	has_fault(f, 3, "key_type 'rsa:2048' is none that the CA takes: ec:P-256");
}

static void values_that_are_too_long_or_no_text_are_refused(void **state)
{
	char text[8000], value[2000];
	memset(value, 'x', sizeof value);
	snprintf(text, sizeof text,
		 "user,name,room,email\na,%.201s,,\nb,,%.1001s,\nc,a\tb\x01,,\nd,,\x1B[2J,\ne,,,%.255s@x\n", value,
		 value, value);
	refused(*state, text, "5 faults");
	has_fault(*state, 2, "name 'xxxxx");
	has_fault(*state, 2, "has more than 200 bytes");
	has_fault(*state, 3, "room 'xxxxx");
	has_fault(*state, 4, "has a control character in it");
	has_fault(*state, 5, "room '?[2J' has a control character");
	has_fault(*state, 6, "email 'xxxxx");
}

static void every_bad_line_is_counted_and_the_first_hundred_are_kept(void **state)
{
	struct roster_file *f = *state;
	char text[40000] = "user,token_serial\n";
	size_t n = strlen(text);
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%d,%d\n", i < 500 ? "u" : "bad ", i, i % 250);
	refused(f, text, "750 faults, the first in line 252");
	assert_int_equal(f->faults.n, ROSTER_FAULTS_KEPT);
	assert_int_equal(f->faults.n_all, 750);
	for (size_t i = 0; i < f->faults.n; i++)
		assert_int_equal(f->faults.list[i].line, 252 + (long)i);
}

static void a_nul_byte_and_an_open_quote_are_faults_of_their_lines(void **state)
{
	refused_bytes(*state, "user\nalice\nb\0b\n\"carol\n", 22, "2 faults");
	has_fault(*state, 3, "NUL byte");
	has_fault(*state, 4, "never closed");
}

/* What is in the file reaches the terminal only as text. */
static void a_message_has_nothing_in_it_that_a_terminal_obeys(void **state)
{
	struct roster_file *f = *state;
	refused(f, "user,\x1B[31mroom\nalice,\n", "'?[31mroom'");
	refused(f, "user\n\x1B]0;x\x07\n", "user '?]0;x?'");
	refused(f,
		"user\n\xE2\x80\xAE"
		"abc\n",
		"user '?abc'");
}

/* ---- whose names the others are */

static void the_names_that_templates_have_from_elsewhere_are_known(void **state)
{
	static const char *const own[] = {"user",   "token_manufacturer", "token_serial", "key_type", "cert_serial",
					  "issued", "pin_each_time",      "install_ru",   "platform", "linux",
					  "ca",     "pkcs11_module",      "module_macos"};
	static const char *const others[] = {"remote", "server_name", "company", "room", "name", "email", "language"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		assert_true(names_is_own(own[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(names_is_own(others[i]));
}

/* ---- many */

static void a_hundred_thousand_people_are_read_at_once_in_bounded_memory(void **state)
{
	struct roster_file *f = *state;
	struct timespec a, b;
	struct rusage use;
	struct roster *r = NULL;
	FILE *out = fopen(f->path, "w");
	fputs("user,name,email,department,language,token_serial,room\n", out);
	for (int i = 0; i < 100000; i++)
		fprintf(out, "user%06d,\"M\xC3\xBCller, Anna %d\",user%06d@example.com,Sales,de,T%08d,3.%d\n",
			(i * 7919) % 100000, i, i, i, i % 50);
	assert_int_equal(fclose(out), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (roster_read(&r, f->path, KEYTYPE_ALL, &f->faults, &f->e) != 0)
		fail_msg("%s", f->e.what);
	clock_gettime(CLOCK_MONOTONIC, &b);
	getrusage(RUSAGE_SELF, &use);
	assert_int_equal(r->n, 100000);
	assert_person(r, 99999, 100001, "user092081", "M\xC3\xBCller, Anna 99999", "{\"room\":\"3.49\"}");
	roster_free(&r);
	double took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	print_message("100,000 people read and checked in %.2f s, %ld MB at most\n", took, use.ru_maxrss / 1024);
#ifndef __SANITIZE_ADDRESS__
	assert_true(use.ru_maxrss < 80 * 1024);
#endif
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    FILE_PROMISE(a_hundred_thousand_people_are_read_at_once_in_bounded_memory),
	    FILE_PROMISE(all_columns_are_taken_over),
	    FILE_PROMISE(further_columns_are_sorted_by_name_so_that_their_order_is_no_change),
	    FILE_PROMISE(blanks_around_values_are_left_out_and_line_breaks_in_them_are_blanks),
	    FILE_PROMISE(an_at_sign_before_a_value_reads_no_file),
	    FILE_PROMISE(excels_csv_utf8_in_english_is_read),
	    FILE_PROMISE(excels_csv_utf8_in_german_is_read),
	    FILE_PROMISE(excels_lines_that_end_early_are_read_and_counted),
	    FILE_PROMISE(excels_csv_for_macintosh_and_tab_text_are_read),
	    FILE_PROMISE(excels_other_encodings_are_refused_with_what_to_do),
	    FILE_PROMISE(libreoffices_csv_is_read),
	    FILE_PROMISE(a_serial_number_that_a_spreadsheet_has_rounded_is_refused),
	    FILE_PROMISE(a_file_without_people_or_columns_is_refused),
	    FILE_PROMISE(columns_that_are_there_twice_are_refused),
	    FILE_PROMISE(a_further_column_has_to_be_a_name_of_its_own),
	    FILE_PROMISE(a_value_without_a_column_is_refused),
	    FILE_PROMISE(users_are_checked_by_the_rule_for_user_names),
	    FILE_PROMISE(duplicate_users_are_told_with_both_lines),
	    FILE_PROMISE(names_that_make_one_file_name_are_told_with_both_lines),
	    FILE_PROMISE(duplicate_token_serials_are_told_with_both_lines),
	    FILE_PROMISE(twins_of_a_line_that_is_wrong_are_found_at_once),
	    FILE_PROMISE(values_that_make_no_sense_are_refused),
	    FILE_PROMISE(a_key_type_that_the_ca_does_not_take_is_refused),
	    FILE_PROMISE(values_that_are_too_long_or_no_text_are_refused),
	    FILE_PROMISE(every_bad_line_is_counted_and_the_first_hundred_are_kept),
	    FILE_PROMISE(a_nul_byte_and_an_open_quote_are_faults_of_their_lines),
	    FILE_PROMISE(a_message_has_nothing_in_it_that_a_terminal_obeys),
	    FILE_PROMISE(the_names_that_templates_have_from_elsewhere_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
