/* A roster is read as RFC 4180 and as spreadsheets write it, and each fault is told with the line it began in. */
#include "roster_fixture.h"
#include "station/csvread.h"

/* All records, each in one line: "LINE:field|field" or "LINE!fault". */
static const char *records_of(struct roster_file *f, const void *bytes, size_t len)
{
	static char all[4096];
	struct csvread *r = NULL;
	struct csvread_record rec;
	bool there = true;
	put_bytes(f, bytes, len);
	all[0] = '\0';
	if (csvread_open(&r, f->path, &f->e) != 0)
		return f->e.what;
	while (csvread_next(r, &there, &rec, &f->e) == 0 && there) {
		size_t n = strlen(all);
		snprintf(all + n, sizeof all - n, "%s%ld%s%s", n != 0 ? "\n" : "", rec.line,
			 rec.fault != NULL ? "!" : "", rec.fault != NULL ? rec.fault : ":");
		for (size_t i = 0; i < rec.n; i++) {
			n = strlen(all);
			snprintf(all + n, sizeof all - n, "%s%.60s", i != 0 ? "|" : "", rec.fields[i]);
		}
	}
	csvread_close(&r);
	return all;
}

#define READS(f, text, want) assert_string_equal(records_of(f, text, sizeof(text) - 1), want)

static void says(struct roster_file *f, const void *bytes, size_t len, const char *words)
{
	const char *all = records_of(f, bytes, len);
	if (strstr(all, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", all, words);
}

#define SAYS(f, text, words) says(f, text, sizeof(text) - 1, words)

static void each_form_of_line_end_is_one(void **state)
{
	READS(*state, "a,b\r\nc,d\r\n", "1:a|b\n2:c|d");
	READS(*state, "a,b\nc,d\n", "1:a|b\n2:c|d");
	READS(*state, "a,b\rc,d\r", "1:a|b\n2:c|d");
	READS(*state, "a,b\r\nc,d", "1:a|b\n2:c|d");
	READS(*state, "a,b\n\r\nc,d", "1:a|b\n3:c|d");
}

static void quotes_take_separators_quotes_and_line_ends_in(void **state)
{
	READS(*state, "a,b\n\"x, \"\"y\"\"\",z\n", "1:a|b\n2:x, \"y\"|z");
	READS(*state, "a,b\r\n\"one\r\ntwo\",z\r\nl,m\r\n", "1:a|b\n2:one\ntwo|z\n4:l|m");
	READS(*state, "a,b\n\"\",\"\"\"\"\n", "1:a|b\n2:|\"");
	READS(*state, "a,b\n  \"x\"  , y z \n", "1:a|b\n2:x| y z ");
}

static void the_separator_is_found_in_the_first_line(void **state)
{
	READS(*state, "a;b;c\n1,5;2;3\n", "1:a|b|c\n2:1,5|2|3");
	READS(*state, "a\tb\nx y\t2\n", "1:a|b\n2:x y|2");
	READS(*state, "\"a;x\",b\n1,2\n", "1:a;x|b\n2:1|2");
	READS(*state, "a\nx\n", "1:a\n2:x");
	READS(*state, "\n\n;;\na;b,c;d\n", "4:a|b,c|d");
}

static void excels_sep_line_names_the_separator(void **state)
{
	READS(*state, "sep=;\r\na;b,c\r\n", "2:a|b,c");
	READS(*state, "SEP=,\na,b;c;d;e\n", "2:a|b;c;d;e");
	READS(*state, "\"sep=\t\"\ra\tb\r", "2:a|b");
	READS(*state, "\xEF\xBB\xBFsep=;\na;b\n", "2:a|b");
	READS(*state, "sep=;;;\na;b;c\n", "2:a|b|c");
	READS(*state, "separate,b\n1,2\n", "1:separate|b\n2:1|2");
}

static void a_byte_order_mark_is_no_part_of_the_first_name(void **state)
{
	READS(*state,
	      "\xEF\xBB\xBF"
	      "a,b\n1,2\n",
	      "1:a|b\n2:1|2");
	READS(*state, "\xEF\xBB\xBF\"a\",b\n", "1:a|b");
}

static void empty_lines_and_columns_are_left_out(void **state)
{
	READS(*state, "a,b,,\n\n1,2,,\n,,,\n   \n\"\",,\n3,4,,\n", "1:a|b||\n3:1|2||\n7:3|4||");
}

static void a_quote_that_is_not_closed_is_told_with_its_line(void **state)
{
	SAYS(*state, "a,b\nx,y\n\"open,z\nl,m\n", "3!a quote is opened in it and never closed");
	SAYS(*state, "a,b\n\"open,z\n\"l\",m\nx,y\n", "2!there is text behind a closing quote");
	/* and it goes on where that line ends */
	SAYS(*state, "a,b\n\"open,z\n\"l\",m\nx,y\n", "\n4:x|y");
	SAYS(*state, "a,b\nx\"y,z\n1,2\n", "2!there is a quote in the middle of a field");
	SAYS(*state, "a,b\nx\"y,z\n1,2\n", "\n3:1|2");
}

static void nul_bytes_are_told_with_their_line(void **state)
{
	SAYS(*state, "a,b\nx,y\nu\0v,w\n1,2\n", "3!there is a NUL byte in it");
	SAYS(*state, "a,b\nx,y\nu\0v,w\n1,2\n", "\n4:1|2");
}

static void what_is_not_utf8_is_told_with_its_line(void **state)
{
	SAYS(*state, "a,b\nx,M\xFCller\n1,2\n", "2!it is not UTF-8 (byte 0xFC in column 2)");
	SAYS(*state, "a,b\nx,M\xFCller\n1,2\n", "CSV UTF-8");
	SAYS(*state, "a,b\nx,\xED\xA0\x80\n", "2!it is not UTF-8");
	READS(*state, "a,b\nx,M\xC3\xBCller\n", "1:a|b\n2:x|M\xC3\xBCller");
}

static void another_kind_of_file_is_called_by_its_name(void **state)
{
	SAYS(*state,
	     "\xFF\xFE"
	     "a\0,\0b\0\n\0",
	     "is UTF-16");
	SAYS(*state, "\xFE\xFF\0a\0,\0b\0\n", "is UTF-16");
	SAYS(*state, "u\0s\0e\0r\0\n\0a\0\n\0", "is UTF-16");
	SAYS(*state, "PK\x03\x04 xl/workbook.xml", "is a spreadsheet and no CSV file");
	SAYS(*state, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "is a spreadsheet and no CSV file");
	SAYS(*state, "", "is empty");
}

/* One of 1 MB in quotes, one without, and whether the rest is read after it. */
static void a_field_of_a_megabyte_is_a_fault_of_its_line(void **state)
{
	size_t len = (size_t)1 << 20;
	char *text = malloc(len + 64);
	for (int quoted = 0; quoted < 2; quoted++) {
		size_t n = (size_t)sprintf(text, "a,b\nx,%s", quoted ? "\"" : "");
		memset(text + n, 'y', len);
		n += len;
		n += (size_t)sprintf(text + n, "%s\nl,m\n", quoted ? "\"" : "");
		says(*state, text, n, "2!a field is too long");
		says(*state, text, n, "\n3:l|m");
	}
	free(text);
}

static void a_line_of_many_long_fields_is_a_fault(void **state)
{
	size_t fields = 300, n = 0;
	char *text = malloc(fields * 1001 + 64);
	n += (size_t)sprintf(text, "a,b\n");
	for (size_t i = 0; i < fields; i++, n += 1001) {
		memset(text + n, 'y', 1000);
		text[n + 1000] = ',';
	}
	n += (size_t)sprintf(text + n, "\nl,m\n");
	says(*state, text, n, "2!it is too long");
	says(*state, text, n, "\n3:l|m");
	free(text);
}

static void columns_beyond_all_reason_are_left_out_if_empty_and_else_a_fault(void **state)
{
	char text[20000] = "a,b\n1,2";
	size_t n = strlen(text);
	memset(text + n, ',', 16384);
	n += 16384;
	text[n++] = '\n';
	says(*state, text, n, "2:1|2||");
	text[n - 1] = 'x';
	says(*state, text, n, "2!it has more columns than can be read");
}

static void what_cannot_be_opened_says_what_to_name(void **state)
{
	struct roster_file *f = *state;
	struct csvread *r = NULL;
	assert_int_equal(csvread_open(&r, "/nonexistent/roster.csv", &f->e), -1);
	assert_string_equal(f->e.what, "cannot open the roster /nonexistent/roster.csv");
	assert_string_equal(f->e.native, "No such file or directory");
	assert_non_null(strstr(err_advice(&f->e), "- for standard input"));
	assert_int_equal(csvread_open(&r, "/tmp", &f->e), -1);
	assert_non_null(strstr(f->e.what, "/tmp is not a file"));
	assert_null(r);
	csvread_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    FILE_PROMISE(each_form_of_line_end_is_one),
	    FILE_PROMISE(quotes_take_separators_quotes_and_line_ends_in),
	    FILE_PROMISE(the_separator_is_found_in_the_first_line),
	    FILE_PROMISE(excels_sep_line_names_the_separator),
	    FILE_PROMISE(a_byte_order_mark_is_no_part_of_the_first_name),
	    FILE_PROMISE(empty_lines_and_columns_are_left_out),
	    FILE_PROMISE(a_quote_that_is_not_closed_is_told_with_its_line),
	    FILE_PROMISE(nul_bytes_are_told_with_their_line),
	    FILE_PROMISE(what_is_not_utf8_is_told_with_its_line),
	    FILE_PROMISE(another_kind_of_file_is_called_by_its_name),
	    FILE_PROMISE(a_field_of_a_megabyte_is_a_fault_of_its_line),
	    FILE_PROMISE(a_line_of_many_long_fields_is_a_fault),
	    FILE_PROMISE(columns_beyond_all_reason_are_left_out_if_empty_and_else_a_fault),
	    FILE_PROMISE(what_cannot_be_opened_says_what_to_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
