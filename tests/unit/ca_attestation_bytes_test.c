/* Bytes of a hostile token, and files of roots that are none: refused, whatever is in them. */
#include "attestation_judge.h"

static void bytes_that_are_no_proof_are_refused(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT, bad = BLOB_INIT;
	struct trial t = {.roots = NULL};
	usual_proof(&proof);
	refused(&t, &bad, "empty");
	for (size_t n = 1; n < proof.len; n++) {
		struct err e = ERR_INIT;
		struct attestation a;
		blob_set(&bad, proof.data, n);
		assert_int_equal(judge(&t, &bad, &a, &e), -1);
		assert_int_equal(e.code, ERR_CA_REFUSED);
	}
	blob_take(&bad, xcalloc(1, proof.len + 1), proof.len + 1);
	memcpy(bad.data, proof.data, proof.len);
	refused(&t, &bad, "not certificates in DER");
	blob_set(&bad, "-----BEGIN CERTIFICATE-----", 27);
	refused(&t, &bad, "not certificates in DER");
	blob_take(&bad, xcalloc(1, (size_t)1 << 20), (size_t)1 << 20);
	refused(&t, &bad, "longer than any can be");
	memcpy(bad.data, proof.data, proof.len);
	refused(&t, &bad, "longer than any can be");
	for (int i = 0; i < 3; i++)
		append(&proof, device.cert);
	refused(&t, &proof, "more certificates than any can have");
	blob_free(&bad);
	blob_free(&proof);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

/* Whatever is changed in the bytes: what is still accepted says the same. */
static void no_change_of_bytes_makes_another_statement(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT, bad = BLOB_INIT;
	uint32_t seed = 1;
	int taken = 0;
	usual_proof(&proof);
	for (int i = 0; i < 6000; i++) {
		struct err e = ERR_INIT;
		struct attestation a;
		blob_set(&bad, proof.data, proof.len);
		for (uint32_t n = next_random(&seed) % 4 + 1; n > 0; n--)
			bad.data[next_random(&seed) % bad.len] ^= (unsigned char)(1 + next_random(&seed) % 255);
		if (next_random(&seed) % 8 == 0)
			bad.len = next_random(&seed) % bad.len;
		if (judge(&(struct trial){.serial = ""}, &bad, &a, &e) == 0) {
			assert_string_equal(a.text, STATEMENT_TEXT);
			taken++;
		} else {
			assert_int_equal(e.code, ERR_CA_REFUSED);
		}
	}
	assert_in_range(taken, 0, 60); /* a change may hit what nobody looks at */
	blob_free(&bad);
	blob_free(&proof);
}

/* The same with statements that are signed, so that what is behind the signature is reached. */
static void extensions_may_hold_anything(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	uint32_t seed = 7;
	for (int i = 0; i < 400; i++) {
		struct maker m = {.cn = "YubiKey PIV Attestation 9a"};
		char ext[4][96];
		struct err e = ERR_INIT;
		struct attestation a;
		for (int k = 0; k < 4; k++) {
			static const char *const oids[] = {YUBICO "3=", YUBICO "7=", YUBICO "8=", YUBICO "9="};
			int n = snprintf(ext[k], sizeof ext[k], "%s", oids[next_random(&seed) % 8 == 0 ? 1 : k]);
			for (uint32_t len = next_random(&seed) % 13; len > 0; len--)
				n += snprintf(ext[k] + n, sizeof ext[k] - (size_t)n, "%02X",
					      next_random(&seed) % (len % 2 == 0 ? 6 : 256));
			m.ext[k] = ext[k];
		}
		make_proof(&proof, &m, &device);
		if (judge(&(struct trial){.serial = ""}, &proof, &a, &e) != 0) {
			assert_int_equal(e.code, ERR_CA_REFUSED);
			assert_true(err_advice(&e)[0] != '\0');
		}
	}
	blob_free(&proof);
}

/* ---- the file of roots */

static void bad_file(const char *make, const char *says)
{
	struct err e = ERR_INIT;
	struct attestation_roots *r = NULL;
	char path[96];
	snprintf(path, sizeof path, "%s/bad.pem", dir);
	assert_int_equal(shell("cd %s && rm -rf bad.pem && %s", dir, make), 0);
	assert_int_equal(attestation_roots_read(&r, path, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_null(r);
	assert_says(&e, path);
	assert_says(&e, says);
	assert_says(&e, "attestation-roots");
}

static void a_file_of_roots_that_cannot_be_used_is_named(void **state)
{
	(void)state;
	char device_file[96];
	snprintf(device_file, sizeof device_file, "%s/device.pem", dir);
	write_pem(device_file, &device.cert, 1);
	bad_file("true", "");
	bad_file("mkdir bad.pem", "");
	bad_file(": > bad.pem", "is empty");
	bad_file("echo no certificates here > bad.pem", "no certificate in PEM form");
	bad_file("openssl x509 -in roots.pem -outform DER -out bad.pem", "no certificate in PEM form");
	bad_file("openssl x509 -in roots.pem -pubkey -noout > bad.pem", "no certificate in PEM form");
	bad_file("head -c 300 roots.pem > bad.pem", "damaged");
	bad_file("cat roots.pem > bad.pem; sed 4d roots.pem >> bad.pem", "damaged");
	bad_file("cp device.pem bad.pem", "no root");
	bad_file("for i in $(seq 300); do cat roots.pem; done > bad.pem", "more certificates");
	bad_file("head -c 2000000 /dev/zero > bad.pem", "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_that_are_no_proof_are_refused),
	    cmocka_unit_test(no_change_of_bytes_makes_another_statement),
	    cmocka_unit_test(extensions_may_hold_anything),
	    cmocka_unit_test(a_file_of_roots_that_cannot_be_used_is_named),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
