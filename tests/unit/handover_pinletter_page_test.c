/* What is on the page of a letter, and where, as poppler and Ghostscript read it. */
#include "pinletter_fixture.h"

#include "handover/pinletter_page.h"
#include "handover/pinletter_text.h"

/* Fontconfig keeps what it has found as long as the process lives, and the sanitizer of `make asan` looks for that. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig";
}

/* Draws the letter of a language into page.pdf or page.ps. */
static int draw(struct letter_fixture *f, const char *language, bool strict)
{
	struct pinletter_texts *texts = NULL;
	struct pinletter_parts parts = {.font = NULL};
	struct pinletter_sheet sheet = PINLETTER_SHEET_INIT;
	const struct secret *puk = f->puk->len != 0 ? f->puk : NULL;
	if (pinletter_texts_load(&texts, f->cfg, &f->e) != 0)
		return -1;
	size_t i = pinletter_texts_find(texts, language);
	int got = pinletter_texts_render(&parts, texts, i, &f->facts, puk != NULL, &f->e);
	const struct pinletter_page page = {.format = f->cfg->letter.format,
					    .file = pinletter_texts_file(texts, i),
					    .language = language,
					    .parts = &parts,
					    .pin = f->pin,
					    .puk = puk,
					    .strict = strict};
	if (got == 0)
		got = pinletter_sheet_open(&sheet, &f->e);
	if (got == 0)
		got = pinletter_page_draw(&page, &sheet, &f->e);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/page.%s", f->dir, page.format == CONFIG_LETTER_PS ? "ps" : "pdf");
	if (got == 0)
		got = file_write(path, sheet.data, sheet.len, 0600, &f->e);
	pinletter_sheet_close(&sheet);
	pinletter_parts_free(&parts);
	pinletter_texts_free(&texts);
	return got;
}

static void drawn(struct letter_fixture *f, const char *language, bool strict)
{
	if (draw(f, language, strict) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
	if (f->cfg->letter.format == CONFIG_LETTER_PDF)
		read_words(f);
}

static bool is_in(const struct word *w, const struct pinletter_box *b)
{
	/* what poppler calls a word's height is the font's, which may be more than the line's */
	const double slack = 0.6;
	return w->left >= b->x - slack && w->top >= b->y - slack && w->right <= b->x + b->w + slack &&
	       w->bottom <= b->y + b->h + slack;
}

static void each_shipped_language_is_one_a4_page_that_reads_back(void **state)
{
	static const struct {
		const char *language, *words[4];
	} want[] = {
	    {"en", {"PINs", "lock", "Never", "install"}},
	    {"de", {"Schlüssel", "Lücken", "Falsche", "vernichten"}},
	    {"ru", {"ключ", "Неверные", "вставьте", "токен"}},
	};
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "[template]\ncompany = Example GmbH\nadmin_contact = phone 4711");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		drawn(f, want[i].language, true);
		assert_int_equal(shell(f, "grep -q '^Page size: .*(A4)$' info"), 0);
		assert_int_equal(shell(f, "pdftotext page.pdf text"), 0);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(shell(f, "grep -qi '%s' text", want[i].words[k]), 0);
		assert_int_equal(shell(f, "grep -q 'DECC0100001' text && grep -q 2030-03-17 text && grep -q 4711 text"),
				 0);
	}
}

static void the_name_is_behind_the_window_and_the_pin_is_not(void **state)
{
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	drawn(f, "en", true);
	/* the first of each: the text has the name, too */
	assert_true(is_in(find_word(f, "Alice"), &pinletter_window));
	assert_true(is_in(find_word(f, "Example"), &pinletter_window));
	assert_true(is_in(find_word(f, "Accounting"), &pinletter_window));
	assert_true(is_in(find_word(f, "4711"), &pinletter_pin));
	assert_true(is_in(find_word(f, "0815"), &pinletter_pin));
	assert_int_equal(count_words(f, "4711"), 1);
	/* DIN 680, with the page pushed to either end of the envelope */
	for (size_t i = 0; i < f->n_words; i++) {
		const struct word *w = &f->words[i];
		if (w->top < PINLETTER_FOLD_1)
			assert_true(is_in(w, &pinletter_window));
	}
}

static void folded_the_pin_lies_between_two_layers(void **state)
{
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	f->puk->len = 0;
	assert_int_equal(secret_set(f->puk, "99887766", 8, NULL), 0);
	drawn(f, "de", true);
	static const char *const secrets[] = {"4711", "0815", "9988", "7766"};
	/* the lowest part reaches up from its fold, so far as it is long; and its pattern ends on the page */
	const double covered = PINLETTER_FOLD_2 - (PINLETTER_HEIGHT - PINLETTER_FOLD_2);
	for (size_t i = 0; i < 4; i++) {
		assert_true(find_word(f, secrets[i])->top > covered);
		assert_true(find_word(f, secrets[i])->bottom < PINLETTER_FOLD_2);
		assert_true(2 * PINLETTER_FOLD_2 - find_word(f, secrets[i])->top < PINLETTER_HEIGHT);
	}
	/* and no other text lies on it, where the pattern is */
	for (size_t i = 0; i < f->n_words; i++)
		assert_true(f->words[i].bottom < 2 * PINLETTER_FOLD_2 - find_word(f, "9988")->bottom);
}

static void a_pin_is_large_in_groups_and_in_a_font_that_tells_0_from_O(void **state)
{
	static const struct {
		const char *pin, *first;
		size_t words;
	} want[] = {{"1234", "1234", 1},     {"12345", "12345", 1},   {"123456", "123", 2},      {"1234567", "1234", 2},
		    {"123456789", "123", 3}, {"0O1lIo8B", "0O1l", 2}, {"a b<&>{{", "a␣b&lt;", 2}};
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		size_t inside = 0;
		assert_int_equal(secret_set(f->pin, want[i].pin, strlen(want[i].pin), NULL), 0);
		drawn(f, "en", true);
		for (size_t k = 0; k < f->n_words; k++)
			inside += is_in(&f->words[k], &pinletter_pin);
		assert_int_equal(inside, want[i].words);
		assert_true(is_in(find_word(f, want[i].first), &pinletter_pin));
		assert_true(find_word(f, want[i].first)->bottom - find_word(f, want[i].first)->top > 8);
	}
	assert_int_equal(
	    shell(f, "pdffonts page.pdf >fonts && grep -qE 'DejaVuSansMono|SansMono|LiberationMono' fonts"), 0);
}

static void a_puk_is_printed_only_if_there_is_one(void **state)
{
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	drawn(f, "en", true);
	assert_int_equal(count_words(f, "PUK:"), 0);
	assert_int_equal(secret_set(f->puk, "12345678", 8, NULL), 0);
	drawn(f, "en", true);
	assert_int_equal(count_words(f, "PUK:"), 1);
	assert_int_equal(count_words(f, "5678"), 1);
}

static void a_pin_that_paper_cannot_show_is_refused(void **state)
{
	static const char *const bad[] = {"12\t34",
					  "12\n34",
					  "\xFF\xFE"
					  "1234",
					  "12\u200B34",
					  "12\u202E34",
					  ""};
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(secret_set(f->pin, bad[i], strlen(bad[i]), NULL), 0);
		assert_int_equal(draw(f, "en", true), -1);
		assert_says(&f->e, ERR_LETTER, "the PIN has a character that cannot be printed");
	}
	char much[SECRET_MAX];
	memset(much, 'W', sizeof much);
	for (size_t len = 250; len < SECRET_MAX; len += 300) {
		assert_int_equal(secret_set(f->pin, much, len, NULL), 0);
		assert_int_equal(draw(f, "en", true), -1);
		assert_says(&f->e, ERR_LETTER, "the PIN is too long");
	}
	assert_int_equal(secret_set(f->pin, much, 64, NULL), 0);
	drawn(f, "en", true);
}

/* An accent has a place and no width; what of it leaves the box is not drawn. */
static bool is_mark(const struct word *w)
{
	return w->right - w->left < 0.01;
}

static void whatever_a_name_is_the_page_stays_whole(void **state)
{
	char wide[600], words[600] = "";
	memset(wide, 'W', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	for (size_t i = 0; i < 60; i++)
		strcat(words, "von Wurz ");
	const char *const names[] = {
	    "<b>&amp;</b></window><pin>0000</pin>",
	    "{{pin}}{{#user}}{{/",
	    "& < > \" '",
	    "a\nb\r\n\tc\x1b[2Jd\x7f",
	    "\u202Eecila\u202C",
	    "שלום עולם",
	    "محمد",
	    "🦊 Fox 👩‍👩‍👧",
	    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌"
	    "̌"
	    "͘",
	    "\xC3\x28 \xFF",
	    wide,
	    words,
	    "Ивáн Ίων 王秀英",
	};
	struct letter_fixture *f = *state;
	configure(f, "command = lp", "");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		f->facts.name = names[i];
		f->facts.department = names[i];
		f->facts.token_label = names[i];
		drawn(f, "en", false);
		assert_true(is_in(find_word(f, "4711"), &pinletter_pin));
		assert_int_equal(count_words(f, "0000"), 0);
		for (size_t k = 0; k < f->n_words; k++)
			assert_true(f->words[k].top > PINLETTER_FOLD_1 || is_in(&f->words[k], &pinletter_window) ||
				    is_mark(&f->words[k]));
	}
	f->facts.name = "<b>&amp;</b>";
	f->facts.department = f->facts.token_label = NULL;
	drawn(f, "en", false);
	assert_int_equal(shell(f, "pdftotext page.pdf text && grep -qF '<b>&amp;</b>' text"), 0);
}

static void postscript_is_the_same_page(void **state)
{
	struct letter_fixture *f = *state;
	configure(f, "command = lp\nformat = ps", "");
	drawn(f, "ru", true);
	assert_int_equal(shell(f, "head -c 4 page.ps | grep -q '%%!PS' && grep -q '%%%%Pages: 1$' page.ps"), 0);
	/* both words of the PIN stand on one line; read back by an interpreter */
	assert_int_equal(shell(f, "ps2txt page.ps text && grep -q '4711 *0815' text && grep -q 'Неверные' text"), 0);
	assert_int_equal(shell(f, "gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -o page.pdf page.ps"), 0);
	read_words(f);
	assert_true(is_in(find_word(f, "4711"), &pinletter_pin));
	assert_true(is_in(find_word(f, "Alice"), &pinletter_window));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(each_shipped_language_is_one_a4_page_that_reads_back),
	    TEST(the_name_is_behind_the_window_and_the_pin_is_not),
	    TEST(folded_the_pin_lies_between_two_layers),
	    TEST(a_pin_is_large_in_groups_and_in_a_font_that_tells_0_from_O),
	    TEST(a_puk_is_printed_only_if_there_is_one),
	    TEST(a_pin_that_paper_cannot_show_is_refused),
	    TEST(whatever_a_name_is_the_page_stays_whole),
	    TEST(postscript_is_the_same_page),
	};
	return cmocka_run_group_tests_name("the page of a letter", tests, NULL, NULL);
}
