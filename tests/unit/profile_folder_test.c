/* Folders of profiles, and which of several that fit a token counts. */
#include "profile_fixture.h"

static void a_drop_in_replaces_adds_and_removes(void **state)
{
	struct fixture *f = *state;
	fixture_write(f->first, "one.conf", TOKEN("one", "model = 1"));
	fixture_write(f->first, "two.conf", TOKEN("two", "model = 2"));
	fixture_write(f->first, "three.conf", TOKEN("three", "model = 3"));
	fixture_write(f->first, "notes.txt", "not a profile");
	fixture_write(f->first, ".hidden.conf", "not a profile");
	load(f, f->first, "/nowhere/at/all");
	assert_non_null(profiles_at(f->set, 2));
	assert_null(profiles_at(f->set, 3));
	fixture_write(f->second, "one.conf", TOKEN("another one", "model = 1"));
	fixture_write(f->second, "two.conf", "; not here, please\n\n# nor here\n");
	fixture_write(f->second, "four.conf", TOKEN("four", "model = 4"));
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
	fixture_write(f->first, "a.conf", TOKEN("any", "manufacturer = *"));
	fixture_write(f->first, "b.conf", TOKEN("maker", "manufacturer = acme*"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "b");
	fixture_write(f->first, "c.conf", TOKEN("model", "manufacturer = acme*\nmodel = t?"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "c");
	fixture_write(f->first, "d.conf", TOKEN("that one", "manufacturer = acme*\nserial = 0814\nserial = 0815"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "d");
	t.fact[PROFILE_SERIAL] = "0816";
	assert_string_equal(profiles_match(f->set, &t)->id, "c");
	/* as good as another one: the admin's own folder counts */
	fixture_write(f->second, "z.conf", TOKEN("own", "manufacturer = acme*\nmodel = t?"));
	load(f, f->first, f->second);
	assert_string_equal(profiles_match(f->set, &t)->id, "z");
}

static void a_section_that_is_given_again_is_another_way(void **state)
{
	struct fixture *f = *state;
	struct profile_token t = {{[PROFILE_MODEL] = "T2"}};
	fixture_write(f->first, "a.conf", TOKEN("a", "model = T1\n[match]\nmodel = T2"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "a");
	/* but in one section all keys have to fit */
	fixture_write(f->first, "a.conf", TOKEN("a", "model = T2\nmanufacturer = ACME"));
	load(f, f->first, NULL);
	assert_string_equal(profiles_match(f->set, &t)->id, "builtin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_drop_in_replaces_adds_and_removes),
	    TEST(the_pattern_with_the_most_characters_wins),
	    TEST(a_section_that_is_given_again_is_another_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
