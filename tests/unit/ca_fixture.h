/*
 * ca_fixture: real easy-rsa directories in a private folder, and requests for
 * them, for the ca_*_test programs.
 */
#ifndef CA_FIXTURE_H
#define CA_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/ca.h"
#include "core/file.h"
#include "core/keytype.h"
#include "core/xalloc.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define EASYRSA_PROGRAM "/usr/share/easy-rsa/easyrsa"
#define PASSPHRASE "correct horse"

#define assert_ok(call, e)                                                      \
	do {                                                                    \
		if ((call) != 0)                                                \
			fail_msg("%s: %s (%s)", #call, (e)->what, (e)->native); \
	} while (0)

#define assert_says(e, text)                                                       \
	do {                                                                       \
		if (strstr((e)->what, (text)) == NULL)                             \
			fail_msg("\"%s\" does not say \"%s\"", (e)->what, (text)); \
	} while (0)

struct fixture {
	char dir[128]; /* of this program, with the directories that tests copy */
	char pki[160]; /* the one under test: DIR/work/pki */
	struct config_ca cfg;
	char notes[4096];
	int n_notes;
};

static inline int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline int shell(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	return system(command);
}

/* easyrsa with these arguments on the directory under test, with nothing of our environment. Its output is in
 * DIR/easyrsa.log. */
#define EASYRSA_ENV "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin EASYRSA_BATCH=1 "

static inline int easyrsa(struct fixture *f, const char *args)
{
	return shell("cd %s/work && " EASYRSA_ENV EASYRSA_PROGRAM " %s >%s/easyrsa.log 2>&1", f->dir, args, f->dir);
}

static inline void must_easyrsa(struct fixture *f, const char *args)
{
	if (easyrsa(f, args) != 0) {
		shell("cat %s/easyrsa.log >&2", f->dir);
		fail_msg("easyrsa %s failed", args);
	}
}

/* DIR/NAME/pki with a CA: algorithm "rsa" or "ec", key encrypted or not. */
static inline void fixture_make_pki(struct fixture *f, const char *name, const char *algo, bool encrypted)
{
	char *pass = xasprintf("--passin=file:%s/pass --passout=file:%s/pass", f->dir, f->dir);
	assert_int_equal(shell("rm -rf %s/work && mkdir %s/work && printf '%s\\n%s\\n' > %s/pass", f->dir, f->dir,
			       PASSPHRASE, PASSPHRASE, f->dir),
			 0);
	must_easyrsa(f, "init-pki");
	char *args = xasprintf("--use-algo=%s %s --req-cn='Test CA' build-ca %s", algo, encrypted ? pass : "",
			       encrypted ? "" : "nopass");
	must_easyrsa(f, args);
	assert_int_equal(shell("rm -rf %s/%s && mv %s/work %s/%s", f->dir, name, f->dir, f->dir, name), 0);
	free(args);
	free(pass);
}

static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/tokenroll-ca-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		abort();
	snprintf(f->pki, sizeof f->pki, "%s/work/pki", f->dir);
	f->cfg = (struct config_ca){.pki = f->pki, .key_types = KEYTYPE_ALL, .lock_wait = 5};
}

/* A fresh copy of a directory that fixture_make_pki made, to work on. */
static inline void fixture_use(struct fixture *f, const char *name)
{
	assert_int_equal(shell("rm -rf %s/work && cp -a %s/%s %s/work", f->dir, f->dir, name, f->dir), 0);
	f->cfg = (struct config_ca){.pki = f->pki, .key_types = KEYTYPE_ALL, .lock_wait = 5};
	f->notes[0] = '\0';
	f->n_notes = 0;
}

static inline void fixture_done(struct fixture *f)
{
	shell("rm -rf %s", f->dir);
}

static inline void fixture_note(void *arg, const char *text)
{
	struct fixture *f = arg;
	size_t n = strlen(f->notes);
	snprintf(f->notes + n, sizeof f->notes - n, "%s\n", text);
	f->n_notes++;
}

/* Adds a line to the vars of the directory under test. */
static inline void fixture_set_var(struct fixture *f, const char *line)
{
	char path[256];
	snprintf(path, sizeof path, "%s/vars", f->pki);
	FILE *out = fopen(path, "a");
	assert_non_null(out);
	fprintf(out, "%s\n", line);
	/* easy-rsa 3.2 makes no such file; as all in the folder it has to be private */
	assert_int_equal(fchmod(fileno(out), 0600), 0);
	fclose(out);
}

static inline struct ca *fixture_open(struct fixture *f)
{
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca *ca = NULL;
	assert_ok(ca_open(&ca, &f->cfg, fixture_note, f, &info, &e), &e);
	ca_info_free(&info);
	return ca;
}

/* Open and unlocked, with the passphrase if the key has one. */
static inline struct ca *fixture_unlocked(struct fixture *f)
{
	struct err e = ERR_INIT;
	struct ca *ca = fixture_open(f);
	struct secret *s = secret_new();
	assert_ok(secret_set(s, PASSPHRASE, strlen(PASSPHRASE), &e), &e);
	assert_ok(ca_unlock(ca, s, &e), &e);
	secret_free(&s);
	return ca;
}

/* A request for this key with the subject (X509_NAME DER), signed. */
static inline void make_csr(struct blob *ret, EVP_PKEY *key, const struct blob *subject)
{
	X509_REQ *req = X509_REQ_new();
	const unsigned char *p = subject->data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)subject->len);
	unsigned char *der = NULL;
	assert_int_equal(X509_REQ_set_subject_name(req, name), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(req, &der);
	assert_true(n > 0);
	blob_set(ret, der, (size_t)n);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(req);
}

/* The request that a user's token would make. */
static inline void user_csr(struct blob *ret, struct ca *ca, const char *user, EVP_PKEY *key)
{
	struct err e = ERR_INIT;
	struct blob subject = BLOB_INIT;
	assert_ok(ca_subject(ca, user, &subject, &e), &e);
	make_csr(ret, key, &subject);
	blob_free(&subject);
}

static inline int try_issue(struct ca *ca, const char *user, EVP_PKEY *key, bool replace, struct ca_issued *ret,
			    struct err *e)
{
	struct blob csr = BLOB_INIT;
	struct ca_request req = {.user = user, .csr = &csr, .replace = replace};
	memset(req.serial, 0x5A, sizeof req.serial);
	/* one key, one proposal, as the journal has it */
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	unsigned char digest[EVP_MAX_MD_SIZE];
	assert_int_equal(EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL), 1);
	memcpy(req.serial, digest, sizeof req.serial);
	OPENSSL_free(der);
	user_csr(&csr, ca, user, key);
	memset(ret, 0, sizeof *ret);
	int status = ca_issue(ca, &req, ret, e);
	blob_free(&csr);
	return status;
}

/* A renewal or rekeying of the user whose certificates are those with these serials. */
static inline int try_issue_beside(struct ca *ca, const char *user, EVP_PKEY *key, const char *beside,
				   struct ca_issued *ret, struct err *e)
{
	struct blob csr = BLOB_INIT;
	struct ca_request req = {.user = user, .csr = &csr, .beside = beside};
	unsigned char digest[EVP_MAX_MD_SIZE];
	/* another proposal than the one before */
	assert_int_equal(EVP_Digest(beside, strlen(beside), digest, NULL, EVP_sha256(), NULL), 1);
	memcpy(req.serial, digest, sizeof req.serial);
	user_csr(&csr, ca, user, key);
	memset(ret, 0, sizeof *ret);
	int status = ca_issue(ca, &req, ret, e);
	blob_free(&csr);
	return status;
}

static inline void must_issue(struct ca *ca, const char *user, EVP_PKEY *key, bool replace, struct ca_issued *ret)
{
	struct err e = ERR_INIT;
	assert_ok(try_issue(ca, user, key, replace, ret, &e), &e);
}

/* Lines of a file under PKI that match an extended regular expression. */
static inline int count_lines(struct fixture *f, const char *file, const char *pattern)
{
	char command[1024];
	snprintf(command, sizeof command, "cat %s/%s 2>/dev/null | grep -cE '%s'", f->pki, file, pattern);
	FILE *p = popen(command, "r");
	int n = -1;
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static inline bool pki_has(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool pki_has(struct fixture *f, const char *fmt, ...)
{
	char name[256], path[512];
	struct stat st;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s/%s", f->pki, name);
	return lstat(path, &st) == 0;
}

static inline void write_text(const char *path, const char *text)
{
	struct err e = ERR_INIT;
	assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
}

#endif
