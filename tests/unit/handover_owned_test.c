/* What is in the place of a bundle and was not made by the handover is not replaced by it. */
#include "handover/owned.h"
#include "tests/unit/handover_fixture.h"

static void make(struct fixture *f)
{
	err_clear(&f->e);
	fixture_make(f);
}

static void expect_foreign(struct fixture *f, const char *words)
{
	struct handover_result r = {.folder = NULL};
	err_clear(&f->e);
	assert_int_equal(handover_make(&f->cfg, &f->facts, &r, &f->e), -1);
	if (f->e.code != ERR_FOREIGN || strstr(f->e.what, words) == NULL)
		fail_msg("%s: %s, but expected \"%s\"", err_code_name(f->e.code), f->e.what, words);
	assert_non_null(strstr(f->e.next, "move it"));
}

static void expect_text(struct fixture *f, const char *name, const char *text)
{
	char *got = fixture_read(f, name);
	assert_string_equal(got, text);
	free(got);
}

/* As a version without the list has left it. */
static void forget(const struct fixture *f)
{
	assert_int_equal(unlink(fixture_path(f, "bundles/.alice.made")), 0);
}

static void templates(struct fixture *f)
{
	assert_int_equal(mkdir(fixture_path(f, "templates/sub"), 0700), 0);
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "sub/a.txt", "{{expires}}");
}

static void ones_own_bundle_is_replaced_also_when_the_templates_have_changed(void **state)
{
	struct fixture *f = *state;
	templates(f);
	make(f);
	make(f);
	assert_int_equal(unlink(fixture_path(f, "templates/sub/a.txt")), 0);
	fixture_template(f, "new.txt", "new");
	f->facts.not_after += 86400 * 30;
	make(f);
	assert_int_not_equal(access(fixture_path(f, "bundles/alice/sub"), F_OK), 0);
	expect_text(f, "bundles/alice/new.txt", "new");
}

static void files_that_were_added_are_not_lost(void **state)
{
	static const char *const names[] = {"bundles/alice/letter.doc", "bundles/alice/sub/photo.jpg",
					    "bundles/alice/.notes"};
	struct fixture *f = *state;
	templates(f);
	make(f);
	for (size_t i = 0; i < 3; i++) {
		fixture_write(f, names[i], "precious");
		expect_foreign(f, names[i]);
		expect_text(f, names[i], "precious");
		forget(f);
		expect_foreign(f, names[i]);
		assert_int_equal(unlink(fixture_path(f, names[i])), 0);
		make(f);
	}
	assert_int_equal(mkdir(fixture_path(f, "bundles/alice/photos"), 0700), 0);
	expect_foreign(f, "bundles/alice/photos");
	assert_int_equal(rmdir(fixture_path(f, "bundles/alice/photos")), 0);
	assert_int_equal(symlink("/etc/passwd", fixture_path(f, "bundles/alice/link")), 0);
	expect_foreign(f, "bundles/alice/link");
}

static void what_was_changed_by_hand_is_not_lost(void **state)
{
	struct fixture *f = *state;
	templates(f);
	make(f);
	fixture_write(f, "bundles/alice/alice-linux.ovpn", "mended by hand");
	expect_foreign(f, "bundles/alice/alice-linux.ovpn");
	expect_text(f, "bundles/alice/alice-linux.ovpn", "mended by hand");
	assert_int_equal(unlink(fixture_path(f, "bundles/alice/alice-linux.ovpn")), 0);
	fixture_write(f, "bundles/alice.zip", "packed again, with a letter");
	expect_foreign(f, "bundles/alice.zip");
	expect_text(f, "bundles/alice.zip", "packed again, with a letter");
	assert_int_equal(unlink(fixture_path(f, "bundles/alice.zip")), 0);
	make(f);
}

static void what_was_there_before_the_first_bundle_is_not_lost(void **state)
{
	static const char *const archives[] = {"bundles/alice.zip", "bundles/alice.tar.gz"};
	struct fixture *f = *state;
	templates(f);
	assert_int_equal(mkdir(f->cfg.bundle.dir, 0700), 0);
	for (size_t i = 0; i < 2; i++) {
		fixture_write(f, archives[i], "precious");
		expect_foreign(f, archives[i]);
		expect_text(f, archives[i], "precious");
		assert_int_equal(unlink(fixture_path(f, archives[i])), 0);
	}
	assert_int_equal(mkdir(fixture_path(f, "bundles/alice"), 0700), 0);
	make(f);
}

static void an_older_versions_bundle_counts_as_ones_own_by_its_names(void **state)
{
	struct fixture *f = *state;
	templates(f);
	make(f);
	forget(f);
	f->facts.not_after += 86400;
	make(f);
	forget(f);
	assert_int_equal(unlink(fixture_path(f, "templates/sub/a.txt")), 0);
	expect_foreign(f, "bundles/alice/sub");
}

/* Only the folder, or the folder and one archive, changed places before the power went. */
static void a_cut_between_two_renames_does_not_make_ones_own_things_foreign(void **state)
{
	static const char *const things[] = {"bundles/alice", "bundles/alice.tar.gz", "bundles/alice.zip"};
	struct fixture *f = *state;
	templates(f);
	make(f);
	for (size_t moved = 0; moved <= 3; moved++) {
		char aside[3][64];
		for (size_t i = moved; i < 3; i++) {
			snprintf(aside[i], sizeof aside[i], "old-%zu-%zu", moved, i);
			assert_int_equal(rename(fixture_path(f, things[i]), fixture_path(f, aside[i])), 0);
		}
		char *before = fixture_read(f, "bundles/.alice.made");
		f->facts.not_after += 86400;
		make(f);
		char *after = fixture_read(f, "bundles/.alice.made");
		/* while it is under way the list has the old and the new */
		char *both = xasprintf("%s%s", before, after);
		fixture_write(f, "bundles/.alice.made", both);
		for (size_t i = moved; i < 3; i++) {
			char gone[64];
			snprintf(gone, sizeof gone, "new-%zu-%zu", moved, i);
			assert_int_equal(rename(fixture_path(f, things[i]), fixture_path(f, gone)), 0);
			assert_int_equal(rename(fixture_path(f, aside[i]), fixture_path(f, things[i])), 0);
		}
		make(f);
		free(both);
		free(before);
		free(after);
	}
}

static void a_cut_while_an_older_versions_bundle_is_replaced_does_not_make_that_foreign(void **state)
{
	struct fixture *f = *state;
	struct handover_result r = {.folder = NULL};
	templates(f);
	make(f);
	forget(f);
	f->facts.not_after += 86400;
	/* nothing can take the zip's place: not even the one that is there is replaced, but the folder was by then */
	assert_int_equal(rename(fixture_path(f, "bundles/alice.zip"), fixture_path(f, "zip")), 0);
	assert_int_equal(mkdir(fixture_path(f, "bundles/alice.zip"), 0700), 0);
	assert_int_equal(handover_make(&f->cfg, &f->facts, &r, &f->e), -1);
	assert_int_equal(rmdir(fixture_path(f, "bundles/alice.zip")), 0);
	assert_int_equal(rename(fixture_path(f, "zip"), fixture_path(f, "bundles/alice.zip")), 0);
	f->facts.not_after += 86400;
	make(f);
}

/* The list is on disk before anything changes places. */
static void the_list_has_the_old_and_the_new_while_they_change_places(void **state)
{
	struct fixture *f = *state;
	struct owned *o = NULL;
	struct stage *s = NULL;
	struct files rendered = {NULL, 0};
	static const char *const archives[2] = {"alice.tar.gz", "alice.zip"};
	templates(f);
	make(f);
	forget(f);
	assert_int_equal(handover_check(&f->cfg, "alice", &rendered, &f->e), 0);
	assert_int_equal(stage_open(&s, f->cfg.bundle.dir, "alice", &f->e), 0);
	for (size_t i = 0; i < 2; i++) {
		char *path = stage_path(s, archives[i]);
		assert_int_equal(file_write(path, "new", 3, 0600, &f->e), 0);
		free(path);
	}
	assert_int_equal(owned_begin(&o, s, f->cfg.bundle.dir, "alice", &rendered, archives, &f->e), 0);
	owned_free(&o);
	stage_close(&s);
	assert_int_equal(owned_check(f->cfg.bundle.dir, "alice", &rendered, &f->e), 0);
	fixture_write(f, "bundles/alice.zip", "new");
	assert_int_equal(owned_check(f->cfg.bundle.dir, "alice", &rendered, &f->e), 0);
	files_free(&rendered);
}

static void the_list_is_one_that_sha256sum_checks(void **state)
{
	struct fixture *f = *state;
	char command[600];
	templates(f);
	make(f);
	f->facts.not_after += 86400;
	make(f);
	snprintf(command, sizeof command, "cd '%s' && sha256sum --status --strict -c .alice.made", f->cfg.bundle.dir);
	assert_int_equal(system(command), 0);
}

static void room_is_asked_for_without_making_anything(void **state)
{
	struct fixture *f = *state;
	struct files rendered = {NULL, 0};
	templates(f);
	assert_int_equal(handover_check(&f->cfg, "alice", &rendered, &f->e), 0);
	assert_int_equal(owned_check(f->cfg.bundle.dir, "alice", &rendered, &f->e), 0);
	assert_int_equal(mkdir(f->cfg.bundle.dir, 0700), 0);
	assert_int_equal(mkdir(fixture_path(f, "bundles/alice"), 0700), 0);
	fixture_write(f, "bundles/alice/.bashrc", "# a home");
	assert_int_equal(owned_check(f->cfg.bundle.dir, "alice", &rendered, &f->e), -1);
	assert_int_equal(f->e.code, ERR_FOREIGN);
	files_free(&rendered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(ones_own_bundle_is_replaced_also_when_the_templates_have_changed),
	    PROMISE(files_that_were_added_are_not_lost),
	    PROMISE(what_was_changed_by_hand_is_not_lost),
	    PROMISE(what_was_there_before_the_first_bundle_is_not_lost),
	    PROMISE(an_older_versions_bundle_counts_as_ones_own_by_its_names),
	    PROMISE(a_cut_between_two_renames_does_not_make_ones_own_things_foreign),
	    PROMISE(a_cut_while_an_older_versions_bundle_is_replaced_does_not_make_that_foreign),
	    PROMISE(the_list_has_the_old_and_the_new_while_they_change_places),
	    PROMISE(the_list_is_one_that_sha256sum_checks),
	    PROMISE(room_is_asked_for_without_making_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
