/* Whatever is done to a roster, it is read as it is written or refused with a reason: nothing crashes, and nothing that
 * must not be in it gets through. The same changes are tried each time. */
#include "roster_fixture.h"

#include "core/config.h"
#include "core/utf8.h"

#include <strings.h>
#include <sys/mman.h>

#define TRIES 10000
#define ROOM 4096

static const char *const seeds[] = {
    "user,name,email,department,language,token_serial,key_type,room\r\n"
    "alice,\"M\xC3\xBCller, Alice\",alice@example.com,Sales,de,0123,ec:P-256,3.14\r\n"
    "bob,\"Bob \"\"B\"\"\",,\"two\nlines\",en,0124,,\r\n",
    "\xEF\xBB\xBFuser;name;email;;\r\nalice;Alice;;;\r\nbob;Bob;b@c;;\r\n;;;;\r\n",
    "sep=\t\nuser\tname\nalice\t\"A\"\nbob\tB\n",
    "\"user\"\r\"alice\"\r\"bob\"\r",
};

/* Bytes that mean something to one part or another. */
static const char special[] = "\"\"\"\",;\t\r\n\0\n\r@=\xEF\xBB\xBF\xFF\xFE\xC3\xA0 \x1B'+-E.";

static uint64_t seed = 0x9E3779B97F4A7C15U;

/* xorshift64* */
static size_t draw(size_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (size_t)(seed * 0x2545F4914F6CDD1DU >> 33) % below;
}

static size_t put_in(unsigned char *text, size_t len, size_t at, const void *bytes, size_t n)
{
	if (len + n > ROOM)
		return len;
	memmove(text + at + n, text + at, len - at);
	memcpy(text + at, bytes, n);
	return len + n;
}

static size_t mutate(unsigned char *text, size_t len)
{
	unsigned char piece[64];
	size_t at = draw(len + 1), n = draw(sizeof piece);
	switch (draw(6)) {
	case 0:
		text[at < len ? at : 0] ^= (unsigned char)(1U << draw(8));
		return len;
	case 1:
		n = n < len - at ? n : len - at;
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 2:
		n = n < len - at ? n : len - at;
		memcpy(piece, text + at, n);
		return put_in(text, len, draw(len + 1), piece, n);
	case 3:
		return draw(8) == 0 ? at : len;
	default:
		return put_in(text, len, at, special + draw(sizeof special - 1), 1);
	}
}

static void check_text(const char *text)
{
	assert_int_equal(utf8_span(text), strlen(text));
	for (; *text != '\0'; text++)
		assert_true((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static void check_good(const struct roster *r)
{
	long line = 0;
	assert_true(r->n > 0 && r->has[ROSTER_USER]);
	for (size_t i = 0; i < r->n; i++) {
		const struct roster_entry *p = &r->people[i];
		const char *const texts[] = {p->name, p->email, p->department, p->token_serial, p->extra};
		assert_true(p->line > line);
		line = p->line;
		assert_int_equal(config_check_user(p->user, NULL), 0);
		for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
			check_text(texts[j]);
		assert_true(p->language[0] == '\0' || strlen(p->language) == 2);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(strcasecmp(r->people[j].user, p->user), 0);
	}
	for (size_t i = 0; i < r->n_further; i++)
		assert_true(config_is_template_name(r->further[i]));
}

static void check_refused(const struct roster_file *f)
{
	assert_string_equal(err_code_name(f->e.code), "ROSTER");
	assert_true(f->e.what[0] != '\0' && err_advice(&f->e)[0] != '\0');
	assert_true(f->faults.n <= f->faults.n_all && f->faults.n <= ROSTER_FAULTS_KEPT);
	for (size_t i = 0; i < f->faults.n; i++) {
		check_text(f->faults.list[i].text);
		assert_true(f->faults.list[i].line >= (i > 0 ? f->faults.list[i - 1].line : 1));
	}
}

/* By way of standard input, which costs no file. */
static int read_stdin(struct roster_file *f, struct roster **ret, const unsigned char *bytes, size_t len)
{
	assert_int_equal(ftruncate(STDIN_FILENO, 0), 0);
	assert_int_equal(pwrite(STDIN_FILENO, bytes, len, 0), (ssize_t)len);
	assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_SET), 0);
	f->e = (struct err)ERR_INIT;
	return roster_read(ret, "-", KEYTYPE_ALL, &f->faults, &f->e);
}

static void a_changed_roster_is_read_or_refused_with_a_reason(void **state)
{
	struct roster_file *f = *state;
	unsigned char text[ROOM];
	size_t n_good = 0;
	int fd = memfd_create("roster", 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(fd), 0);
	for (size_t i = 0; i < TRIES; i++) {
		const char *from = seeds[i % (sizeof seeds / sizeof *seeds)];
		size_t len = strlen(from);
		struct roster *r = NULL;
		memcpy(text, from, len);
		for (size_t n = 1 + draw(8); n > 0; n--)
			len = mutate(text, len);
		if (read_stdin(f, &r, text, len) == 0) {
			check_good(r);
			n_good++;
		} else {
			assert_null(r);
			check_refused(f);
		}
		roster_free(&r);
	}
	print_message("%d changed rosters: %zu read, the others refused\n", TRIES, n_good);
	/* else the changes are too rough to get anywhere, or so small that they change nothing */
	assert_true(n_good > TRIES / 20 && n_good < TRIES * 3 / 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    FILE_PROMISE(a_changed_roster_is_read_or_refused_with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
