/* The CA through its process: the same answers over the socket, and an end without a trace. */
#include "attestation_fixture.h"
#include "ca_fixture.h"

#include "ca/confine.h"

#include <sys/wait.h>

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

static struct signer *start(struct ca_info *info)
{
	struct err e = ERR_INIT;
	struct signer *s = NULL;
	fixture_use(&fx, "rsa-encrypted");
	assert_ok(signer_start(&s, &fx.cfg, true, fixture_note, &fx, &e), &e);
	assert_ok(signer_open(s, info, &e), &e);
	return s;
}

static int unlock(struct signer *s, const char *passphrase, struct err *e)
{
	struct secret *secret = secret_new();
	assert_ok(secret_set(secret, passphrase, strlen(passphrase), e), e);
	int ret = signer_unlock_begin(s, secret, e);
	secret_free(&secret);
	return ret == 0 ? signer_unlock_end(s, e) : ret;
}

static void a_whole_issue_over_the_socket(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_issued out;
	struct ca_certificate found, checked;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	bool is_there = true;
	struct signer *s = start(&info);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_true(info.has_key);
	assert_true(info.needs_passphrase);
	assert_string_equal(info.subject, "/CN=Test CA");
	assert_int_equal(unlock(s, "wrong", &e), -1);
	assert_int_equal(e.code, ERR_CA_PASSPHRASE);
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	assert_ok(signer_subject(s, "alice", &subject, &e), &e);
	assert_ok(signer_find(s, "alice", &is_there, &found, &e), &e);
	assert_false(is_there);
	make_csr(&csr, key, &subject);
	struct ca_request req = {.user = "alice", .csr = &csr, .days = 30, .serial = {0xAB, 1}};
	assert_ok(signer_issue(s, &req, &out, &e), &e);
	assert_string_equal(out.cert.serial, "AB010000000000000000000000000000");
	assert_in_range(out.cert.not_after - time(NULL), 30 * 86400 - 60, 30 * 86400);
	assert_ok(signer_find(s, "alice", &is_there, &found, &e), &e);
	assert_true(is_there);
	assert_true(blob_equal(&found.der, &out.cert.der));
	assert_ok(signer_check(s, "alice", &out.cert.spki, &out.cert.der, &checked, &e), &e);
	assert_string_equal(checked.serial, out.cert.serial);
	assert_ok(signer_settle(s, out.cert.serial, &e), &e);
	ca_certificate_free(&found);
	ca_certificate_free(&checked);
	ca_certificate_free(&out.cert);
	ca_info_free(&info);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(key);
	signer_stop(&s);
	assert_null(s);
	assert_false(pki_has(&fx, "lock.file"));
}

static void a_name_that_would_be_a_path_is_refused_there_as_well(void **state)
{
	(void)state;
	static const char *const names[] = {"../alice", "a/b", "", "-x", ".hidden", "a b"};
	struct ca_info info;
	struct signer *s = start(&info);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err e = ERR_INIT;
		struct blob subject = BLOB_INIT;
		assert_int_equal(signer_subject(s, names[i], &subject, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	ca_info_free(&info);
	signer_stop(&s);
}

static void a_pki_that_cannot_be_opened_is_an_error_of_the_start(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct signer *s = NULL;
	char nowhere[] = "/nonexistent/pki";
	fixture_use(&fx, "rsa-encrypted");
	fx.cfg.pki = nowhere;
	assert_ok(signer_start(&s, &fx.cfg, false, NULL, NULL, &e), &e);
	assert_int_equal(signer_open(s, &info, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, nowhere);
	signer_stop(&s);
}

/* In a process of its own: there is no way back. */
static void once_confined_only_the_pki_can_be_written(void **state)
{
	(void)state;
	char inside[256], outside[256], crl_dir[256], crl[300];
	int status;
	fixture_use(&fx, "rsa-encrypted");
	snprintf(inside, sizeof inside, "%s/issued/x", fx.pki);
	snprintf(outside, sizeof outside, "%s/x", fx.dir);
	snprintf(crl_dir, sizeof crl_dir, "%s/published", fx.dir);
	snprintf(crl, sizeof crl, "%s/crl.pem", crl_dir);
	assert_int_equal(mkdir(crl_dir, 0700), 0);
	fx.cfg.crl = crl;
	pid_t pid = fork();
	if (pid == 0) {
		struct ca *ca = fixture_open(&fx);
		if (!ca_confine(ca))
			_exit(77);
		_exit(file_write(inside, "x", 1, 0600, NULL) == 0 && file_write(crl, "x", 1, 0644, NULL) == 0 &&
			      file_write(outside, "x", 1, 0600, NULL) != 0 && shell("true") != 0
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* this kernel has no Landlock */
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(pki_has(&fx, "issued/x"));
	assert_int_equal(access(crl, F_OK), 0);
	assert_int_not_equal(access(outside, F_OK), 0);
}

static void a_replacement_works_in_confinement(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_issued first, second;
	struct blob subject = BLOB_INIT, csr = BLOB_INIT;
	struct signer *s = start(&info);
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	assert_ok(unlock(s, PASSPHRASE, &e), &e);
	assert_ok(signer_subject(s, "alice", &subject, &e), &e);
	make_csr(&csr, keys[0], &subject);
	struct ca_request req = {.user = "alice", .csr = &csr, .serial = {0xAB, 1}};
	assert_ok(signer_issue(s, &req, &first, &e), &e);
	make_csr(&csr, keys[1], &subject);
	req.serial[0] = 0xAC;
	req.replace = true;
	assert_ok(signer_issue(s, &req, &second, &e), &e);
	assert_string_equal(second.replaced, first.cert.serial);
	assert_true(pki_has(&fx, "revoked/certs_by_serial/%s.crt", second.replaced));
	assert_true(pki_has(&fx, "crl.pem"));
	ca_certificate_free(&first.cert);
	ca_certificate_free(&second.cert);
	ca_info_free(&info);
	blob_free(&subject);
	blob_free(&csr);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	signer_stop(&s);
}

/* ---- attestation */

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
	struct vendor v;
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
	struct vendor v, forger;
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
	struct vendor v;
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
	struct vendor v;
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
	    cmocka_unit_test(a_whole_issue_over_the_socket),
	    cmocka_unit_test(a_name_that_would_be_a_path_is_refused_there_as_well),
	    cmocka_unit_test(a_pki_that_cannot_be_opened_is_an_error_of_the_start),
	    cmocka_unit_test(once_confined_only_the_pki_can_be_written),
	    cmocka_unit_test(a_replacement_works_in_confinement),
	    cmocka_unit_test(a_proof_is_judged_before_anything_is_issued),
	    cmocka_unit_test(without_requirement_a_wrong_proof_is_still_refused),
	    cmocka_unit_test(without_roots_a_proof_is_not_judged),
	    cmocka_unit_test(a_proof_for_an_offline_ca_is_judged_without_its_key),
	    cmocka_unit_test(roots_that_cannot_be_read_are_an_error_of_the_start),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
