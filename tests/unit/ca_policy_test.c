/* What the CA signs and what not, and which certificates from elsewhere it knows as its own. */
#include "ca_fixture.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static struct fixture fx;
static struct ca *ca;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "ec", "ec", false);
	fixture_make_pki(&fx, "other", "ec", false);
	fixture_use(&fx, "ec");
	ca = fixture_unlocked(&fx);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	ca_close(&ca);
	fixture_done(&fx);
	return 0;
}

static void refused(const struct blob *csr, const char *says)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct ca_request req = {.user = "alice", .csr = csr, .serial = {1}};
	assert_int_equal(ca_issue(ca, &req, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, says);
	assert_int_equal(count_lines(&fx, "index.txt", "."), 0);
}

static void refused_key(EVP_PKEY *key, const char *says)
{
	struct blob csr = BLOB_INIT;
	user_csr(&csr, ca, "alice", key);
	refused(&csr, says);
	blob_free(&csr);
	EVP_PKEY_free(key);
}

static EVP_PKEY *rsa_key(unsigned bits, unsigned exponent)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	BN_set_word(e, exponent);
	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits);
	EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *ec_key_explicit(void)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1);
	EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void keys_of_the_wrong_kind_are_refused(void **state)
{
	(void)state;
	refused_key(rsa_key(1024, 65537), "of a type that the CA does not accept");
	refused_key(rsa_key(2048, 3), "exponent");
	refused_key(EVP_EC_gen("secp256k1"), "of a type that the CA does not accept");
	refused_key(ec_key_explicit(), "curve");
}

static void a_key_type_that_the_configuration_leaves_out_is_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	ca_close(&ca);
	fx.cfg.key_types = KEYTYPE_BIT(KEYTYPE_EC_P384);
	ca = fixture_unlocked(&fx);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(try_issue(ca, "alice", key, false, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, "ec:P-256");
	EVP_PKEY_free(key);
	ca_close(&ca);
	fx.cfg.key_types = KEYTYPE_ALL;
	ca = fixture_unlocked(&fx);
}

static void a_request_that_is_not_exactly_right_is_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob csr = BLOB_INIT, bad = BLOB_INIT, subject = BLOB_INIT;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	user_csr(&csr, ca, "alice", key);
	/* the last byte is the signature's */
	blob_set(&bad, csr.data, csr.len);
	bad.data[bad.len - 1] ^= 1;
	refused(&bad, "not signed by the key it is for");
	blob_set(&bad, csr.data, csr.len - 1);
	refused(&bad, "not PKCS#10");
	unsigned char *longer = xcalloc(1, csr.len + 1);
	memcpy(longer, csr.data, csr.len);
	blob_take(&bad, longer, csr.len + 1);
	refused(&bad, "not PKCS#10");
	blob_set(&bad, "", 0);
	refused(&bad, "not PKCS#10");
	assert_ok(ca_subject(ca, "bob", &subject, &e), &e);
	make_csr(&bad, key, &subject);
	refused(&bad, "its subject is /CN=bob, not /CN=alice");
	/* the same text as another string type is another subject */
	X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;
	X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING, (const unsigned char *)"alice", -1, -1, 0);
	int n = i2d_X509_NAME(name, &der);
	blob_set(&subject, der, (size_t)n);
	make_csr(&bad, key, &subject);
	refused(&bad, "its subject is");
	OPENSSL_free(der);
	X509_NAME_free(name);
	blob_free(&subject);
	blob_free(&bad);
	blob_free(&csr);
	EVP_PKEY_free(key);
}

static void no_extension_of_the_request_is_copied(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_issued out;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	assert_ok(ca_subject(ca, "eve", &subject, &e), &e);
	const unsigned char *p = subject.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)subject.len);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE"));
	sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:vpn.example.com"));
	assert_int_equal(X509_REQ_add_extensions(req, exts), 1);
	X509_REQ_sign(req, key, EVP_sha256());
	unsigned char *der = NULL;
	int n = i2d_X509_REQ(req, &der);
	blob_set(&csr, der, (size_t)n);
	struct ca_request r = {.user = "eve", .csr = &csr, .serial = {9}};
	assert_ok(ca_issue(ca, &r, &out, &e), &e);
	assert_int_equal(count_lines(&fx, "issued/eve.crt", "vpn.example.com|CA:TRUE"), 0);
	assert_int_equal(count_lines(&fx, "issued/eve.crt", "CA:FALSE"), 1);
	must_easyrsa(&fx, "revoke eve");
	shell("cd %s && : > index.new && mv index.new index.txt", fx.pki);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	ca_certificate_free(&out.cert);
	blob_free(&subject);
	blob_free(&csr);
}

static void mismatch(const char *user, const struct blob *spki, const struct blob *cert, const char *says)
{
	struct err e = ERR_INIT;
	struct ca_certificate c;
	assert_int_equal(ca_check(ca, user, spki, cert, &c, &e), -1);
	assert_int_equal(e.code, ERR_CERT_MISMATCH);
	assert_says(&e, says);
}

static void spki_of(struct blob *ret, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	blob_set(ret, der, (size_t)n);
	OPENSSL_free(der);
}

/* Signs with easy-rsa, as somebody would at an offline CA. */
static void sign_elsewhere(const char *pki, const char *type, const char *user, EVP_PKEY *key, struct blob *ret)
{
	struct err e = ERR_INIT;
	struct blob csr = BLOB_INIT;
	char path[256];
	fixture_use(&fx, pki);
	user_csr(&csr, ca, user, key);
	snprintf(path, sizeof path, "%s/in.der", fx.dir);
	assert_ok(file_write(path, csr.data, csr.len, 0600, &e), &e);
	assert_int_equal(shell("openssl req -inform DER -in %s -out %s/reqs/%s.req", path, fx.pki, user), 0);
	char *args = xasprintf("sign-req %s %s", type, user);
	must_easyrsa(&fx, args);
	free(args);
	snprintf(path, sizeof path, "%s/issued/%s.crt", fx.pki, user);
	assert_ok(file_read(path, 65536, ret, &e), &e);
	blob_free(&csr);
}

static void a_certificate_from_elsewhere_is_checked_in_every_respect(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct blob good = BLOB_INIT, server = BLOB_INIT, foreign = BLOB_INIT, spki = BLOB_INIT, other_spki = BLOB_INIT;
	struct ca_certificate c = {.serial = ""};
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	spki_of(&spki, key);
	spki_of(&other_spki, other);
	sign_elsewhere("other", "client", "alice", key, &foreign);
	sign_elsewhere("ec", "server", "alice", key, &server);
	sign_elsewhere("ec", "client", "alice", key, &good);
	assert_ok(ca_check(ca, "alice", &spki, &good, &c, &e), &e);
	assert_true(blob_equal(&c.spki, &spki));
	assert_true(c.not_after > c.not_before);
	struct blob der = c.der;
	c.der = (struct blob)BLOB_INIT;
	ca_certificate_free(&c);
	assert_ok(ca_check(ca, "alice", &spki, &der, &c, &e), &e); /* DER as well as PEM */
	ca_certificate_free(&c);
	mismatch("alice", &other_spki, &good, "another public key");
	mismatch("bob", &spki, &good, "common name");
	mismatch("alice", &spki, &foreign, "not by the configured CA's key");
	mismatch("alice", &spki, &server, "not a client certificate");
	mismatch("alice", &spki, &spki, "no certificate");
	char *serial = xstrdup(c.serial), path[256], *row = NULL;
	snprintf(path, sizeof path, "%s/index.txt", fx.pki);
	row = xasprintf("R\t350101000000Z\t250101000000Z\t%s\tunknown\t/CN=alice\n", serial);
	write_text(path, row);
	mismatch("alice", &spki, &good, "revoked");
	write_text(path, "");
	free(row);
	free(serial);
	der.data[der.len - 1] ^= 1;
	mismatch("alice", &spki, &der, "signature");
	blob_free(&der);
	blob_free(&good);
	blob_free(&server);
	blob_free(&foreign);
	blob_free(&spki);
	blob_free(&other_spki);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* What an admin may give by mistake, and what there is to do then. */
static void a_file_that_is_no_certificate_is_told_for_what_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *make, *says, *advice;
	} cases[] = {
	    {": > x", "it is empty", "get it again"},
	    {"openssl req -new -key private/ca.key -subj /CN=x -out x", "a certificate request", "signed by the CA"},
	    {"openssl req -new -key private/ca.key -subj /CN=x -outform DER -out x", "a certificate request",
	     "signed by the CA"},
	    {"head -c 300 ca.crt > x", "is damaged", "get it again"},
	    {"sed 3d ca.crt > x", "is damaged", "get it again"},
	    {"openssl x509 -in ca.crt -outform DER | head -c 300 > x", "is damaged", "get it again"},
	    {"openssl crl2pkcs7 -nocrl -certfile ca.crt -out x", "PKCS#7", "openssl pkcs7 -print_certs -in"},
	    {"openssl crl2pkcs7 -nocrl -certfile ca.crt -outform DER -out x", "PKCS#7",
	     "openssl pkcs7 -print_certs -in"},
	    {"openssl pkcs12 -export -nokeys -in ca.crt -passout pass: -out x", "PKCS#12",
	     "openssl pkcs12 -nokeys -in"},
	    {"cp private/ca.key x", "a private key", "its certificate"},
	    {"openssl pkey -in private/ca.key -pubout -out x", "a public key", "its certificate"},
	    {"cp crl.pem x", "a CRL", "its certificate"},
	    {"echo 'Subject: your certificate' > x", "neither PEM nor DER", "its certificate"},
	    {"head -c 100 /dev/zero > x", "neither PEM nor DER", "its certificate"},
	};
	struct blob spki = BLOB_INIT;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char path[256];
	fixture_use(&fx, "ec");
	must_easyrsa(&fx, "gen-crl");
	spki_of(&spki, key);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		struct blob file = BLOB_INIT;
		struct ca_certificate c;
		if (shell("cd %s && %s", fx.pki, cases[i].make) != 0)
			fail_msg("%s", cases[i].make);
		snprintf(path, sizeof path, "%s/x", fx.pki);
		assert_ok(file_read(path, 65536, &file, &e), &e);
		assert_int_equal(ca_check(ca, "alice", &spki, &file, &c, &e), -1);
		assert_int_equal(e.code, ERR_CERT_MISMATCH);
		if (strstr(e.what, "no certificate") == NULL || strstr(e.what, cases[i].says) == NULL ||
		    strstr(err_advice(&e), cases[i].advice) == NULL)
			fail_msg("%s: \"%s\" \"%s\"", cases[i].make, e.what, err_advice(&e));
		blob_free(&file);
	}
	blob_free(&spki);
	EVP_PKEY_free(key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_of_the_wrong_kind_are_refused),
	    cmocka_unit_test(a_key_type_that_the_configuration_leaves_out_is_refused),
	    cmocka_unit_test(a_request_that_is_not_exactly_right_is_refused),
	    cmocka_unit_test(no_extension_of_the_request_is_copied),
	    cmocka_unit_test(a_certificate_from_elsewhere_is_checked_in_every_respect),
	    cmocka_unit_test(a_file_that_is_no_certificate_is_told_for_what_it_is),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
