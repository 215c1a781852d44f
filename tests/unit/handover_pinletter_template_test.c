/* A fault in the template of a letter is told, with file and line, before anything is printed. */
#include "pinletter_fixture.h"

#include "handover/files.h"

static int open_with(struct letter_fixture *f, const char *template, const char *more)
{
	struct pinletters *l = NULL;
	err_clear(&f->e);
	assert_int_equal(shell(f, "mkdir -p own && rm -f own/*"), 0);
	write_text(f, "own/letter.en.pango", template);
	configure(f, "command = touch printed\ntemplates = own", more);
	int got = pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e);
	pinletters_close(&l);
	return got;
}

static void refused(struct letter_fixture *f, const char *template, enum err_code code, const char *words)
{
	if (open_with(f, template, "") == 0)
		fail_msg("taken: %s", template);
	assert_says(&f->e, code, words);
	assert_int_equal(shell(f, "! test -e printed"), 0);
}

static void taken(struct letter_fixture *f, const char *template, const char *more)
{
	if (open_with(f, template, more) != 0)
		fail_msg("%s", f->e.what);
}

#define PARTS "<window>w</window><pin>p</pin>"

static void each_fault_has_its_file_and_line(void **state)
{
	static const struct {
		const char *template, *words;
	} faults[] = {
	    {"<letter>" PARTS "<text>\n{{nmae}}</text></letter>", "letter.en.pango:2: there is no name {{nmae}}"},
	    {"<letter>" PARTS "<text>{{#user}}</text></letter>",
	     "letter.en.pango:1: the section {{#user}} is never closed"},
	    {"<letter>" PARTS "<text>{{pin}}</text></letter>", "{{pin}} is a condition and has no text"},
	    {"<letter>" PARTS "<text>{{admin_contact}}</text></letter>", "{{admin_contact}} has no value"},
	    {"<letter>" PARTS "<text>a\n\n<b>b</text></letter>", "letter.en.pango:3: "},
	    {"<letter>" PARTS "\n<text>a\n<blink>b</blink></text></letter>", "letter.en.pango:3: Unknown tag 'blink'"},
	    {"<letter>" PARTS "<text>Fish & chips</text></letter>", "letter.en.pango:1: "},
	    {"<letter>\n" PARTS "\n<body>b</body></letter>", "letter.en.pango:3: a letter has no part <body>"},
	    {"<letter>" PARTS "\n<text>a</text>\n<text>b</text></letter>", "letter.en.pango:3: <text> is there twice"},
	    {"<letter>" PARTS "\nhello<text>a</text></letter>", "'hello' stands in none of the parts"},
	    {"<html></html>", "letter.en.pango:1: <html> stands where <letter> has to be"},
	    {"<letter size=\"3\">" PARTS "<text>a</text></letter>", "<letter> has no 'size', only a font"},
	    {"<letter><window>w</window><text>a</text></letter>", "letter.en.pango: there is no <pin> in this letter"},
	    {"<letter>" PARTS "<text> \n</text></letter>", "there is nothing in <text>"},
	    {"<letter>" PARTS "<text>\xE9t\xE9</text></letter>", "letter.en.pango:1: "},
	    {"", "letter.en.pango:1: "},
	    {"hello", "letter.en.pango:1: "},
	};
	struct letter_fixture *f = *state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		refused(f, faults[i].template, ERR_TEMPLATE, faults[i].words);
}

static void a_text_that_is_too_long_for_the_page_is_a_fault_too(void **state)
{
	struct letter_fixture *f = *state;
	char *words = xcalloc(1, 20000);
	for (size_t i = 0; i < 1500; i++)
		strcat(words, "much more ");
	char *text = xasprintf("<letter>\n" PARTS "\n<text>%s</text></letter>", words);
	refused(f, text, ERR_TEMPLATE, "letter.en.pango:3: the text is too long for its place on the page");
	free(text);
	words[300] = '\0';
	text = xasprintf("<letter><window>w</window>\n<pin>%s</pin><text>t</text></letter>", words);
	refused(f, text, ERR_TEMPLATE, "letter.en.pango:2: what stands above the PIN is too long");
	free(text);
	free(words);
}

static void letters_that_no_font_has_are_told(void **state)
{
	struct letter_fixture *f = *state;
	refused(f, "<letter>" PARTS "<text>\U00013000\U00013001</text></letter>", ERR_CONFIG,
		"no font on this computer has all characters of");
	assert_says(&f->e, ERR_CONFIG, "fonts-dejavu-core");
}

static void what_a_template_can_have_is_taken(void **state)
{
	struct letter_fixture *f = *state;
	taken(f, "<letter>" PARTS "<text>t</text></letter>", "");
	taken(f,
	      "{{! a remark with <b> in it\nof two lines }}\n<!-- and one of XML -->\n<letter font=\"Serif\">\r\n"
	      "{{#department}}\n<title>{{department}}</title>\n{{/department}}\n{{^department}}\n<title>none</title>\n"
	      "{{/department}}\n{{#puk}}<puk>puk</puk>{{/puk}}" PARTS "<text>{{#pin}}a{{/pin}} &amp; <span "
	      "size=\"small\" foreground='#444'>b &lt;</span>\n<![CDATA[c & d]]> {{user}} {{name}} {{department}} "
	      "{{language}} "
	      "{{date}} {{token_label}} {{token_serial}} {{token_model}} {{token_manufacturer}} {{expires}} {{free}} "
	      "{{company}}</text></letter>\n",
	      "[template]\nfree = <b>&\ncompany = A & B\n");
}

static void the_folder_of_the_bundles_templates_does_and_bundles_have_no_letter(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletters *l = NULL;
	assert_int_equal(shell(f, "mkdir own vpn"), 0);
	write_text(f, "vpn/letter.en.pango", "broken");
	configure(f, "command = true\ntemplates =", "[vpn]\ntemplates = vpn\n");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_says(&f->e, ERR_TEMPLATE, "/vpn/letter.en.pango:1: ");
	write_text(f, "vpn/guide.txt", "guide");
	char *folder = xasprintf("%s/vpn", f->dir);
	struct files files = {NULL, 0};
	assert_int_equal(files_read_folder(&files, folder, &f->e), 0);
	assert_int_equal(files.n, 1);
	assert_string_equal(files.v[0].name, "guide.txt");
	files_free(&files);
	free(folder);
	/* without one the shipped ones are taken */
	assert_int_equal(shell(f, "rm vpn/*"), 0);
	if (pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e) != 0)
		fail_msg("%s", f->e.what);
	pinletters_close(&l);
}

static void a_language_without_a_template_is_told_before_anybody_needs_it(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletters *l = NULL;
	assert_int_equal(shell(f, "mkdir own empty"), 0);
	write_text(f, "own/letter.de.pango", "<letter>" PARTS "<text>t</text></letter>");
	configure(f, "command = true\ntemplates = own", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_says(&f->e, ERR_CONFIG, "there is no template letter.en.pango");
	assert_says(&f->e, ERR_CONFIG, "set language under [letter] to another one, e.g. de");
	configure(f, "command = true\ntemplates = own\nlanguage = de", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), 0);
	pinletters_close(&l);
	configure(f, "command = true\ntemplates = empty", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_says(&f->e, ERR_CONFIG, "copy one from");
	configure(f, "command = true\ntemplates = nowhere", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_says(&f->e, ERR_CONFIG, "cannot open the folder");
	write_text(f, "own/letter.pango", "");
	configure(f, "command = true\ntemplates = own\nlanguage = de", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_says(&f->e, ERR_TEMPLATE, "does not say which language");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(each_fault_has_its_file_and_line),
	    TEST(a_text_that_is_too_long_for_the_page_is_a_fault_too),
	    TEST(letters_that_no_font_has_are_told),
	    TEST(what_a_template_can_have_is_taken),
	    TEST(the_folder_of_the_bundles_templates_does_and_bundles_have_no_letter),
	    TEST(a_language_without_a_template_is_told_before_anybody_needs_it),
	};
	return cmocka_run_group_tests_name("templates of letters", tests, NULL, NULL);
}
