/* Profiles of tokens: what the shipped ones say, which token gets which, and what a wrong file is told. */
#include "core/keytype.h"
#include "pkcs11/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHIPPED "pkcs11/profiles"
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct fixture {
	char dir[64], first[80], second[80];
	struct profiles *set;
	struct profile *one;
	struct secret *secret, *out;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/tokenroll-profile-XXXXXX");
	*state = f;
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->first, sizeof f->first, "%s/a", f->dir);
	snprintf(f->second, sizeof f->second, "%s/b", f->dir);
	mkdir(f->first, 0700);
	mkdir(f->second, 0700);
	f->secret = secret_new();
	f->out = secret_new();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	profiles_free(&f->set);
	profile_free(&f->one);
	secret_free(&f->secret);
	secret_free(&f->out);
	free(f);
	return 0;
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void load(struct fixture *f, const char *first, const char *second)
{
	const char *folders[] = {first, second};
	profiles_free(&f->set);
	if (profiles_load(&f->set, folders, second != NULL ? 2 : 1, &f->e) != 0)
		fail_msg("%s", f->e.what);
}

static const struct profile *shipped(struct fixture *f, const char *id)
{
	const struct profile *p;
	if (f->set == NULL)
		load(f, SHIPPED, NULL);
	for (size_t i = 0; (p = profiles_at(f->set, i)) != NULL; i++) {
		if (strcmp(p->id, id) == 0)
			return p;
	}
	fail_msg("there is no profile %s", id);
	return NULL;
}

/* A profile from text, after the least that each needs. */
static const struct profile *parse(struct fixture *f, const char *text)
{
	char whole[4096];
	snprintf(whole, sizeof whole, "[token]\nname = x\n[match]\nmodel = x\n%s", text);
	profile_free(&f->one);
	if (profile_parse(&f->one, "/x/x.conf", whole, strlen(whole), &f->e) != 0)
		fail_msg("%s", f->e.what);
	return f->one;
}

static void expect_error(struct fixture *f, enum err_code code, const char *words)
{
	assert_int_equal(f->e.code, code);
	if (strstr(f->e.what, words) == NULL)
		fail_msg("%s, but expected \"%s\"", f->e.what, words);
	assert_true(err_advice(&f->e)[0] != '\0');
}

/* ---- what is shipped */

static void each_shipped_file_is_complete(void **state)
{
	struct fixture *f = *state;
	const struct profile *p;
	size_t n = 0;
	load(f, SHIPPED, NULL);
	for (; (p = profiles_at(f->set, n)) != NULL; n++) {
		assert_true(p->module.enroll.n != 0);
		assert_non_null(p->pin[PROFILE_PIN].name);
		for (size_t l = 0; l < PROFILE_LANGUAGE_COUNT; l++) {
			const struct profile_guide *g = &p->guide[l];
			if (g->token == NULL || g->insert == NULL || g->pin == NULL || g->install == NULL)
				fail_msg("%s: a part of guide %zu is missing", p->id, l);
		}
	}
	assert_int_equal(n, 11);
}

static void only_what_was_tested_says_so(void **state)
{
	struct fixture *f = *state;
	static const char *const tested[] = {"smartcard-hsm", "softhsm2", "yubikey-piv"};
	const struct profile *p;
	size_t n = 0;
	load(f, SHIPPED, NULL);
	for (size_t i = 0; (p = profiles_at(f->set, i)) != NULL; i++) {
		if (p->tested != NULL)
			assert_string_equal(p->id, tested[n++]);
	}
	assert_int_equal(n, COUNT(tested));
}

static const struct {
	const char *id;
	struct profile_token t;
} known[] = {
    {"softhsm2",
     {{[PROFILE_MANUFACTURER] = "SoftHSM project", [PROFILE_MODEL] = "SoftHSM v2", [PROFILE_LABEL] = "OpenPGP card"}}},
    {"smartcard-hsm",
     {{[PROFILE_MANUFACTURER] = "www.CardContact.de",
       [PROFILE_MODEL] = "PKCS#15 emulated",
       [PROFILE_LABEL] = "alice (UserPIN)",
       [PROFILE_SERIAL] = "DENK0104068"}}},
    {"yubikey-piv",
     {{[PROFILE_MANUFACTURER] = "Yubico (www.yubico.com)",
       [PROFILE_MODEL] = "YubiKey YK5",
       [PROFILE_LABEL] = "YubiKey PIV #12345678"}}},
    {"yubikey-piv",
     {{[PROFILE_MANUFACTURER] = "piv_II",
       [PROFILE_MODEL] = "PKCS#15 emulated",
       [PROFILE_LABEL] = "alice",
       [PROFILE_READER] = "Yubico YubiKey OTP+FIDO+CCID 00 00"}}},
    {"piv",
     {{[PROFILE_MANUFACTURER] = "piv_II",
       [PROFILE_MODEL] = "PKCS#15 emulated",
       [PROFILE_READER] = "Alcor Micro AU9560 00 00"}}},
    {"opensc-pkcs15",
     {{[PROFILE_MANUFACTURER] = "Aventra Ltd.", [PROFILE_MODEL] = "PKCS#15", [PROFILE_LABEL] = "MyEID (alice)"}}},
    {"openpgp",
     {{[PROFILE_MANUFACTURER] = "ZeitControl",
       [PROFILE_MODEL] = "PKCS#15 emulated",
       [PROFILE_LABEL] = "OpenPGP card (User PIN)"}}},
    /* the same key and the same ATR as the PIV application */
    {"openpgp",
     {{[PROFILE_MANUFACTURER] = "Yubico",
       [PROFILE_MODEL] = "PKCS#15 emulated",
       [PROFILE_LABEL] = "OpenPGP card (User PIN)",
       [PROFILE_READER] = "Yubico YubiKey OTP+FIDO+CCID 00 00",
       [PROFILE_ATR] = "3BFD1300008131FE158073C021C057597562694B657940"}}},
    {"rutoken-ecp",
     {{[PROFILE_MANUFACTURER] = "Aktiv Co.",
       [PROFILE_MODEL] = "Rutoken ECP",
       [PROFILE_LABEL] = "Rutoken ECP <no label>",
       [PROFILE_READER] = "Aktiv Rutoken ECP 00 00"}}},
    {"rutoken-ecp", {{[PROFILE_MANUFACTURER] = "Aktiv Co.", [PROFILE_MODEL] = "PKCS#15"}}},
    {"jacarta", {{[PROFILE_MANUFACTURER] = "Aladdin R.D.", [PROFILE_MODEL] = "JaCarta Laser"}}},
    {"safenet", {{[PROFILE_MANUFACTURER] = "SafeNet, Inc.", [PROFILE_MODEL] = "eToken"}}},
    {"safenet", {{[PROFILE_MANUFACTURER] = "Gemalto", [PROFILE_MODEL] = "ID Prime MD"}}},
    {"safenet", {{[PROFILE_MANUFACTURER] = "Gemalto", [PROFILE_MODEL] = "PKCS#15 emulated"}}},
    {"epass2003",
     {{[PROFILE_MANUFACTURER] = "EnterSafe", [PROFILE_MODEL] = "PKCS#15", [PROFILE_LABEL] = "User PIN (alice)"}}},
    {"epass2003",
     {{[PROFILE_MANUFACTURER] = "OpenSC Project",
       [PROFILE_MODEL] = "PKCS#15",
       [PROFILE_ATR] = "3B9F958131FE9F006646530523002571DF000003900096",
       [PROFILE_MODULE] = "/usr/lib64/opensc-pkcs11.so"}}},
    {"tpm2",
     {{[PROFILE_MANUFACTURER] = "Infineon",
       [PROFILE_MODEL] = "SLB9670",
       [PROFILE_SERIAL] = "0000000000000000",
       [PROFILE_MODULE] = "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so"}}},
    {"builtin", {{[PROFILE_MANUFACTURER] = "ACME", [PROFILE_MODEL] = "Token 1", [PROFILE_LABEL] = "x"}}},
    {"builtin", {{NULL}}},
};

static void each_token_gets_its_own_profile(void **state)
{
	struct fixture *f = *state;
	load(f, SHIPPED, NULL);
	for (size_t i = 0; i < COUNT(known); i++) {
		const char *got = profiles_match(f->set, &known[i].t)->id;
		if (strcmp(got, known[i].id) != 0)
			fail_msg("%zu: %s, but got %s", i, known[i].id, got);
	}
}

/* The profiles for whatever OpenSC shows fit many; of the others only the right one may. */
static void no_other_profile_fits_a_token(void **state)
{
	struct fixture *f = *state;
	char from[4096], to[160];
	const struct profile *p;
	load(f, SHIPPED, NULL);
	struct profiles *all = f->set;
	f->set = NULL;
	for (size_t k = 0; (p = profiles_at(all, k)) != NULL; k++) {
		if (strcmp(p->id, "opensc-pkcs15") == 0 || strcmp(p->id, "piv") == 0)
			continue;
		assert_non_null(realpath(p->file, from));
		snprintf(to, sizeof to, "%s/one.conf", f->first);
		unlink(to);
		assert_int_equal(symlink(from, to), 0);
		load(f, f->first, NULL);
		for (size_t i = 0; i < COUNT(known); i++) {
			bool fits = strcmp(profiles_match(f->set, &known[i].t)->id, "one") == 0;
			bool other = strcmp(known[i].id, "softhsm2") == 0 && strcmp(p->id, "openpgp") == 0;
			if (fits != (strcmp(known[i].id, p->id) == 0) && !other)
				fail_msg("%s %s token %zu", p->id, fits ? "fits" : "does not fit", i);
		}
	}
	profiles_free(&all);
}

static void a_card_that_no_module_describes_is_known_by_reader_or_atr(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *id, *reader, *atr;
	} cards[] = {
	    {"smartcard-hsm", "ACS ACR38 00 00", "3B8E80018031815448534D3173802140810718"},
	    {"smartcard-hsm", "Nitrokey Nitrokey HSM (DENK01040680000 ) 00 00", NULL},
	    {"yubikey-piv", "Yubico YubiKey OTP+FIDO+CCID 00 00", "3BFD1300008131FE158073C021C057597562694B657940"},
	    {"openpgp", "x", "3BDA18FF81B1FE751F030031F573C001600090001C"},
	    {"rutoken-ecp", "Aktiv Rutoken ECP 00 00", NULL},
	    {"safenet", "x", "3B7F96000080318065B08461 60FB120FFD829000"},
	    {"jacarta", "Aladdin R.D. JaCarta 00 00", NULL},
	    {"epass2003", "Feitian ePass2003 00 00", NULL},
	    {"builtin", "ACS ACR38 00 00", "3B00"},
	};
	load(f, SHIPPED, NULL);
	for (size_t i = 0; i < COUNT(cards); i++) {
		char atr[80] = "";
		for (const char *c = cards[i].atr; c != NULL && *c != '\0'; c++) {
			if (*c != ' ')
				strncat(atr, c, 1);
		}
		struct profile_token t = {{[PROFILE_READER] = cards[i].reader, [PROFILE_ATR] = atr}};
		assert_string_equal(profiles_match(f->set, &t)->id, cards[i].id);
	}
}

static void the_nearest_profile_says_what_agrees(void **state)
{
	struct fixture *f = *state;
	unsigned facts;
	load(f, SHIPPED, NULL);
	/* another edition of a card: the ATR is alike */
	struct profile_token t = {{[PROFILE_READER] = "ACS", [PROFILE_ATR] = "3B7F96000080318065B08400112233445566"}};
	assert_string_equal(profiles_match(f->set, &t)->id, "builtin");
	assert_string_equal(profiles_nearest(f->set, &t, &facts)->id, "safenet");
	assert_int_equal(facts, 1u << PROFILE_ATR);
	/* a maker's next model */
	t = (struct profile_token){{[PROFILE_MANUFACTURER] = "Aktiv Co.", [PROFILE_MODEL] = "Rutoken lite"}};
	assert_string_equal(profiles_match(f->set, &t)->id, "builtin");
	assert_string_equal(profiles_nearest(f->set, &t, &facts)->id, "rutoken-ecp");
	assert_int_equal(facts, 1u << PROFILE_MANUFACTURER);
	t = (struct profile_token){{[PROFILE_MANUFACTURER] = "ACME"}};
	assert_string_equal(profiles_nearest(f->set, &t, &facts)->id, "builtin");
	assert_int_equal(facts, 0);
}

static void slots_that_hold_nothing_for_a_vpn_are_passed_over(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = shipped(f, "openpgp");
	assert_true(profile_hides(p, "OpenPGP card (User PIN (sig))", "PKCS#15 emulated"));
	assert_false(profile_hides(p, "OpenPGP card (User PIN)", "PKCS#15 emulated"));
	p = shipped(f, "jacarta");
	assert_true(profile_hides(p, "x", "JaCarta GOST 2.0"));
	assert_false(profile_hides(p, "x", "JaCarta Laser"));
	assert_false(profile_hides(shipped(f, "softhsm2"), "", ""));
}

/* ---- folders, and which of several counts */

#define TOKEN(name, match) "[token]\nname = " name "\n[match]\n" match "\n"

static void a_drop_in_replaces_adds_and_removes(void **state)
{
	struct fixture *f = *state;
	write_file(f->first, "one.conf", TOKEN("one", "model = 1"));
	write_file(f->first, "two.conf", TOKEN("two", "model = 2"));
	write_file(f->first, "three.conf", TOKEN("three", "model = 3"));
	write_file(f->first, "notes.txt", "not a profile");
	write_file(f->first, ".hidden.conf", "not a profile");
	load(f, f->first, "/nowhere/at/all");
	assert_non_null(profiles_at(f->set, 2));
	assert_null(profiles_at(f->set, 3));
	write_file(f->second, "one.conf", TOKEN("another one", "model = 1"));
	write_file(f->second, "two.conf", "; not here, please\n\n# nor here\n");
	write_file(f->second, "four.conf", TOKEN("four", "model = 4"));
	load(f, f->first, f->second);
	static const char *const names[] = {"four", "another one", "three"};
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(profiles_at(f->set, i)->name, names[i]);
	assert_null(profiles_at(f->set, 3));
	assert_int_equal(profiles_at(f->set, 1)->folder, 1);
}

static void the_pattern_with_the_most_characters_wins(void **state)
{
	struct fixture *f = *state;
	struct profile_token t = {
	    {[PROFILE_MANUFACTURER] = "ACME Ltd.", [PROFILE_MODEL] = "T1", [PROFILE_SERIAL] = "0815"}};
	write_file(f->first, "a.conf", TOKEN("any", "manufacturer = *"));
	write_file(f->first, "b.conf", TOKEN("maker", "manufacturer = acme*"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "b");
	write_file(f->first, "c.conf", TOKEN("model", "manufacturer = acme*\nmodel = t?"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "c");
	write_file(f->first, "d.conf", TOKEN("that one", "manufacturer = acme*\nserial = 0814\nserial = 0815"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "d");
	t.fact[PROFILE_SERIAL] = "0816";
	assert_string_equal(profiles_match(f->set, &t)->id, "c");
	/* as good as another one: the admin's own folder counts */
	write_file(f->second, "z.conf", TOKEN("own", "manufacturer = acme*\nmodel = t?"));
	load(f, f->first, f->second);
	assert_string_equal(profiles_match(f->set, &t)->id, "z");
}

static void a_section_that_is_given_again_is_another_way(void **state)
{
	struct fixture *f = *state;
	struct profile_token t = {{[PROFILE_MODEL] = "T2"}};
	write_file(f->first, "a.conf", TOKEN("a", "model = T1\n[match]\nmodel = T2"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "a");
	/* but in one section all keys have to fit */
	write_file(f->first, "a.conf", TOKEN("a", "model = T2\nmanufacturer = ACME"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "builtin");
}

/* ---- wrong files */

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
	    {TOKEN("x", "model = x") "[key]\nmax = many\n", 6, "not a number from 0"},
	    {TOKEN("x", "model = x") "[key]\nseconds = -1\n", 6, "not a number from 0"},
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
		write_file(f->first, "bad.conf", wrong[i].text);
		const char *folders[] = {f->first};
		if (profiles_load(&f->set, folders, 1, &f->e) == 0)
			fail_msg("%s was taken", wrong[i].text);
		expect_error(f, ERR_CONFIG, wrong[i].words);
		snprintf(where, sizeof where, "/a/bad.conf, line %d: ", wrong[i].line);
		expect_error(f, ERR_CONFIG, where);
		assert_null(f->set);
	}
}

static void a_line_or_a_byte_that_cannot_be_read_is_told(void **state)
{
	struct fixture *f = *state;
	char text[400];
	snprintf(text, sizeof text, "[token]\nname = %0250d\n", 1);
	assert_int_equal(profile_parse(&f->one, "/x/long.conf", text, strlen(text), &f->e), -1);
	expect_error(f, ERR_CONFIG, "long.conf, line 2: the line is longer than 198 bytes");
	assert_int_equal(profile_parse(&f->one, "/x/nul.conf", "[token]\nname = x\0y\n", 19, &f->e), -1);
	expect_error(f, ERR_CONFIG, "NUL byte");
	mkdir(f->second, 0700);
	char path[160];
	snprintf(path, sizeof path, "%s/dir.conf", f->second);
	mkdir(path, 0700);
	const char *folders[] = {f->second};
	assert_int_equal(profiles_load(&f->set, folders, 1, &f->e), -1);
	expect_error(f, ERR_CONFIG, "dir.conf");
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

/* ---- what a file says, and what it does not */

static void what_a_file_does_not_say_is_as_the_standard_has_it(void **state)
{
	struct fixture *f = *state;
	write_file(f->first, "x.conf", TOKEN("x", "model = x"));
	load(f, f->first, NULL);
	const struct profile_token none = {{NULL}};
	const struct profile *both[] = {profiles_match(f->set, &none), profiles_at(f->set, 0)};
	for (size_t i = 0; i < 2; i++) {
		const struct profile *p = both[i];
		assert_int_equal(p->key.generate, PROFILE_USER);
		assert_int_equal(p->key.certificate, PROFILE_USER);
		assert_int_equal(p->key.delete, PROFILE_USER);
		assert_int_equal(p->key.id, PROFILE_ID_FREE);
		assert_int_equal(p->key.types, 0);
		assert_int_equal(p->key.always_authenticate, PROFILE_ASK_TOKEN);
		assert_int_equal(p->init.how, PROFILE_HOW_INIT_TOKEN);
		assert_false(p->init.so_pin_current || p->init.leaves_factory || p->init.once);
		assert_int_equal(p->call[PROFILE_CHANGE_PIN].how, PROFILE_HOW_SET_PIN);
		assert_int_equal(p->call[PROFILE_CHANGE_PIN].login, PROFILE_NOBODY);
		assert_int_equal(p->call[PROFILE_CHANGE_PIN].needs, 1u << PROFILE_PIN | 1u << PROFILE_NEW);
		assert_int_equal(p->call[PROFILE_CHANGE_SO_PIN].login, PROFILE_SO);
		assert_int_equal(p->call[PROFILE_CHANGE_PUK].how, PROFILE_HOW_NOT);
		assert_int_equal(p->call[PROFILE_UNBLOCK].how, PROFILE_HOW_INIT_PIN);
		assert_int_equal(p->call[PROFILE_UNBLOCK].needs, 1u << PROFILE_SO_PIN | 1u << PROFILE_NEW);
		assert_true(p->pin[PROFILE_PIN].exists && p->pin[PROFILE_SO_PIN].exists);
		assert_false(p->pin[PROFILE_PUK].exists);
	}
}

static void a_token_without_an_so_pin_is_not_asked_for_one(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = parse(f, "[so-pin]\nexists = no\n");
	assert_int_equal(p->call[PROFILE_CHANGE_SO_PIN].how, PROFILE_HOW_NOT);
	assert_int_equal(p->call[PROFILE_UNBLOCK].how, PROFILE_HOW_NOT);
	assert_int_equal(p->call[PROFILE_UNBLOCK].needs, 0);
	assert_int_equal(p->call[PROFILE_CHANGE_PIN].how, PROFILE_HOW_SET_PIN);
}

static void keys_and_modules_are_said_by_the_file(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = parse(f, "[module]\nenroll = one\nenroll = two\nclient-macos = /m\n"
					   "opensc-pkcs11 =  a=b\n[key]\ntypes = ec:P-256\ntypes = rsa:2048\n"
					   "id = fixed\nplace = 0a\nplace = 9C01 Sign it\nomit-private = LABEL, SIGN\n"
					   "add-private = KEY_TYPE DECRYPT=no 0x80002003=0102\n");
	assert_int_equal(p->module.enroll.n, 2);
	assert_string_equal(p->module.enroll.v[1], "two");
	assert_string_equal(p->module.client[PLATFORM_MACOS], "/m");
	assert_null(p->module.client[PLATFORM_LINUX]);
	assert_string_equal(p->module.opensc_pkcs11.v[0], "a = b");
	assert_int_equal(p->key.types, KEYTYPE_BIT(KEYTYPE_EC_P256) | KEYTYPE_BIT(KEYTYPE_RSA_2048));
	assert_int_equal(p->key.n_place, 2);
	assert_string_equal(p->key.place[0].name, "0a");
	assert_string_equal(p->key.place[1].name, "Sign it");
	assert_memory_equal(p->key.place[1].id.data, "\x9C\x01", 2);
	assert_int_equal(p->key.omit_private.n, 2);
	assert_int_equal(p->key.omit_private.v[1], CKA_SIGN);
	assert_true(p->key.add_private.n == 3 && p->key.add_private.v[0].computed);
	assert_true(p->key.add_private.v[1].type == CKA_DECRYPT && p->key.add_private.v[1].value[0] == 0);
	assert_int_equal(p->key.add_private.v[2].type, 0x80002003ul);
	assert_memory_equal(p->key.add_private.v[2].value, "\x01\x02", 2);
}

static void objects_that_are_nobodys_are_told_from_foreign_ones(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = shipped(f, "yubikey-piv");
	unsigned char one = 1, issuer = 0x19;
	struct blob id = {&one, 1}, f9 = {&issuer, 1};
	struct profile_object o = {CKO_CERTIFICATE, true, &id, "X.509 Certificate for PIV Authentication", "alice"};
	assert_false(profile_ignores(p, &o));
	o.subject = "YubiKey PIV Slot 9a";
	assert_true(profile_ignores(p, &o));
	o = (struct profile_object){CKO_CERTIFICATE, false, &id, "X.509 Certificate for PIV Attestation 9a", "x"};
	assert_true(profile_ignores(p, &o));
	o.token = true;
	assert_false(profile_ignores(p, &o));
	o = (struct profile_object){CKO_PRIVATE_KEY, true, &f9, "Private key for PIV Attestation", NULL};
	assert_true(profile_ignores(p, &o));
	o.id = &id;
	assert_false(profile_ignores(p, &o));
	/* what describes the token itself: CKO_PROFILE */
	o = (struct profile_object){9, true, NULL, NULL, NULL};
	assert_true(profile_ignores(shipped(f, "softhsm2"), &o));
}

/* ---- secrets */

static void limits_join_what_profile_and_token_say(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *rules;
		enum profile_secret which;
		unsigned long token_min, token_max;
		size_t min, max;
	} cases[] = {
	    {"", PROFILE_PIN, 0, 0, 4, 64},
	    {"", PROFILE_PIN, 6, 15, 6, 15},
	    {"", PROFILE_PIN, ~0ul, ~0ul, 4, 64},
	    {"", PROFILE_PIN, 0, 2, 2, 2},
	    {"[pin]\nmin = 6\nmax = 8\n", PROFILE_PIN, 6, 64, 6, 8},
	    {"[pin]\nmin = 6\nmax = 32\n", PROFILE_PIN, 8, 249, 8, 32},
	    {"[pin]\nmin = 6\nmax = 8\n", PROFILE_PIN, 10, 12, 10, 12},
	    {"[pin]\nmin = 6\nmax = 8\nreport = fills\n", PROFILE_PIN, 7, 7, 6, 8},
	    {"[so-pin]\nmin = 16\nmax = 16\n", PROFILE_SO_PIN, 6, 15, 16, 16},
	    {"", PROFILE_SO_PIN, 6, 15, 6, 15},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct profile_limits l;
		const struct profile *p = parse(f, cases[i].rules);
		profile_limits(&l, &p->pin[cases[i].which], cases[i].token_min, cases[i].token_max);
		if (l.min != cases[i].min || l.max != cases[i].max)
			fail_msg("%zu: %zu to %zu", i, l.min, l.max);
	}
}

static int check(struct fixture *f, const struct profile *p, enum profile_secret which, const char *value)
{
	struct profile_limits l;
	profile_limits(&l, &p->pin[which], 0, 0);
	assert_int_equal(secret_set(f->secret, value, strlen(value), &f->e), 0);
	err_clear(&f->e);
	return profile_pin_check(&l, f->secret, &f->e);
}

static void a_pin_outside_the_rules_is_refused_and_not_repeated(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *rules, *good[4], *bad[6], *words;
	} cases[] = {
	    {"[pin]\nmin = 6\nmax = 8\nalphabet = digits\n",
	     {"123456", "12345678"},
	     {"12345", "123456789", "12345a", "12345 ", "", "12345\xC3\xA4"},
	     "6 to 8 digits"},
	    {"[pin]\nmin = 4\nmax = 4\nalphabet = hex\n", {"09aF"}, {"09aG", "09a"}, "exactly 4 hex digits"},
	    {"[pin]\nmin = 4\nmax = 64\nmultiple = 16\nalphabet = alphanumeric\n",
	     {"0123456789abcdeZ"},
	     {"0123456789abcde", "0123456789abcde_"},
	     "4 to 64 (a multiple of 16) letters"},
	    {"[pin]\nmin = 1\nmax = 8\nalphabet = ascii\n", {"a b~!"}, {"a\tb", "\xC3\xA4", "a\x7F"}, "of ASCII"},
	    /* bytes are counted, not letters, and they have to be well-formed */
	    {"[pin]\nmin = 4\nmax = 8\n",
	     {"\xC3\xA4\xC3\xB6", "\xD0\xBF\xD0\xB8\xD0\xBD\xD1\x8C"},
	     {"\xC3\xA4\xC3", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\xC3\xA4", "abc\n", "\xED\xA0\x80xx", "\xC0\xAFxx"},
	     "4 to 8 characters"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct profile *p = parse(f, cases[i].rules);
		for (size_t k = 0; k < COUNT(cases[i].good) && cases[i].good[k] != NULL; k++) {
			if (check(f, p, PROFILE_PIN, cases[i].good[k]) != 0)
				fail_msg("%s: %s", cases[i].good[k], f->e.what);
		}
		for (size_t k = 0; k < COUNT(cases[i].bad) && cases[i].bad[k] != NULL; k++) {
			const char *bad = cases[i].bad[k];
			if (check(f, p, PROFILE_PIN, bad) == 0)
				fail_msg("'%s' was taken", bad);
			expect_error(f, ERR_PIN_RULES, cases[i].words);
			assert_true(*bad == '\0' || strstr(f->e.what, bad) == NULL);
		}
	}
	check(f, shipped(f, "yubikey-piv"), PROFILE_SO_PIN, "1234");
	expect_error(f, ERR_PIN_RULES, "the management key of this token has 48 to 64 (a multiple of 16) hex digits");
	assert_int_equal(secret_set(f->secret,
				    "12\0"
				    "456",
				    6, &f->e),
			 0);
	struct profile_limits l;
	profile_limits(&l, &shipped(f, "softhsm2")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_check(&l, f->secret, &f->e), -1);
}

static void a_random_secret_obeys_the_rules_of_each_profile(void **state)
{
	struct fixture *f = *state;
	const struct profile *p;
	load(f, SHIPPED, NULL);
	for (size_t i = 0; (p = profiles_at(f->set, i)) != NULL; i++) {
		for (size_t k = 0; k < PROFILE_PIN_COUNT; k++) {
			struct profile_limits l;
			profile_limits(&l, &p->pin[k], 0, 0);
			for (int n = 0; n < 20; n++) {
				if (profile_pin_random(&l, f->out, &f->e) != 0)
					fail_msg("%s: %s", p->id, f->e.what);
				assert_int_equal(profile_pin_check(&l, f->out, &f->e), 0);
				assert_false(profile_pin_is_factory(&p->pin[k], f->out));
			}
		}
	}
}

static void a_random_secret_is_as_long_and_plain_as_the_profile_says(void **state)
{
	struct fixture *f = *state;
	struct profile_limits l;
	profile_limits(&l, &shipped(f, "yubikey-piv")->pin[PROFILE_SO_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 48);
	profile_limits(&l, &parse(f, "")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 8);
	assert_int_equal(strspn(f->out->bytes, "0123456789"), 8);
	profile_limits(&l, &parse(f, "[pin]\nmin = 5\nmax = 6\n")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), 0);
	assert_int_equal(f->out->len, 6);
	/* rules that nothing can obey are an error, not an endless search */
	profile_limits(&l, &parse(f, "[pin]\nmin = 5\nmax = 6\nmultiple = 4\n")->pin[PROFILE_PIN], 0, 0);
	assert_int_equal(profile_pin_random(&l, f->out, &f->e), -1);
	expect_error(f, ERR_PIN_RULES, "no random PIN fits");
	assert_int_equal(f->out->len, 0);
}

static void factory_values_are_known(void **state)
{
	struct fixture *f = *state;
	const struct profile_pin *pin = shipped(f, "yubikey-piv")->pin;
	static const char key[] = "010203040506070801020304050607080102030405060708";
	secret_set(f->secret, "123456", 6, &f->e);
	assert_true(profile_pin_is_factory(&pin[PROFILE_PIN], f->secret));
	assert_false(profile_pin_is_factory(&pin[PROFILE_PUK], f->secret));
	secret_set(f->secret, key, strlen(key), &f->e);
	assert_true(profile_pin_is_factory(&pin[PROFILE_SO_PIN], f->secret));
	secret_set(f->secret, "1234567", 7, &f->e);
	assert_false(profile_pin_is_factory(&pin[PROFILE_PIN], f->secret));
	static const unsigned char fresh[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x01, 0x06, 0x02, 0x03, 0x03};
	static const unsigned char changed[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x00, 0x06, 0x02, 0x03, 0x03};
	assert_true(profile_answer_is_factory(&pin[PROFILE_PIN], fresh, sizeof fresh));
	assert_false(profile_answer_is_factory(&pin[PROFILE_PIN], changed, sizeof changed));
	assert_false(profile_answer_is_factory(&pin[PROFILE_PIN], "", 0));
	assert_false(profile_answer_is_factory(&shipped(f, "softhsm2")->pin[PROFILE_PIN], fresh, sizeof fresh));
	const unsigned char two_left[] = {0x01, 0x01, 0xFF, 0x05, 0x01, 0x00, 0x06, 0x02, 0x03, 0x02};
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], two_left, sizeof two_left), 2);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], two_left, sizeof two_left - 1), -1);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PUK], "", 0), -1);
	assert_int_equal(profile_answer_tries(&pin[PROFILE_PIN], two_left, sizeof two_left), -1);
}

/* ---- calls and commands */

static struct secret *new_secret(const char *value)
{
	struct secret *s = secret_new();
	assert_int_equal(secret_set(s, value, strlen(value), NULL), 0);
	return s;
}

static int render(struct fixture *f, const struct profile_template *t, const char *puk, const char *new)
{
	struct secret *a = puk != NULL ? new_secret(puk) : NULL, *b = new_secret(new);
	struct profile_secrets s = {{[PROFILE_PUK] = a, [PROFILE_SO_PIN] = a, [PROFILE_NEW] = b}};
	err_clear(&f->e);
	int ret = profile_render(t, &s, f->out, &f->e);
	secret_free(&a);
	secret_free(&b);
	return ret;
}

static void expect_bytes(struct fixture *f, const char *hex)
{
	char got[2 * 300 + 1];
	hex_encode(got, sizeof got, f->out->bytes, f->out->len);
	assert_string_equal(got, hex);
}

static void a_yubikey_is_unblocked_and_its_puk_changed_as_its_module_wants(void **state)
{
	struct fixture *f = *state;
	const struct profile_call *c = &shipped(f, "yubikey-piv")->call[PROFILE_UNBLOCK];
	assert_int_equal(c->needs, 1u << PROFILE_PUK | 1u << PROFILE_NEW);
	assert_int_equal(render(f, &c->old, "12345678", "654321"), 0);
	assert_string_equal(f->out->bytes, "puk:12345678");
	assert_int_equal(render(f, &c->new, "12345678", "654321"), 0);
	assert_string_equal(f->out->bytes, "pin:654321");
	c = &shipped(f, "yubikey-piv")->call[PROFILE_CHANGE_PUK];
	assert_int_equal(render(f, &c->new, "12345678", "87654321"), 0);
	assert_string_equal(f->out->bytes, "puk:87654321");
}

static void a_pin_pad_asks_for_what_the_standard_gives_it_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct profile *p = parse(f, "");
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_SO_PIN));
	assert_true(profile_pad_takes(p, PROFILE_UNBLOCK));
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_PUK));
	p = parse(f, "[so-pin]\npad = no\n");
	assert_true(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_SO_PIN));
	assert_false(profile_pad_takes(p, PROFILE_UNBLOCK));
	p = parse(f, "[change-pin]\ncall = apdu\napdu = 0024000110{pin:8:FF}{new:8:FF}\n");
	assert_false(profile_pad_takes(p, PROFILE_CHANGE_PIN));
	assert_false(profile_pad_takes(shipped(f, "yubikey-piv"), PROFILE_UNBLOCK));
	assert_false(profile_pad_takes(shipped(f, "smartcard-hsm"), PROFILE_UNBLOCK));
	assert_true(profile_pad_takes(shipped(f, "smartcard-hsm"), PROFILE_CHANGE_PIN));
}

static void commands_are_rendered_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	const struct profile_apdus *a = &shipped(f, "piv")->call[PROFILE_CHANGE_PUK].apdu;
	assert_int_equal(a->n, 2);
	assert_int_equal(render(f, &a->v[0], NULL, "x"), 0);
	expect_bytes(f, "00A4040009A0000003080000100000");
	assert_int_equal(render(f, &a->v[1], "12345678", "1234"), 0);
	expect_bytes(f, "0024008110313233343536373831323334FFFFFFFF");
	a = &parse(f, "[unblock]\ncall = apdu\napdu = 002C0081{lc}{so-pin:hex:8}{new}\n")->call[PROFILE_UNBLOCK].apdu;
	assert_int_equal(render(f, &a->v[0], "3537363231383830", "648219"), 0);
	expect_bytes(f, "002C00810E3537363231383830363438323139");
	a = &parse(f, "[unblock]\ncall = apdu\napdu = 0020008102{new:2}00\n")->call[PROFILE_UNBLOCK].apdu;
	assert_int_equal(render(f, &a->v[0], NULL, "12"), 0);
	expect_bytes(f, "0020008102313200");
}

static void a_secret_that_does_not_fit_its_place_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct profile_template *t = &shipped(f, "piv")->call[PROFILE_CHANGE_PUK].apdu.v[1];
	assert_int_equal(render(f, t, "123456789", "1234"), -1);
	expect_error(f, ERR_PIN_RULES, "the PUK does not have the 8 bytes");
	assert_int_equal(f->out->len, 0);
	assert_int_equal(f->out->bytes[5], 0);
	assert_int_equal(render(f, t, NULL, "1234"), -1);
	assert_int_equal(f->e.code, ERR_PIN_NEEDED);
	t = parse(f, "[unblock]\ncall = apdu\napdu = 002C0081{lc}{so-pin:hex:8}{new}\n")->call[PROFILE_UNBLOCK].apdu.v;
	assert_int_equal(render(f, t, "353736323138383", "1"), -1);
	expect_error(f, ERR_PIN_RULES, "even number of hex digits");
	assert_int_equal(render(f, t, "35373632313838", "1"), -1);
	expect_error(f, ERR_PIN_RULES, "8 bytes");
	assert_int_equal(render(f, t, "35373632313838zz", "1"), -1);
	char longest[300];
	memset(longest, '1', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(render(f, t, "3537363231383830", longest), -1);
	expect_error(f, ERR_PIN_RULES, "too long for one command");
	assert_int_equal(f->out->len, 0);
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
		expect_error(f, ERR_CONFIG, wrong[i].words);
		expect_error(f, ERR_CONFIG, "x.conf, line 7: ");
	}
}

static void a_module_is_found_by_path_and_by_file_name(void **state)
{
	struct fixture *f = *state;
	char path[160];
	snprintf(path, sizeof path, "%s/m.so", f->first);
	assert_null(profile_module_path(path));
	write_file(f->first, "m.so", "");
	char *found = profile_module_path(path);
	assert_string_equal(found, path);
	free(found);
	assert_null(profile_module_path("libtokenroll-nowhere.so"));
	assert_null(profile_module_path("opensc-pkcs11"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_shipped_file_is_complete),
	    TEST(only_what_was_tested_says_so),
	    TEST(each_token_gets_its_own_profile),
	    TEST(no_other_profile_fits_a_token),
	    TEST(a_card_that_no_module_describes_is_known_by_reader_or_atr),
	    TEST(the_nearest_profile_says_what_agrees),
	    TEST(slots_that_hold_nothing_for_a_vpn_are_passed_over),
	    TEST(a_drop_in_replaces_adds_and_removes),
	    TEST(the_pattern_with_the_most_characters_wins),
	    TEST(a_section_that_is_given_again_is_another_way),
	    TEST(a_mistake_is_told_with_file_and_line),
	    TEST(a_line_or_a_byte_that_cannot_be_read_is_told),
	    TEST(files_of_other_editors_are_read),
	    TEST(what_a_file_does_not_say_is_as_the_standard_has_it),
	    TEST(a_token_without_an_so_pin_is_not_asked_for_one),
	    TEST(keys_and_modules_are_said_by_the_file),
	    TEST(objects_that_are_nobodys_are_told_from_foreign_ones),
	    TEST(limits_join_what_profile_and_token_say),
	    TEST(a_pin_outside_the_rules_is_refused_and_not_repeated),
	    TEST(a_random_secret_obeys_the_rules_of_each_profile),
	    TEST(a_random_secret_is_as_long_and_plain_as_the_profile_says),
	    TEST(factory_values_are_known),
	    TEST(a_yubikey_is_unblocked_and_its_puk_changed_as_its_module_wants),
	    TEST(a_pin_pad_asks_for_what_the_standard_gives_it_and_nothing_else),
	    TEST(commands_are_rendered_byte_for_byte),
	    TEST(a_secret_that_does_not_fit_its_place_is_refused),
	    TEST(a_wrong_command_is_told_when_the_file_is_read),
	    TEST(a_module_is_found_by_path_and_by_file_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
