/* The bundle folder: what is found to be in the way before anything is made. */
#include "handover/place.h"
#include "tests/unit/handover_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void expect_refusal(struct fixture *f, const char *user, enum place_use use, const char *words)
{
	err_clear(&f->e);
	assert_int_equal(place_check(f->cfg.bundle.dir, user, use, &f->e), -1);
	if (f->e.code != ERR_FOREIGN || strstr(f->e.what, words) == NULL)
		fail_msg("%s: %s, but expected \"%s\"", err_code_name(f->e.code), f->e.what, words);
	assert_non_null(strstr(f->e.next, "move it away"));
}

static void expect_room(struct fixture *f, const char *user, enum place_use use)
{
	if (place_check(f->cfg.bundle.dir, user, use, &f->e) != 0)
		fail_msg("%s: %s", user, f->e.what);
}

/* bundles/alice.req, for whoever it says it is of */
static void write_request(struct fixture *f, const char *cn)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	FILE *out = fopen(fixture_path(f, "bundles/alice.req"), "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_X509_REQ(out, req), 1);
	assert_int_equal(fclose(out), 0);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

/* What a delivered user has there. */
static void deliver(struct fixture *f, const char *user)
{
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	f->facts.user = user;
	fixture_make(f);
}

static void an_empty_a_missing_and_ones_own_folder_have_room(void **state)
{
	struct fixture *f = *state;
	expect_room(f, "alice", PLACE_BUNDLE);
	deliver(f, "alice");
	write_request(f, "alice");
	expect_room(f, "alice", PLACE_BUNDLE);
	expect_room(f, "alice", PLACE_REQUEST);
	expect_room(f, "alice.tar", PLACE_BUNDLE);
	expect_room(f, "bob", PLACE_BUNDLE);
}

static void an_archive_of_another_user_is_in_the_way_of_a_folder(void **state)
{
	struct fixture *f = *state;
	deliver(f, "alice");
	expect_refusal(f, "alice.zip", PLACE_BUNDLE,
		       "bundles/alice.zip, where the folder of alice.zip belongs, is the archive of the user alice");
	expect_refusal(f, "alice.tar.gz", PLACE_BUNDLE, "is the archive of the user alice");
	expect_room(f, "alice.zip", PLACE_REQUEST);
	fixture_write(f, "bundles/alice.req", "request");
	expect_refusal(f, "alice.req", PLACE_BUNDLE, "is the request of the user alice");
}

static void a_folder_of_another_user_is_in_the_way_of_an_archive(void **state)
{
	static const char *const others[] = {"alice.zip", "alice.tar.gz"};
	struct fixture *f = *state;
	for (size_t i = 0; i < 2; i++) {
		char words[64];
		deliver(f, others[i]);
		snprintf(words, sizeof words, "belongs, is the folder of the user %s", others[i]);
		expect_refusal(f, "alice", PLACE_BUNDLE, words);
		expect_room(f, "alice", PLACE_REQUEST);
		assert_int_equal(rename(fixture_path(f, "bundles"), fixture_path(f, others[i])), 0);
	}
}

static void a_folder_is_in_the_way_of_a_request_but_not_of_a_bundle(void **state)
{
	struct fixture *f = *state;
	deliver(f, "alice.req");
	expect_refusal(f, "alice", PLACE_REQUEST,
		       "where the request of alice belongs, is the folder of the user alice.req");
	expect_room(f, "alice", PLACE_BUNDLE);
}

static void what_is_not_the_users_request_is_not_replaced_by_one(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(f->cfg.bundle.dir, 0700), 0);
	fixture_write(f, "bundles/alice.req", "what has to be done for alice");
	expect_refusal(f, "alice", PLACE_REQUEST, "bundles/alice.req is not a request of alice");
	write_request(f, "bob");
	expect_refusal(f, "alice", PLACE_REQUEST, "bundles/alice.req is not a request of alice");
	assert_int_equal(unlink(fixture_path(f, "bundles/alice.req")), 0);
	assert_int_equal(symlink("elsewhere", fixture_path(f, "bundles/alice.req")), 0);
	expect_refusal(f, "alice", PLACE_REQUEST, "bundles/alice.req is not a request of alice");
}

static void anything_else_that_is_no_folder_is_in_the_way(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(f->cfg.bundle.dir, 0700), 0);
	fixture_write(f, "bundles/alice", "a note");
	expect_refusal(f, "alice", PLACE_BUNDLE, "bundles/alice, where the folder of alice belongs, is not a folder");
	assert_int_equal(symlink("/", fixture_path(f, "bundles/.zip")), 0);
	assert_int_equal(symlink("/", fixture_path(f, "bundles/bob")), 0);
	expect_refusal(f, "bob", PLACE_BUNDLE, "is not a folder");
}

static void expect_no_folder(struct fixture *f, const char *dir)
{
	err_clear(&f->e);
	assert_int_equal(place_check(dir, "alice", PLACE_REQUEST, &f->e), -1);
	assert_int_equal(f->e.code, ERR_CONFIG);
	assert_non_null(strstr(f->e.what, dir));
	assert_non_null(strstr(f->e.next, "[bundle]"));
}

static void a_bundle_folder_that_cannot_be_made_is_found_early(void **state)
{
	struct fixture *f = *state;
	fixture_write(f, "file", "no folder");
	expect_no_folder(f, fixture_path(f, "file"));
	expect_no_folder(f, fixture_path(f, "file/bundles"));
	if (geteuid() != 0) {
		assert_int_equal(mkdir(fixture_path(f, "closed"), 0500), 0);
		expect_no_folder(f, fixture_path(f, "closed"));
		expect_no_folder(f, fixture_path(f, "closed/deep/down/"));
	}
	assert_int_equal(place_check(fixture_path(f, "a/b//c/"), "alice", PLACE_REQUEST, &f->e), 0);
	assert_int_not_equal(access(fixture_path(f, "a"), F_OK), 0);
	assert_int_equal(chdir(f->dir), 0);
	assert_int_equal(place_check("bundles", "alice", PLACE_REQUEST, &f->e), 0);
	assert_int_equal(place_check("a/b", "alice", PLACE_REQUEST, &f->e), 0);
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(an_empty_a_missing_and_ones_own_folder_have_room),
	    PROMISE(an_archive_of_another_user_is_in_the_way_of_a_folder),
	    PROMISE(a_folder_of_another_user_is_in_the_way_of_an_archive),
	    PROMISE(a_folder_is_in_the_way_of_a_request_but_not_of_a_bundle),
	    PROMISE(what_is_not_the_users_request_is_not_replaced_by_one),
	    PROMISE(anything_else_that_is_no_folder_is_in_the_way),
	    PROMISE(a_bundle_folder_that_cannot_be_made_is_found_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
