/* What a wrong file of a profile is told, and what is read all the same. */
#include "profile_fixture.h"

static void a_mistake_is_told_with_file_and_line(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		int line;
		const char *words;
	} wrong[] = {
	    {"[tokens]\n", 1, "there is no section [tokens]"},
	    {"[token\n", 1, "] behind"},
	    {"name = x\n", 1, "before the first [section]"},
	    {"[token]\nnmae = x\n", 2, "[token] has no key 'nmae'"},
	    {"[token]\nname = x\nname = y\n", 3, "given twice, first in line 2"},
	    {"[token]\nname =\n", 2, "has no value"},
	    {"[token]\njunk\n", 2, "neither a [section]"},
	    {"; x\n[match]\nmodel = x\n", 3, "[token] name is missing"},
	    {"[token]\nname = x\n", 1, "there is no [match]"},
	    {"[token]\nname = x\n[match]\n", 3, "would match every token"},
	    {TOKEN("x", "model = x") "[card]\nlabel = x\n", 6, "[card] has no key 'label'"},
	    {TOKEN("x", "atr = 3B 0"), 4, "even number of hex digits"},
	    {TOKEN("x", "atr = 3B 0G"), 4, "'G' does not belong in an ATR"},
	    {TOKEN("x", "model = x") "[key]\n\ngenerate = admin\n", 7, "'admin' is not one of user, so, no"},
	    {TOKEN("x", "model = x") "[key]\ntypes = ec:P-256 rsa\n", 6, "'rsa' is not a key type"},
	    {TOKEN("x", "model = x") "[key]\nid = fixed\n", 6, "id = fixed and place go together"},
	    {TOKEN("x", "model = x") "[key]\nid = fixed\nplace = 9x Auth\n", 7, "'9x' is not a CKA_ID"},
	    {TOKEN("x", "model = x") "[key]\nomit-private = SENSITIVE\n", 6, "'SENSITIVE' cannot be left out"},
	    {TOKEN("x", "model = x") "[key]\nadd-private = EXTRACTABLE=yes\n", 6, "cannot be added"},
	    {TOKEN("x", "model = x") "[key]\nadd-private = DECRYPT\n", 6, "needs =yes or =no"},
	    {TOKEN("x", "model = x") "[key]\nadd-private = 0x0162=01\n", 6, "not a vendor's attribute"},
	    {TOKEN("x", "model = x") "[key]\ncertificate-max = many\n", 6, "not a number from 0"},
	    {TOKEN("x", "model = x") "[pin]\ntries = -1\n", 6, "not a number from 0"},
	    {TOKEN("x", "model = x") "[module]\nrequired = yes\n", 6, "no module is named"},
	    {TOKEN("x", "model = x") "[module]\nopensc-pkcs11 = a = b; } app x {\n", 6, "letters, digits and _"},
	    {TOKEN("x", "model = x") "[module]\nopensc-pkcs11 = x\n", 6, "not a setting of OpenSC"},
	    {TOKEN("x", "model = x") "[module]\nopensc-driver = a\"; } app\n", 6, "not the name of a driver"},
	    {TOKEN("x", "model = x") "[key]\ndeselect = 00A4000002{file:2}\n", 6, "have no places"},
	    {TOKEN("x", "model = x") "[token]\nserial-apdu = 00F80000{lc}{pin}\n", 6, "have no places"},
	    {TOKEN("x", "model = x") "[orphan]\nlist = 80580000000000\n", 5, "go together"},
	    {TOKEN("x", "model = x") "[orphan]\nlist = 8058000000\nkey = CC\nfiles = C4\nread = 00B1000000\n"
				     "delete = 00E4020002{file:2}\n",
	     9, "{file:2}"},
	    {TOKEN("x", "model = x") "[unblock]\ncall = apdu\napdu = 002C0080{lc}{new}{file:2}\n", 5, "[orphan] only"},
	    {TOKEN("x", "model = x") "[objects]\nignore = certificate\n", 6, "cannot be ignored"},
	    {TOKEN("x", "model = x") "[objects]\nignore = thing id=01\n", 6, "no class of objects"},
	    {TOKEN("x", "model = x") "[objects]\nignore = data name=x\n", 6, "no condition"},
	    {TOKEN("x", "model = x") "[pin]\nmin = 9\nmax = 8\n", 6, "min is 9, but max is 8"},
	    {TOKEN("x", "model = x") "[pin]\nalphabet = emoji\n", 6, "'emoji' is not one of digits"},
	    {TOKEN("x", "model = x") "[pin]\nmax = 8\nrandom = 9\n", 7, "9 bytes is not what the rules allow"},
	    {TOKEN("x", "model = x") "[pin]\nalphabet = digits\nrandom-alphabet = hex\n", 7, "does not allow all"},
	    {TOKEN("x", "model = x") "[pin]\nmax = 4\nfactory = 12345\n", 7, "not what the rules of [pin] allow"},
	    {TOKEN("x", "model = x") "[pin]\nfactory-answer = 05*\n", 6, "go together"},
	    {TOKEN("x", "model = x") "[pin]\nown-answer = 05*\n", 6, "there is no factory-apdu"},
	    {TOKEN("x", "model = x") "[pin]\ntries-answer = 06##\n", 6, "there is no tries-apdu"},
	    {TOKEN("x", "model = x") "[pin]\ntries-apdu = 00F70080\ntries-answer = 06*\n", 7, "## is missing"},
	    {TOKEN("x", "model = x") "[unblock]\ncall = C_SetPIN\nold = {puk}\n", 6, "uses the PUK"},
	    {TOKEN("x", "model = x") "[so-pin]\nexists = no\n[unblock]\ncall = C_InitPIN\nlogin = so\n", 8,
	     "uses the SO PIN"},
	    {TOKEN("x", "model = x") "[unblock]\ncall = C_InitPIN\nold = {pin}\n", 7, "no old value"},
	    {TOKEN("x", "model = x") "[unblock]\ncall = tool\n", 6, "call = tool and tool"},
	    {TOKEN("x", "model = x") "[unblock]\ntool = ykman\n", 6, "call = tool and tool"},
	    {TOKEN("x", "model = x") "[unblock]\ncall = apdu\n", 6, "call = apdu and apdu"},
	    {TOKEN("x", "model = x") "[change-pin]\nnew = x\n", 5, "there is no {new}"},
	    {TOKEN("x", "model = x") "[change-pin]\nnew = {lc}{new}\n", 6, "belongs in a command"},
	    {TOKEN("x", "model = x") "[init]\nleaves = factory\n", 6, "does not say the factory's value"},
	    {TOKEN("x", "model = x") "[guide fr]\n", 5, "there is no section [guide fr]"},
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char where[64];
		fixture_write(f->first, "bad.conf", wrong[i].text);
		const char *folders[] = {f->first};
		if (profiles_load(&f->set, folders, 1, &f->e) == 0)
			fail_msg("%s was taken", wrong[i].text);
		fixture_expect_error(f, ERR_CONFIG, wrong[i].words);
		snprintf(where, sizeof where, "/a/bad.conf, line %d: ", wrong[i].line);
		fixture_expect_error(f, ERR_CONFIG, where);
		assert_null(f->set);
	}
}

static void a_line_or_a_byte_that_cannot_be_read_is_told(void **state)
{
	struct fixture *f = *state;
	char text[400];
	snprintf(text, sizeof text, "[token]\nname = %0250d\n", 1);
	assert_int_equal(profile_parse(&f->one, "/x/long.conf", text, strlen(text), &f->e), -1);
	fixture_expect_error(f, ERR_CONFIG, "long.conf, line 2: the line is longer than 198 bytes");
	assert_int_equal(profile_parse(&f->one, "/x/nul.conf", "[token]\nname = x\0y\n", 19, &f->e), -1);
	fixture_expect_error(f, ERR_CONFIG, "NUL byte");
	mkdir(f->second, 0700);
	char path[160];
	snprintf(path, sizeof path, "%s/dir.conf", f->second);
	mkdir(path, 0700);
	const char *folders[] = {f->second};
	assert_int_equal(profiles_load(&f->set, folders, 1, &f->e), -1);
	fixture_expect_error(f, ERR_CONFIG, "dir.conf");
}

static void files_of_other_editors_are_read(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "\xEF\xBB\xBF[token]\r\n\tname = x ; the name\r\n  [match]\r\n# all\r\nmodel=x";
	assert_int_equal(profile_parse(&f->one, "/x/dos.conf", text, strlen(text), &f->e), 0);
	assert_string_equal(f->one->name, "x");
	assert_string_equal(f->one->id, "dos");
	assert_int_equal(f->one->text.len, strlen(text));
}

static void a_wrong_command_is_told_when_the_file_is_read(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *apdu, *words;
	} wrong[] = {
	    {"00240", "even number of hex digits"},
	    {"00 24 00 81", "even number of hex digits"},
	    {"0024", "four bytes"},
	    {"{new}", "four bytes"},
	    {"002400810F{new:8:FF}{new:8:FF}", "Lc says 15 bytes of data, but there are 16"},
	    {"0024008100{new:8:FF}", "Lc says 0"},
	    {"00240081{new:8:FF}", "Lc, is missing"},
	    {"0024008108{new}", "needs {lc}"},
	    {"0024008108{new:0}", "not a width"},
	    {"0024008108{new:8:F}", "one byte in hex"},
	    {"0024008108{pni:8}", "{pni} is no place"},
	    {"0024008108{new:8", "without its other half"},
	    {"0024008108new:8}", "even number of hex digits"},
	    {"0024008108{{new:8}}", "without its other half"},
	    {"00240081{lc}", "before data"},
	    {"0024008108{lc}{new:8}", "behind the first four bytes"},
	    {"00240081{lc}{new:200:00}{new:56:00}", "at most 255"},
	    {"00240081{lc}{new}{new}{new}{new}{new}{new}{new}", "more than 8 parts"},
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char text[256];
		snprintf(text, sizeof text, TOKEN("x", "model = x") "[unblock]\ncall = apdu\napdu = %s\n",
			 wrong[i].apdu);
		if (profile_parse(&f->one, "/x/x.conf", text, strlen(text), &f->e) == 0)
			fail_msg("%s was taken", wrong[i].apdu);
		fixture_expect_error(f, ERR_CONFIG, wrong[i].words);
		fixture_expect_error(f, ERR_CONFIG, "x.conf, line 7: ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_mistake_is_told_with_file_and_line),
	    TEST(a_line_or_a_byte_that_cannot_be_read_is_told),
	    TEST(files_of_other_editors_are_read),
	    TEST(a_wrong_command_is_told_when_the_file_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
