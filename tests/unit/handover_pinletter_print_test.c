/* How a letter leaves, and what is left behind when it does not: through the process that prints. */
#include "pinletter_fixture.h"

#include "core/landlock.h"

#include <dirent.h>
#include <poll.h>

static void note(void *arg, const char *text)
{
	char *told = arg;
	snprintf(told, 256, "%s", text);
}

static int print_as(struct letter_fixture *f, struct pinletter_outcome *ret)
{
	struct pinletters *l = NULL;
	err_clear(&f->e);
	if (pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
	int got = pinletter_print(l, &f->facts, f->pin, f->puk->len != 0 ? f->puk : NULL, ret, &f->e);
	pinletters_close(&l);
	return got;
}

static void printed(struct letter_fixture *f, struct pinletter_outcome *ret, enum pinletter_state state)
{
	if (print_as(f, ret) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
	assert_int_equal(ret->state, state);
}

static void refused(struct letter_fixture *f, enum err_code code, const char *words)
{
	struct pinletters *l = NULL;
	err_clear(&f->e);
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), -1);
	assert_null(l);
	assert_says(&f->e, code, words);
}

/* A program of this folder as the print command. It must not be in the folder of the database, or beside the PKI. */
static void command(struct letter_fixture *f, const char *script, const char *more)
{
	char *letter = xasprintf("command = '%s/printer' \"two words\"\n%s", f->dir, more);
	char *text = xasprintf("#!/bin/bash\ncd '%s/spool' || exit 9\n%s\n", f->dir, script);
	write_text(f, "printer", text);
	assert_int_equal(shell(f, "chmod 700 printer && mkdir -p spool ca store"), 0);
	configure(f, letter, "");
	free(text);
	free(letter);
}

/* What the command has put into page.pdf in its folder. */
static void read_printed(struct letter_fixture *f)
{
	assert_int_equal(shell(f, "mv spool/page.pdf ."), 0);
	read_words(f);
}

#define EC "ec -pkeyopt ec_paramgen_curve:P-256"
#define FOR_RSA "-addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyEncipherment"
#define FOR_EC "-addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyAgreement"

static void recipient(struct letter_fixture *f, const char *name, const char *key, const char *options)
{
	assert_int_equal(shell(f, "openssl req -x509 -newkey %s -nodes -keyout %s.key -out %s.pem -subj /CN=%s %s", key,
			       name, name, name, options),
			 0);
}

static size_t files_in(const struct letter_fixture *f, const char *name)
{
	char path[PATH_MAX];
	size_t n = 0;
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d)) != NULL;)
		n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(d);
	return n;
}

static void the_command_has_the_page_on_stdin_and_of_the_pin_nothing_else(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	command(f,
		"cat >page.pdf; printf '%s\\n' \"$#\" \"$@\" >said; env | grep -v -e PWD= -e ^SHLVL -e ^_= | sort "
		">>said; umask >>said; ls /proc/self/fd | wc -l >>said; tr '\\0' '\\n' </proc/$$/cmdline >>said",
		"");
	printed(f, &o, PINLETTER_PRINTED);
	assert_string_equal(o.file, "");
	read_printed(f);
	assert_int_equal(count_words(f, "4711"), 1);
	char *said = read_text(f, "spool/said");
	char *want = xasprintf("1\ntwo words\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			       "TOKENROLL_USER=alice\n0077\n4\n/bin/bash\n%s/printer\ntwo words\n",
			       f->dir);
	assert_string_equal(said, want);
	free(want);
	free(said);
}

static void a_letter_is_in_the_language_of_the_person_and_has_the_columns_of_the_roster(void **state)
{
	static const struct {
		const char *language, *word;
	} want[] = {{"de", "Wechselt"}, {"de_CH.UTF-8", "Wechselt"}, {"DE-at", "Wechselt"}, {"fr", "Changes"},
		    {"", "Changes"},    {"pirate", "Changes"},       {NULL, "Changes"}};
	static const struct pinletter_name names[] = {{"room", "R 12.07"}, {"unknown_to_it", "x"}, {"user", "mallory"}};
	static const char *const columns[] = {"room", "floor"};
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	struct pinletters *l = NULL;
	assert_int_equal(shell(f, "mkdir own"), 0);
	write_text(f, "own/letter.en.pango",
		   "<letter><window>{{name}}</window><pin>p</pin><text>Changes {{room}}{{floor}} "
		   "{{user}} {{boss}}</text></letter>");
	write_text(f, "own/letter.de.pango",
		   "\xEF\xBB\xBF<letter><window>{{name}}</window><pin>p</pin><text>Wechselt {{room}}</text></letter>");
	command(f, "cat >page.pdf", "templates = own\n[template]\nboss = Bea\nroom = nowhere\n");
	if (pinletters_open(&l, f->cfg, columns, 2, false, NULL, NULL, &f->e) != 0)
		fail_msg("%s", f->e.what);
	assert_true(pinletters_has(l, "de-AT") && !pinletters_has(l, "fr"));
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		f->facts.language = want[i].language;
		f->facts.names = names;
		f->facts.n_names = 3;
		if (pinletter_print(l, &f->facts, f->pin, NULL, &o, &f->e) != 0)
			fail_msg("%s", f->e.what);
		read_printed(f);
		find_word(f, want[i].word);
		find_word(f, "12.07");
		assert_int_equal(count_words(f, "mallory"), 0);
	}
	find_word(f, "alice");
	find_word(f, "Bea");
	pinletters_close(&l);
}

static void a_name_that_no_font_has_comes_with_the_user(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	command(f, "cat >page.pdf", "");
	printed(f, &o, PINLETTER_PRINTED);
	assert_false(o.unreadable);
	/* for private use: no font has these */
	f->facts.name = "\U0010FF80\U0010FF81";
	printed(f, &o, PINLETTER_PRINTED);
	assert_true(o.unreadable);
	read_printed(f);
	assert_true(find_word(f, "alice")->top < 105);
}

static void a_failing_command_is_told_with_what_it_said_and_the_letter_waits(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	command(f, "echo hello; echo 'lp: Error - The printer or class does not exist.' >&2; exit 1", "");
	assert_int_equal(print_as(f, &o), -1);
	assert_says(&f->e, ERR_PRINTER, "the letter for alice is not printed: [letter] command:");
	assert_says(&f->e, ERR_PRINTER, "The printer or class does not exist");
	command(f, "echo 'out of paper'; exit 1", "");
	assert_int_equal(print_as(f, &o), -1);
	assert_says(&f->e, ERR_PRINTER, "| out of paper |");
	/* what it repeats of the page or the PIN is not what it says */
	command(f, "cat; exit 1", "format = ps\n");
	assert_int_equal(print_as(f, &o), -1);
	assert_null(strstr(f->e.native, "show"));
	command(f, "echo bad " PIN " >&2; exit 1", "");
	assert_int_equal(print_as(f, &o), -1);
	assert_says(&f->e, ERR_PRINTER, "failed |  |");
	assert_int_equal(files_in(f, "spool"), 0);
}

static void a_command_that_hangs_is_ended_with_all_it_started(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	command(f, "echo $$ >pid; sleep 60 & sleep 60", "timeout = 1\n");
	assert_int_equal(print_as(f, &o), -1);
	assert_says(&f->e, ERR_PRINTER, "did not finish within 1 s");
	assert_int_equal(shell(f, "! kill -0 -- -$(cat spool/pid)"), 0);
}

static void letters_under_way_do_not_wait_for_each_other(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletters *l = NULL;
	struct pinletter *slow = NULL, *quick = NULL;
	struct pinletter_outcome o;
	command(f, "cat >$TOKENROLL_USER.pdf; [[ $TOKENROLL_USER != slow ]] || until [[ -e go ]]; do sleep 0.05; done",
		"");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), 0);
	f->facts.user = "slow";
	assert_int_equal(pinletter_begin(&slow, l, &f->facts, f->pin, NULL, &f->e), 0);
	f->facts.user = "quick";
	assert_int_equal(pinletter_begin(&quick, l, &f->facts, f->pin, NULL, &f->e), 0);
	struct pollfd p[2] = {{.fd = pinletter_fd(slow), .events = POLLIN},
			      {.fd = pinletter_fd(quick), .events = POLLIN}};
	assert_int_equal(poll(p, 2, 20000), 1);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(pinletter_end(&quick, &o, &f->e), 0);
	assert_null(quick);
	assert_int_equal(shell(f, "touch spool/go"), 0);
	assert_int_equal(pinletter_end(&slow, &o, &f->e), 0);
	pinletters_close(&l);
}

static void no_way_and_no_program_are_told_before_the_first_letter(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	struct pinletters *l = NULL;
	configure(f, "", "");
	refused(f, ERR_CONFIG, "letters cannot be printed: section [letter] has neither command nor folder");
	assert_says(&f->e, ERR_CONFIG, "command = lp");
	configure(f, "command = there-is-no-such-program -d x", "");
	refused(f, ERR_CONFIG, "there is no program there-is-no-such-program to run");
	configure(f, "command = /nowhere/lp", "");
	refused(f, ERR_CONFIG, "there is no program /nowhere/lp");
	/* and where it goes later */
	command(f, "cat >/dev/null", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), 0);
	assert_int_equal(shell(f, "rm printer"), 0);
	assert_int_equal(pinletter_print(l, &f->facts, f->pin, NULL, &o, &f->e), -1);
	assert_says(&f->e, ERR_CONFIG, "there is no program");
	pinletters_close(&l);
}

static void decrypted(struct letter_fixture *f, const char *file, const char *key)
{
	assert_int_equal(shell(f, "openssl cms -decrypt -inform DER -in '%s' -inkey %s.key -out page.pdf", file, key),
			 0);
	read_words(f);
	assert_int_equal(count_words(f, "4711"), 1);
}

static void in_the_folder_each_recipient_can_read_it_and_nobody_else(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	recipient(f, "one", "rsa:2048", FOR_RSA);
	recipient(f, "two", EC, FOR_EC);
	recipient(f, "other", EC, FOR_EC);
	configure(f, "folder = in/letters\nrecipient = one.pem\nrecipient = two.pem", "");
	f->facts.token_serial = "../../DE CC/1";
	printed(f, &o, PINLETTER_FILED);
	assert_string_equal(strrchr(o.file, '/'), "/alice-.._.._DE_CC_1.pdf.p7m");
	assert_int_equal(shell(f, "test $(stat -c %%a '%s') = 600 && test $(stat -c %%a in/letters) = 700", o.file), 0);
	decrypted(f, o.file, "one");
	decrypted(f, o.file, "two");
	assert_int_not_equal(shell(f, "openssl cms -decrypt -inform DER -in '%s' -inkey other.key -out x", o.file), 0);
	assert_int_equal(shell(f, "openssl asn1parse -inform DER -in '%s' | grep -q aes-256-gcm", o.file), 0);
	/* again: it is replaced; another token: one beside it; and nothing else is left */
	printed(f, &o, PINLETTER_FILED);
	assert_int_equal(files_in(f, "in/letters"), 1);
	f->facts.token_serial = NULL;
	printed(f, &o, PINLETTER_FILED);
	assert_string_equal(strrchr(o.file, '/'), "/alice.pdf.p7m");
	assert_int_equal(files_in(f, "in/letters"), 2);
	assert_int_equal(shell(f, "! grep -raq -e %s -e '4711 0815' in", PIN), 0);
}

static void without_a_printer_letters_wait_encrypted_and_nothing_is_lost(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	recipient(f, "one", EC, FOR_EC);
	command(f, "echo 'no printer' >&2; exit 1", "folder = letters\nrecipient = one.pem\n");
	printed(f, &o, PINLETTER_WAITS);
	assert_says(&o.why, ERR_PRINTER, "no printer");
	decrypted(f, o.file, "one");
	/* with the printer back none is put there */
	command(f, "cat >/dev/null", "folder = letters2\nrecipient = one.pem\n");
	printed(f, &o, PINLETTER_PRINTED);
	assert_int_equal(files_in(f, "letters2"), 0);
}

static void a_folder_that_cannot_be_used_is_a_matter_of_now(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletters *l = NULL;
	struct pinletter_outcome o;
	recipient(f, "one", EC, FOR_EC);
	write_text(f, "file", "");
	configure(f, "folder = file/letters\nrecipient = one.pem", "");
	refused(f, ERR_PRINTER, "letters cannot be put into the folder of [letter]");
	configure(f, "folder = letters\nrecipient = one.pem", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, NULL, NULL, &f->e), 0);
	assert_int_equal(shell(f, "rm -r letters && touch letters"), 0);
	assert_int_equal(pinletter_print(l, &f->facts, f->pin, NULL, &o, &f->e), -1);
	assert_int_equal(f->e.code, ERR_PRINTER);
	pinletters_close(&l);
}

static void a_certificate_that_nothing_can_be_encrypted_to_is_refused_by_name(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletters *l = NULL;
	char told[256] = "";
	recipient(f, "ca", EC, "-addext basicConstraints=critical,CA:TRUE");
	configure(f, "folder = letters\nrecipient = ca.pem", "");
	refused(f, ERR_CONFIG, "the certificate CN=ca");
	configure(f, "folder = letters\nrecipient = nowhere.pem", "");
	refused(f, ERR_CONFIG, "see that recipient in section [letter] names a file");
	recipient(f, "soon", EC, FOR_EC " -days 20");
	configure(f, "folder = letters\nrecipient = soon.pem", "");
	assert_int_equal(pinletters_open(&l, f->cfg, NULL, 0, false, note, told, &f->e), 0);
	assert_non_null(strstr(told, "CN=soon"));
	assert_non_null(strstr(told, "recipient in section [letter]"));
	pinletters_close(&l);
}

static void a_letter_that_cannot_be_made_is_no_matter_of_the_printer(void **state)
{
	struct letter_fixture *f = *state;
	struct pinletter_outcome o;
	command(f, "cat >page", "");
	assert_int_equal(secret_set(f->pin, "12\t34", 5, NULL), 0);
	assert_int_equal(print_as(f, &o), -1);
	assert_says(&f->e, ERR_LETTER, "the PIN has a character that cannot be printed");
	f->facts.user = "../alice";
	assert_int_equal(print_as(f, &o), -1);
	assert_int_equal(f->e.code, ERR_USAGE);
	assert_int_equal(files_in(f, "spool"), 0);
}

static void neither_it_nor_the_command_can_read_the_ca_key_or_the_database(void **state)
{
	struct letter_fixture *f = *state;
	struct landlock *l = NULL;
	struct pinletter_outcome o;
	if (!landlock_begin(&l, LANDLOCK_READ))
		skip();
	landlock_free(&l);
	command(f, "cat ../ca/pki/private/ca.key ../store/tokenroll.db && exit 1; cat ../ca/pki/ca.crt", "");
	assert_int_equal(
	    shell(f, "mkdir -p ca/pki/private && touch ca/pki/private/ca.key store/tokenroll.db ca/pki/ca.crt"), 0);
	printed(f, &o, PINLETTER_PRINTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_command_has_the_page_on_stdin_and_of_the_pin_nothing_else),
	    TEST(a_letter_is_in_the_language_of_the_person_and_has_the_columns_of_the_roster),
	    TEST(a_name_that_no_font_has_comes_with_the_user),
	    TEST(a_failing_command_is_told_with_what_it_said_and_the_letter_waits),
	    TEST(a_command_that_hangs_is_ended_with_all_it_started),
	    TEST(letters_under_way_do_not_wait_for_each_other),
	    TEST(no_way_and_no_program_are_told_before_the_first_letter),
	    TEST(in_the_folder_each_recipient_can_read_it_and_nobody_else),
	    TEST(without_a_printer_letters_wait_encrypted_and_nothing_is_lost),
	    TEST(a_folder_that_cannot_be_used_is_a_matter_of_now),
	    TEST(a_certificate_that_nothing_can_be_encrypted_to_is_refused_by_name),
	    TEST(a_letter_that_cannot_be_made_is_no_matter_of_the_printer),
	    TEST(neither_it_nor_the_command_can_read_the_ca_key_or_the_database),
	};
	return cmocka_run_group_tests_name("how a letter leaves", tests, NULL, NULL);
}
