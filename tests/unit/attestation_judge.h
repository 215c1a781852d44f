/*
 * attestation_judge: one vendor, one device and one key, and what is made of
 * proofs about it, for the ca_attestation_*_test programs.
 */
#ifndef ATTESTATION_JUDGE_H
#define ATTESTATION_JUDGE_H

#include "attestation_fixture.h"

#include "ca/attestation.h"

static char dir[64], roots_file[80];
static struct pair root, device;
static EVP_PKEY *key;
static struct attestation_roots *roots;

static inline int make_all(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	snprintf(dir, sizeof dir, "/tmp/tokenroll-attest-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(roots_file, sizeof roots_file, "%s/roots.pem", dir);
	root = make_pair(&(struct maker)MAKER_ROOT, NULL);
	device = make_pair(&(struct maker)MAKER_DEVICE, &root);
	key = EVP_EC_gen("P-256");
	write_pem(roots_file, &root.cert, 1);
	assert_ok(attestation_roots_read(&roots, roots_file, &e), &e);
	return 0;
}

static inline int remove_all(void **state)
{
	(void)state;
	attestation_roots_free(&roots);
	free_pair(&root);
	free_pair(&device);
	EVP_PKEY_free(key);
	shell("rm -rf %s", dir);
	return 0;
}

struct trial {
	const struct attestation_roots *roots; /* NULL: the usual ones */
	struct attestation_policy policy;
	const char *serial; /* NULL: the statement's own */
};

static inline int judge(const struct trial *t, const struct blob *proof, struct attestation *ret, struct err *e)
{
	struct attestation_claim claim = {key, t->serial != NULL ? t->serial : STATEMENT_SERIAL};
	return attestation_verify(ret, t->roots != NULL ? t->roots : roots, &t->policy, &claim, proof, e);
}

static inline void accepted(const struct trial *t, const struct blob *proof, const char *text)
{
	struct err e = ERR_INIT;
	struct attestation a;
	assert_ok(judge(t, proof, &a, &e), &e);
	assert_string_equal(a.text, text);
}

static inline void refused(const struct trial *t, const struct blob *proof, const char *says)
{
	struct err e = ERR_INIT;
	struct attestation a = {.format = "untouched"};
	assert_int_equal(judge(t, proof, &a, &e), -1);
	assert_int_equal(e.code, ERR_CA_REFUSED);
	assert_says(&e, says);
	assert_true(err_advice(&e)[0] != '\0');
	assert_string_equal(a.format, "untouched");
}

/* A statement about the key by this device, and the device's certificate behind it. */
static inline void make_proof(struct blob *ret, const struct maker *statement, const struct pair *by)
{
	X509 *cert = make_certificate(statement, key, by);
	blob_free(ret);
	append(ret, cert);
	append(ret, by->cert);
	X509_free(cert);
}

static inline void usual_proof(struct blob *ret)
{
	make_proof(ret, &(struct maker)MAKER_STATEMENT, &device);
}

static inline struct attestation_roots *read_roots(X509 *const certs[], size_t n)
{
	struct err e = ERR_INIT;
	struct attestation_roots *ret = NULL;
	char path[96];
	snprintf(path, sizeof path, "%s/others.pem", dir);
	write_pem(path, certs, n);
	assert_ok(attestation_roots_read(&ret, path, &e), &e);
	return ret;
}

#endif
