/*
 * A checkpoint is the CA's word on where an audit trail stood: `openssl cms` verifies it without tokenroll, and what
 * another CA has signed, or what was changed, is no checkpoint.
 */
#include "ca_fixture.h"

#include "ca/checkpoint.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <openssl/cms.h>

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "ec", "ec", true);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_make_pki(&fx, "other", "ec", false);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static void unlock(struct ca *ca)
{
	struct err e = ERR_INIT;
	struct secret *secret = secret_new();
	assert_ok(secret_set(secret, PASSPHRASE, strlen(PASSPHRASE), &e), &e);
	assert_ok(ca_unlock(ca, secret, &e), &e);
	secret_free(&secret);
}

static struct ca_checkpoint some(void)
{
	struct ca_checkpoint c = {.database = "ca1:/var/lib/tokenroll/tokenroll.db", .record = 4711};
	memset(c.hash, 0xab, sizeof c.hash);
	return c;
}

static void sign(const char *pki, struct blob *ret)
{
	struct err e = ERR_INIT;
	struct ca_checkpoint c = some();
	fixture_use(&fx, pki);
	struct ca *ca = fixture_open(&fx);
	unlock(ca);
	assert_ok(ca_checkpoint(ca, &c, ret, &e), &e);
	ca_close(&ca);
}

/* -1, with *e, if the CA of that PKI does not take it for a checkpoint. */
static int check(const char *pki, const struct blob *cms, struct ca_checkpoint *ret, struct err *e)
{
	fixture_use(&fx, pki);
	struct ca *ca = fixture_open(&fx);
	int got = ca_checkpoint_check(ca, cms, ret, e);
	ca_close(&ca);
	return got;
}

static void what_was_signed_is_read_back_also_from_pem(void **state)
{
	(void)state;
	static const char *const pkis[] = {"ec", "rsa"};
	for (size_t i = 0; i < 2; i++) {
		struct ca_checkpoint c = {.record = 0}, was = some();
		struct err e = ERR_INIT;
		struct blob der = BLOB_INIT, pem = BLOB_INIT;
		sign(pkis[i], &der);
		assert_ok(check(pkis[i], &der, &c, &e), &e);
		assert_string_equal(c.database, was.database);
		assert_int_equal(c.record, was.record);
		assert_memory_equal(c.hash, was.hash, sizeof c.hash);
		assert_true(llabs((long long)c.time - (long long)time(NULL)) < 60);

		const unsigned char *p = der.data;
		CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
		BIO *out = BIO_new(BIO_s_mem());
		BIO_puts(out, "kept in the safe\n");
		assert_int_equal(PEM_write_bio_CMS(out, cms), 1);
		char *text;
		long n = BIO_get_mem_data(out, &text);
		blob_set(&pem, text, (size_t)n);
		assert_ok(check(pkis[i], &pem, &c, &e), &e);
		BIO_free(out);
		CMS_ContentInfo_free(cms);
		blob_free(&der);
		blob_free(&pem);
	}
}

/* easy-rsa's CA certificates may sign certificates and CRLs by their keyUsage, so a purpose has to be named. */
static void openssl_verifies_it_without_tokenroll(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob der = BLOB_INIT;
	char path[256];
	sign("rsa", &der);
	snprintf(path, sizeof path, "%s/checkpoint.der", fx.dir);
	assert_ok(file_write(path, der.data, der.len, 0600, &e), &e);
	assert_int_equal(
	    shell("openssl cms -verify -inform DER -in %s -CAfile %s -purpose any -out %s/text 2>/dev/null", path,
		  "/dev/null", fx.dir) != 0,
	    1);
	assert_int_not_equal(
	    shell("openssl cms -verify -inform DER -in %s -CAfile %s/ca.crt >/dev/null 2>&1", path, fx.pki), 0);
	assert_int_equal(shell("openssl cms -verify -inform DER -in %s -CAfile %s/ca.crt -purpose any -out %s/text "
			       "2>%s/openssl.log",
			       path, fx.pki, fx.dir, fx.dir),
			 0);
	assert_int_equal(shell("grep -q '^record: 4711$' %s/text && grep -q '^hash: ABABAB' %s/text", fx.dir, fx.dir),
			 0);
	blob_free(&der);
}

static void one_of_another_ca_is_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob der = BLOB_INIT;
	struct ca_checkpoint c;
	sign("other", &der);
	assert_int_equal(check("ec", &der, &c, &e), -1);
	assert_int_equal(e.code, ERR_AUDIT_CHANGED);
	assert_says(&e, "signed by somebody else than this CA");
	blob_free(&der);
}

static void a_changed_byte_is_found_wherever_it_is(void **state)
{
	(void)state;
	struct blob der = BLOB_INIT;
	struct ca_checkpoint was = some();
	sign("ec", &der);
	struct ca *ca = fixture_open(&fx);
	size_t taken = 0;
	for (size_t i = 0; i < der.len; i++) {
		struct err e = ERR_INIT;
		struct ca_checkpoint c = {.record = 0};
		der.data[i] ^= 1;
		/* what is not signed, such as the certificate that comes with it, may change; what is said may not */
		if (ca_checkpoint_check(ca, &der, &c, &e) == 0) {
			taken++;
			assert_int_equal(c.record, was.record);
			assert_string_equal(c.database, was.database);
			assert_memory_equal(c.hash, was.hash, sizeof c.hash);
		}
		der.data[i] ^= 1;
	}
	assert_true(taken < der.len);
	ca_close(&ca);
	blob_free(&der);
}

static void what_is_no_checkpoint_is_told_from_one_that_was_changed(void **state)
{
	(void)state;
	static const char *const none[] = {"",
					   "\n",
					   "record: 5",
					   "-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n",
					   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
					   "\x30\x80"};
	struct ca_checkpoint c;
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_open(&fx);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct err e = ERR_INIT;
		struct blob b = BLOB_INIT;
		blob_set(&b, none[i], strlen(none[i]));
		assert_int_equal(ca_checkpoint_check(ca, &b, &c, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_says(&e, "no checkpoint in it");
		blob_free(&b);
	}
	ca_close(&ca);
}

/* The same key signs other things, too. */
static void what_the_ca_has_signed_for_another_purpose_is_no_checkpoint(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "hello\n",
	    "tokenroll audit checkpoint 1\ndatabase: x\nrecord: 1\nhash: AB\ntime: 2026-11-25T09:46:40Z\n",
	    "tokenroll audit checkpoint 1\ndatabase: x\nrecord:  1\nhash: "
	    "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB\ntime: 2026-11-25T09:46:40Z\n",
	};
	fixture_use(&fx, "rsa");
	struct ca *ca = fixture_open(&fx);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct err e = ERR_INIT;
		struct blob cms = BLOB_INIT;
		struct ca_checkpoint c;
		assert_int_equal(
		    shell("printf '%%s' '%s' >%s/text && openssl cms -sign -binary -nodetach -keyid -signer "
			  "%s/ca.crt -inkey %s/private/ca.key -in %s/text -outform DER -out %s/signed",
			  texts[i], fx.dir, fx.pki, fx.pki, fx.dir, fx.dir),
		    0);
		char path[256];
		snprintf(path, sizeof path, "%s/signed", fx.dir);
		assert_ok(file_read(path, 65536, &cms, &e), &e);
		assert_int_equal(ca_checkpoint_check(ca, &cms, &c, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_says(&e, "is not a checkpoint");
		blob_free(&cms);
	}
	ca_close(&ca);
}

static void nothing_is_signed_without_the_key_or_for_a_name_of_two_lines(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob der = BLOB_INIT;
	struct ca_checkpoint c = some();
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_open(&fx);
	assert_int_equal(ca_checkpoint(ca, &c, &der, &e), -1);
	assert_says(&e, "not unlocked");
	unlock(ca);
	strcpy(c.database, "x\nrecord: 1");
	assert_int_equal(ca_checkpoint(ca, &c, &der, &e), -1);
	assert_says(&e, "no line of text");
	ca_close(&ca);
}

static void the_same_over_the_socket(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	struct blob der = BLOB_INIT;
	struct ca_checkpoint c = some(), read = {.record = 0};
	fixture_use(&fx, "rsa");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	assert_ok(signer_unlock_begin(s, NULL, &e), &e);
	assert_ok(signer_unlock_end(s, &e), &e);
	assert_ok(signer_checkpoint(s, &c, &der, &e), &e);
	assert_true(c.time != 0);
	assert_ok(signer_checkpoint_check(s, &der, &read, &e), &e);
	assert_int_equal(read.record, c.record);
	assert_int_equal(read.time, c.time);
	der.len = 3;
	assert_int_equal(signer_checkpoint_check(s, &der, &read, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	signer_stop(&s);
	ca_info_free(&info);
	blob_free(&der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_signed_is_read_back_also_from_pem),
	    cmocka_unit_test(openssl_verifies_it_without_tokenroll),
	    cmocka_unit_test(one_of_another_ca_is_refused),
	    cmocka_unit_test(a_changed_byte_is_found_wherever_it_is),
	    cmocka_unit_test(what_is_no_checkpoint_is_told_from_one_that_was_changed),
	    cmocka_unit_test(what_the_ca_has_signed_for_another_purpose_is_no_checkpoint),
	    cmocka_unit_test(nothing_is_signed_without_the_key_or_for_a_name_of_two_lines),
	    cmocka_unit_test(the_same_over_the_socket),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
