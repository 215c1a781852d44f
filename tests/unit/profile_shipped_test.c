/* The shipped profiles: they are whole, and each token gets its own. */
#include "profile_fixture.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
