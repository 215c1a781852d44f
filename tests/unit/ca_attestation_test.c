/* A token's proof that it made a key: what is believed, and that nothing else is. */
#include "attestation_judge.h"

/* ---- what is believed */

static void a_statement_is_read_in_all_it_says(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob proof = BLOB_INIT;
	struct attestation a;
	usual_proof(&proof);
	assert_ok(judge(&(struct trial){.roots = NULL}, &proof, &a, &e), &e);
	assert_string_equal(a.format, "yubico");
	assert_string_equal(a.serial, STATEMENT_SERIAL);
	assert_string_equal(a.firmware, "5.4.3");
	assert_int_equal(a.pin, KEYPOLICY_PIN_ONCE);
	assert_int_equal(a.touch, KEYPOLICY_TOUCH_NEVER);
	assert_int_equal(a.form_factor, 4);
	assert_string_equal(a.slot, "9a");
	assert_string_equal(a.text, STATEMENT_TEXT);
	blob_free(&proof);
}

static void a_token_that_shows_no_serial_is_known_by_its_key(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	usual_proof(&proof);
	accepted(&(struct trial){.serial = ""}, &proof, STATEMENT_TEXT);
	accepted(&(struct trial){.serial = "0015732500"}, &proof, STATEMENT_TEXT);
	blob_free(&proof);
}

static void rsa_keys_are_compared_as_keys(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	EVP_PKEY *ec = key;
	key = EVP_RSA_gen(2048);
	usual_proof(&proof);
	accepted(&(struct trial){.roots = NULL}, &proof, STATEMENT_TEXT);
	EVP_PKEY_free(key);
	key = ec;
	refused(&(struct trial){.roots = NULL}, &proof, "for another key");
	blob_free(&proof);
}

/* YubiKeys from 5.7.4 on: between the device and the root are two that no token carries. */
static void intermediates_of_the_file_help_a_chain(void **state)
{
	(void)state;
	static const struct maker makers[] = {
	    {.cn = "Test Attestation Root 1", .basic = "critical,CA:TRUE,pathlen:3", .usage = "critical,keyCertSign"},
	    {.cn = "Test Intermediate B 1", .basic = "critical,CA:TRUE,pathlen:2", .usage = "critical,keyCertSign"},
	    {.cn = "Test PIV B 1", .basic = "critical,CA:TRUE,pathlen:1", .usage = "critical,keyCertSign"},
	    {.cn = "YubiKey PIV Attestation", .basic = "critical,CA:TRUE,pathlen:0", .ext = {YUBICO "3=050704"}},
	};
	struct blob proof = BLOB_INIT;
	struct pair p[4];
	for (size_t i = 0; i < 4; i++)
		p[i] = make_pair(&makers[i], i > 0 ? &p[i - 1] : NULL);
	X509 *const all[] = {p[2].cert, p[0].cert, p[1].cert};
	struct attestation_roots *whole = read_roots(all, 3), *bare = read_roots(all + 1, 1);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &p[3]);
	accepted(&(struct trial){.roots = whole}, &proof, STATEMENT_TEXT);
	refused(&(struct trial){.roots = bare}, &proof, "does not end at a root in");
	/* a token may carry them as well */
	append(&proof, p[2].cert);
	append(&proof, p[1].cert);
	accepted(&(struct trial){.roots = bare}, &proof, STATEMENT_TEXT);
	refused(&(struct trial){.roots = NULL}, &proof, roots_file);
	attestation_roots_free(&whole);
	attestation_roots_free(&bare);
	for (size_t i = 0; i < 4; i++)
		free_pair(&p[i]);
	blob_free(&proof);
}

static const struct maker old_device = {.cn = "Yubico PIV Attestation", .ext = {YUBICO "3=040307"}};
static const struct maker old_statement = {.cn = "YubiKey PIV Attestation 9a",
					   .ext = {YUBICO "3=040307", YUBICO "8=0201"}};

/* No basicConstraints in the device, no serial in the statement, and a root with pathlen 0. */
static void old_yubikeys_are_taken_as_they_are(void **state)
{
	(void)state;
	static const struct maker u2f = {
	    .cn = "Test U2F Root", .basic = "CA:TRUE,pathlen:0", .usage = "critical,keyCertSign"};
	struct blob proof = BLOB_INIT;
	struct pair old = make_pair(&old_device, &root);
	make_proof(&proof, &old_statement, &old);
	accepted(&(struct trial){.roots = NULL}, &proof,
		 "yubico: serial not told, firmware 4.3.7, PIN once, touch never");
	struct pair narrow = make_pair(&u2f, NULL), older = make_pair(&old_device, &narrow);
	struct attestation_roots *others = read_roots(&narrow.cert, 1);
	make_proof(&proof, &old_statement, &older);
	accepted(&(struct trial){.roots = others}, &proof,
		 "yubico: serial not told, firmware 4.3.7, PIN once, touch never");
	attestation_roots_free(&others);
	free_pair(&narrow);
	free_pair(&older);
	free_pair(&old);
	blob_free(&proof);
}

static void a_token_has_no_clock(void **state)
{
	(void)state;
	struct maker statement = MAKER_STATEMENT;
	struct blob proof = BLOB_INIT;
	statement.from = -20;
	statement.to = -10;
	make_proof(&proof, &statement, &device);
	accepted(&(struct trial){.roots = NULL}, &proof, STATEMENT_TEXT);
	statement.from = 10;
	statement.to = 20;
	make_proof(&proof, &statement, &device);
	accepted(&(struct trial){.roots = NULL}, &proof, STATEMENT_TEXT);
	blob_free(&proof);
}

/* ---- what is not */

static void another_key_or_token_is_refused(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	EVP_PKEY *own = key;
	key = EVP_EC_gen("P-256");
	usual_proof(&proof);
	EVP_PKEY_free(key);
	key = own;
	refused(&(struct trial){.roots = NULL}, &proof, "for another key than the request's");
	usual_proof(&proof);
	refused(&(struct trial){.serial = "15732501"}, &proof, "serial 15732500 is not that of token 15732501");
	refused(&(struct trial){.serial = "D9F3A1"}, &proof, "is not that of token D9F3A1");
	blob_free(&proof);
}

static void a_root_that_is_not_in_the_file_is_refused(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	struct pair forger = make_pair(&(struct maker)MAKER_ROOT, NULL);
	struct pair fake = make_pair(&(struct maker)MAKER_DEVICE, &forger);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &fake); /* the same names, other keys */
	refused(&(struct trial){.roots = NULL}, &proof, "chain");
	append(&proof, forger.cert);
	refused(&(struct trial){.roots = NULL}, &proof, "chain");
	struct maker m = MAKER_ROOT;
	m.cn = "Another Root";
	struct pair other = make_pair(&m, NULL), elsewhere = make_pair(&(struct maker)MAKER_DEVICE, &other);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &elsewhere);
	refused(&(struct trial){.roots = NULL}, &proof, "does not end at a root in");
	refused(&(struct trial){.roots = NULL}, &proof, roots_file);
	/* without the device's certificate there is no way to any root */
	blob_free(&proof);
	X509 *alone = make_certificate(&(struct maker)MAKER_STATEMENT, key, &device);
	append(&proof, alone);
	refused(&(struct trial){.roots = NULL}, &proof, "does not end at a root in");
	X509_free(alone);
	/* and one signed by itself is its own root at most */
	struct maker self = MAKER_STATEMENT;
	blob_free(&proof);
	alone = make_certificate(&self, key, NULL);
	append(&proof, alone);
	refused(&(struct trial){.roots = NULL}, &proof, "does not end at a root in");
	X509_free(alone);
	free_pair(&forger);
	free_pair(&fake);
	free_pair(&other);
	free_pair(&elsewhere);
	blob_free(&proof);
}

static void an_intermediate_in_the_file_is_no_root(void **state)
{
	(void)state;
	struct maker m = MAKER_ROOT;
	struct blob proof = BLOB_INIT;
	m.cn = "Unrelated Root";
	struct pair other = make_pair(&m, NULL);
	X509 *const certs[] = {device.cert, other.cert};
	struct attestation_roots *r = read_roots(certs, 2);
	usual_proof(&proof);
	refused(&(struct trial){.roots = r}, &proof, "does not end at a root in");
	attestation_roots_free(&r);
	free_pair(&other);
	blob_free(&proof);
}

/* Whoever has the PIN of a token can sign anything with the key of an attested slot, also another statement. */
static void a_statement_signs_no_statements(void **state)
{
	(void)state;
	const struct maker *const makers[] = {&(struct maker)MAKER_STATEMENT, &old_statement};
	struct pair old = make_pair(&old_device, &root);
	for (size_t i = 0; i < 2; i++) {
		struct pair slot = make_pair(makers[i], i == 0 ? &device : &old);
		struct blob proof = BLOB_INIT;
		struct maker forged = *makers[i];
		forged.cn = "YubiKey PIV Attestation 9c";
		X509 *cert = make_certificate(&forged, key, &slot);
		append(&proof, cert);
		append(&proof, slot.cert);
		append(&proof, i == 0 ? device.cert : old.cert);
		refused(&(struct trial){.roots = NULL}, &proof, "chain cannot be trusted");
		X509_free(cert);
		free_pair(&slot);
		blob_free(&proof);
	}
	free_pair(&old);
}

/* What is forgiven is what the vendor is known for, and no more. */
static void other_certificates_that_are_no_ca_are_refused(void **state)
{
	(void)state;
	static const struct maker makers[] = {
	    {.cn = "Yubico U2F EE Serial 123", .ext = {YUBICO "3=040307"}},
	    {.cn = "Yubico PIV Attestation", .basic = "CA:FALSE", .ext = {YUBICO "3=040307"}},
	    {.cn = "Yubico PIV Attestation", .ext = {YUBICO "3=040307", YUBICO "8=0201"}},
	};
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		struct pair p = make_pair(&makers[i], &root);
		struct blob proof = BLOB_INIT;
		make_proof(&proof, &old_statement, &p);
		refused(&(struct trial){.roots = NULL}, &proof, "chain cannot be trusted");
		blob_free(&proof);
		free_pair(&p);
	}
	/* below another device it is not the root that has signed */
	struct blob proof = BLOB_INIT;
	static const struct maker middle = {.cn = "Middle", .basic = "critical,CA:TRUE"};
	struct maker wide = MAKER_ROOT;
	wide.basic = "critical,CA:TRUE";
	wide.cn = "Wide Root";
	struct pair r = make_pair(&wide, NULL), m = make_pair(&middle, &r), d = make_pair(&old_device, &m);
	struct attestation_roots *others = read_roots(&r.cert, 1);
	make_proof(&proof, &old_statement, &d);
	append(&proof, m.cert);
	refused(&(struct trial){.roots = others}, &proof, "chain cannot be trusted");
	attestation_roots_free(&others);
	free_pair(&r);
	free_pair(&m);
	free_pair(&d);
	blob_free(&proof);
}

static void an_expired_device_is_refused(void **state)
{
	(void)state;
	struct maker m = MAKER_DEVICE;
	struct blob proof = BLOB_INIT;
	m.from = -20;
	m.to = -1;
	struct pair old = make_pair(&m, &root);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &old);
	refused(&(struct trial){.roots = NULL}, &proof, "CN=Yubico PIV Attestation has expired");
	m.from = 1;
	m.to = 20;
	struct pair early = make_pair(&m, &root);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &early);
	refused(&(struct trial){.roots = NULL}, &proof, "CN=Yubico PIV Attestation is not valid yet");
	free_pair(&old);
	free_pair(&early);
	blob_free(&proof);
}

static void a_weak_link_is_refused(void **state)
{
	(void)state;
	struct blob proof = BLOB_INIT;
	struct pair weak = {NULL, EVP_RSA_gen(1024)};
	weak.cert = make_certificate(&(struct maker)MAKER_DEVICE, weak.key, &root);
	make_proof(&proof, &(struct maker)MAKER_STATEMENT, &weak);
	refused(&(struct trial){.roots = NULL}, &proof, "chain cannot be trusted");
	free_pair(&weak);
	blob_free(&proof);
}

static void a_statement_has_to_be_readable(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		const char *ext[6];
	} cases[] = {
	    {"no kind that this version knows", {NULL}},
	    {"no kind that this version knows", {"1.3.6.1.4.1.41482.5.8=0201"}},
	    {"does not tell the key's PIN and touch policy", {YUBICO "3=050403", YUBICO "7=020101"}},
	    {"does not tell the token's firmware", {YUBICO "7=020101", YUBICO "8=0201"}},
	    {"does not tell the token's serial", {YUBICO "3=050000", YUBICO "8=0201"}},
	    {"firmware", {YUBICO "3=0504", YUBICO "7=020101", YUBICO "8=0201"}},
	    {"firmware", {YUBICO "3=", YUBICO "7=020101", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=02", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=0200", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=0202F0", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=02017F00", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=0404F00F1400", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=0204F00F1400", YUBICO "8=0201"}}, /* negative */
	    {"serial", {YUBICO "3=050403", YUBICO "7=0209010000000000000000", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=020A00000000000000000001", YUBICO "8=0201"}},
	    {"PIN and touch policy", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=02"}},
	    {"PIN and touch policy", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=020100"}},
	    {"does not know (00 01)", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0001"}},
	    {"does not know (06 01)", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0601"}},
	    {"does not know (02 00)", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0200"}},
	    {"does not know (ff ff)", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=FFFF"}},
	    {"form factor", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0201", YUBICO "9=0404"}},
	    {"PIN and touch policy", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0201", YUBICO "8=0201"}},
	    {"serial", {YUBICO "3=050403", YUBICO "7=020101", YUBICO "8=0201", YUBICO "7=020102"}},
	};
	struct blob proof = BLOB_INIT;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct maker m = {.cn = "YubiKey PIV Attestation 9a"};
		memcpy(m.ext, cases[i].ext, sizeof m.ext);
		make_proof(&proof, &m, &device);
		refused(&(struct trial){.serial = ""}, &proof, cases[i].says);
	}
	blob_free(&proof);
}

static void serials_of_every_size_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *ext, *serial;
	} cases[] = {
	    {YUBICO "7=020100", "0"},
	    {YUBICO "7=020101", "1"},
	    {YUBICO "7=0204007F0001", "8323073"}, /* longer than it has to be */
	    {YUBICO "7=02087FFFFFFFFFFFFFFF", "9223372036854775807"},
	    {YUBICO "7=020900FFFFFFFFFFFFFFFF", "18446744073709551615"},
	};
	struct blob proof = BLOB_INIT;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		struct attestation a;
		struct maker m = {.cn = "no slot", .ext = {YUBICO "3=FFFFFF", YUBICO "8=0503", cases[i].ext}};
		make_proof(&proof, &m, &device);
		assert_ok(judge(&(struct trial){.serial = cases[i].serial}, &proof, &a, &e), &e);
		assert_string_equal(a.serial, cases[i].serial);
		assert_string_equal(a.firmware, "255.255.255");
		assert_string_equal(a.slot, "");
	}
	blob_free(&proof);
}

static void pin_and_touch_policy_are_the_companys(void **state)
{
	(void)state;
	static const char *const pins[] = {
	    [1] = "never", [2] = "once", [3] = "always", [4] = "match-once", [5] = "match-always"};
	struct blob proof = BLOB_INIT;
	for (unsigned pin = 1; pin <= 5; pin++) {
		for (unsigned touch = 1; touch <= 3; touch++) {
			char ext[64], says[64];
			struct err e = ERR_INIT;
			struct attestation a;
			snprintf(ext, sizeof ext, YUBICO "8=%02X%02X", pin, touch);
			snprintf(says, sizeof says, "PIN policy is \"%s\"", pins[pin]);
			struct maker m = {.cn = "x", .ext = {YUBICO "3=050403", YUBICO "7=020400F00F14", ext}};
			make_proof(&proof, &m, &device);
			struct trial t = {.roots = NULL};
			if (pin == 1)
				refused(&t, &proof, says);
			else
				assert_ok(judge(&t, &proof, &a, &e), &e);
			t.policy.pins = KEYPOLICY_PIN_BIT(pin); /* the numbers are the same here */
			assert_ok(judge(&t, &proof, &a, &e), &e);
			t.policy.touch_required = true;
			if (touch == 1)
				refused(&t, &proof, "touch policy is \"never\"");
			else
				assert_ok(judge(&t, &proof, &a, &e), &e);
			t.policy = (struct attestation_policy){.pins = KEYPOLICY_PIN_BIT(pin % 5 + 1)};
			refused(&t, &proof, says);
		}
	}
	blob_free(&proof);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_statement_is_read_in_all_it_says),
	    cmocka_unit_test(a_token_that_shows_no_serial_is_known_by_its_key),
	    cmocka_unit_test(rsa_keys_are_compared_as_keys),
	    cmocka_unit_test(intermediates_of_the_file_help_a_chain),
	    cmocka_unit_test(old_yubikeys_are_taken_as_they_are),
	    cmocka_unit_test(a_token_has_no_clock),
	    cmocka_unit_test(another_key_or_token_is_refused),
	    cmocka_unit_test(a_root_that_is_not_in_the_file_is_refused),
	    cmocka_unit_test(an_intermediate_in_the_file_is_no_root),
	    cmocka_unit_test(a_statement_signs_no_statements),
	    cmocka_unit_test(other_certificates_that_are_no_ca_are_refused),
	    cmocka_unit_test(an_expired_device_is_refused),
	    cmocka_unit_test(a_weak_link_is_refused),
	    cmocka_unit_test(a_statement_has_to_be_readable),
	    cmocka_unit_test(serials_of_every_size_are_read),
	    cmocka_unit_test(pin_and_touch_policy_are_the_companys),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
