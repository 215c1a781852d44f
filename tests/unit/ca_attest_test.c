/* The signer and a token's proof: judged before anything is issued, and for certificates that are signed elsewhere. */
#include "attestation_fixture.h"

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa-encrypted", "rsa", true);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static int unlock(struct signer *s, const char *passphrase, struct err *e)
{
	struct secret *secret = secret_new();
	assert_ok(secret_set(secret, passphrase, strlen(passphrase), e), e);
	int ret = signer_unlock_begin(s, secret, e);
	secret_free(&secret);
	return ret == 0 ? signer_unlock_end(s, e) : ret;
}

struct vendor {
	char file[192];
	struct pair root, device;
};

static void make_vendor(struct vendor *v)
{
	snprintf(v->file, sizeof v->file, "%s/vendor.pem", fx.dir);
	v->root = make_pair(&(struct maker)MAKER_ROOT, NULL);
	v->device = make_pair(&(struct maker)MAKER_DEVICE, &v->root);
	write_pem(v->file, &v->root.cert, 1);
}

static void free_vendor(struct vendor *v)
{
	free_pair(&v->root);
	free_pair(&v->device);
}

static void attest(struct blob *ret, const struct vendor *v, EVP_PKEY *key)
{
	X509 *statement = make_certificate(&(struct maker)MAKER_STATEMENT, key, &v->device);
	blob_free(ret);
	append(ret, statement);
	append(ret, v->device.cert);
	X509_free(statement);
}

static struct signer *start_attested(char *roots, bool require)
{
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	fixture_use(&fx, "rsa-encrypted");
	fx.cfg.attestation_roots = roots;
	fx.cfg.require_attestation = require;
	assert_ok(signer_start(&s, &fx.cfg, true, NULL, NULL, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	ca_info_free(&info);
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	return s;
}

static void must_say(struct signer *s, const struct ca_request *req, bool existed, const char *attested)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	assert_ok(signer_issue(s, req, &out, &e), &e);
	assert_int_equal(out.existed, existed);
	assert_string_equal(out.attested, attested);
	ca_certificate_free(&out.cert);
}

static void must_refuse(struct signer *s, const struct ca_request *req, const char *says)
{
	struct err e = ERR_INIT;
	struct ca_issued out;
	assert_int_equal(signer_issue(s, req, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, says);
	assert_true(err_advice(&e)[0] != '\0');
}

/* A request of alice's with a proof of this vendor's. */
struct asked {
	EVP_PKEY *key;
	struct blob subject, csr, proof;
	struct ca_request req;
};

static void ask(struct asked *a, struct signer *s, const struct vendor *v)
{
	struct err e = ERR_INIT;
	memset(a, 0, sizeof *a);
	a->key = EVP_EC_gen("P-256");
	assert_ok(signer_subject(s, "alice", &a->subject, &e), &e);
	make_csr(&a->csr, a->key, &a->subject);
	attest(&a->proof, v, a->key);
	a->req = (struct ca_request){
	    .user = "alice", .csr = &a->csr, .serial = {0xAB, 1}, .proof = {&a->proof, STATEMENT_SERIAL}};
}

static void free_asked(struct asked *a)
{
	EVP_PKEY_free(a->key);
	blob_free(&a->subject);
	blob_free(&a->csr);
	blob_free(&a->proof);
}

static void a_proof_is_judged_before_anything_is_issued(void **state)
{
	(void)state;
	struct vendor v = {.file = ""};
	struct asked a;
	struct blob other = BLOB_INIT;
	make_vendor(&v);
	struct signer *s = start_attested(v.file, true);
	EVP_PKEY *other_key = EVP_EC_gen("P-256");
	ask(&a, s, &v);
	attest(&other, &v, other_key);
	struct ca_request bad = a.req;
	bad.proof.attestation = NULL;
	must_refuse(s, &bad, "this token gave no proof that its key was made inside it");
	bad.proof.attestation = &other;
	must_refuse(s, &bad, "the request of alice is refused: the attestation is for another key");
	bad = a.req;
	bad.proof.token_serial = "456";
	must_refuse(s, &bad, "serial 15732500 is not that of token 456");
	assert_int_equal(count_lines(&fx, "index.txt", "."), 0);
	must_say(s, &a.req, false, STATEMENT_TEXT);
	must_say(s, &a.req, true, STATEMENT_TEXT);
	must_refuse(s, &bad, "serial"); /* what exists is not given out either */
	bad = a.req;
	bad.proof.attestation = NULL;
	must_refuse(s, &bad, "no proof");
	assert_int_equal(count_lines(&fx, "index.txt", "."), 1);
	signer_stop(&s);
	EVP_PKEY_free(other_key);
	blob_free(&other);
	free_asked(&a);
	free_vendor(&v);
}

static void without_requirement_a_wrong_proof_is_still_refused(void **state)
{
	(void)state;
	struct vendor v = {.file = ""}, forger = {.file = ""};
	struct asked a;
	make_vendor(&forger);
	make_vendor(&v);
	struct signer *s = start_attested(v.file, false);
	ask(&a, s, &forger);
	must_refuse(s, &a.req, "chain");
	assert_int_equal(count_lines(&fx, "index.txt", "."), 0);
	a.req.proof = (struct ca_proof){NULL, NULL};
	must_say(s, &a.req, false, "none: the token gave no proof");
	signer_stop(&s);
	free_asked(&a);
	free_vendor(&v);
	free_vendor(&forger);
}

static void without_roots_a_proof_is_not_judged(void **state)
{
	(void)state;
	struct vendor v = {.file = ""};
	struct asked a;
	make_vendor(&v);
	struct signer *s = start_attested(NULL, false);
	ask(&a, s, &v);
	a.req.proof.token_serial = "456";
	must_say(s, &a.req, false, "not verified: no attestation-roots");
	signer_stop(&s);
	free_asked(&a);
	free_vendor(&v);
}

static void a_proof_for_an_offline_ca_is_judged_without_its_key(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct vendor v = {.file = ""};
	struct blob spki = BLOB_INIT, proof = BLOB_INIT, huge = BLOB_INIT;
	struct ca_info info;
	char said[CA_ATTESTED_MAX];
	struct signer *s = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	make_vendor(&v);
	fixture_use(&fx, "rsa-encrypted");
	fx.cfg.attestation_roots = v.file;
	fx.cfg.attestation_touch = true;
	assert_ok(signer_start(&s, &fx.cfg, true, NULL, NULL, &e), &e);
	assert_ok(signer_open(s, &info, &e), &e);
	int n = i2d_PUBKEY(key, &der);
	blob_set(&spki, der, (size_t)n);
	attest(&proof, &v, key);
	struct ca_proof p = {&proof, STATEMENT_SERIAL};
	assert_int_equal(signer_attest(s, "alice", &spki, &p, said, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, "touch policy is \"never\"");
	assert_ok(signer_attest(s, "alice", &spki, &(struct ca_proof){NULL, NULL}, said, &e), &e);
	assert_string_equal(said, "none: the token gave no proof");
	blob_take(&huge, xcalloc(1, (size_t)1 << 20), (size_t)1 << 20);
	p.attestation = &huge;
	assert_int_equal(signer_attest(s, "alice", &spki, &p, said, &e), -1);
	assert_says(&e, "longer than any can be");
	spki.len--;
	assert_int_equal(signer_attest(s, "alice", &spki, &p, said, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, "public key cannot be read");
	signer_stop(&s);
	ca_info_free(&info);
	blob_free(&spki);
	blob_free(&proof);
	blob_free(&huge);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	free_vendor(&v);
}

static void roots_that_cannot_be_read_are_an_error_of_the_start(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	char nowhere[] = "/nonexistent/roots.pem";
	fixture_use(&fx, "rsa-encrypted");
	fx.cfg.attestation_roots = nowhere;
	assert_ok(signer_start(&s, &fx.cfg, false, NULL, NULL, &e), &e);
	assert_int_equal(signer_open(s, &info, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_says(&e, nowhere);
	signer_stop(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_proof_is_judged_before_anything_is_issued),
	    cmocka_unit_test(without_requirement_a_wrong_proof_is_still_refused),
	    cmocka_unit_test(without_roots_a_proof_is_not_judged),
	    cmocka_unit_test(a_proof_for_an_offline_ca_is_judged_without_its_key),
	    cmocka_unit_test(roots_that_cannot_be_read_are_an_error_of_the_start),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
