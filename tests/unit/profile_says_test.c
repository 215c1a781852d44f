/* What a profile says, and what is so where it does not say it. */
#include "core/keytype.h"
#include "profile_fixture.h"

static void what_a_file_does_not_say_is_as_the_standard_has_it(void **state)
{
	struct fixture *f = *state;
	fixture_write(f->first, "x.conf", TOKEN("x", "model = x"));
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

static void a_module_is_found_by_path_and_by_file_name(void **state)
{
	struct fixture *f = *state;
	char path[160];
	snprintf(path, sizeof path, "%s/m.so", f->first);
	assert_null(profile_module_path(path));
	fixture_write(f->first, "m.so", "");
	char *found = profile_module_path(path);
	assert_string_equal(found, path);
	free(found);
	assert_null(profile_module_path("libtokenroll-nowhere.so"));
	assert_null(profile_module_path("opensc-pkcs11"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_a_file_does_not_say_is_as_the_standard_has_it),
	    TEST(a_token_without_an_so_pin_is_not_asked_for_one),
	    TEST(keys_and_modules_are_said_by_the_file),
	    TEST(objects_that_are_nobodys_are_told_from_foreign_ones),
	    TEST(a_module_is_found_by_path_and_by_file_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
