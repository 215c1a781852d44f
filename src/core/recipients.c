#include "core/recipients.h"

#include "core/clean.h"
#include "core/day.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)
#define RSA_BITS_MIN 2048
#define WARN_DAYS 90
#define SECURITY_BITS_MIN 112 /* what RSA 2048 has, and P-224 (NIST SP 800-57, part 1, 5.6.1) */

struct recipients {
	X509 **certs;
	size_t n;
	char *names;
	char **notes;
	size_t n_notes;
	struct err not_valid; /* the first that is not valid now; ERR_NONE */
	const struct recipients_kind *kind;
};

size_t recipients_count(const struct recipients *r)
{
	return r->n;
}

X509 *recipients_certificate(const struct recipients *r, size_t i)
{
	return r->certs[i];
}

const char *recipients_names(const struct recipients *r)
{
	return r->names;
}

size_t recipients_note_count(const struct recipients *r)
{
	return r->n_notes;
}

const char *recipients_note(const struct recipients *r, size_t i)
{
	return r->notes[i];
}

void recipients_free(struct recipients **r)
{
	if (r == NULL || *r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++)
		X509_free((*r)->certs[i]);
	for (size_t i = 0; i < (*r)->n_notes; i++)
		free((*r)->notes[i]);
	free((*r)->notes);
	free((*r)->certs);
	free((*r)->names);
	free(*r);
	*r = NULL;
}

/* ---- what is said of a certificate */

static char *text_of(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);
	char *raw = xasprintf("%.*s", (int)len, data);
	char *clean = clean_dup(raw);
	free(raw);
	return clean;
}

/* To be freed. */
static char *name_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		return xstrdup("?");
	X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	BIO_puts(bio, " (serial ");
	i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(cert));
	BIO_puts(bio, ")");
	char *name = text_of(bio);
	BIO_free(bio);
	return name;
}

static void day_of(char ret[DAY_SIZE], const ASN1_TIME *t)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(ret, DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		snprintf(ret, DAY_SIZE, "unknown");
}

/* ---- what is wrong with it: each check writes a reason if it does not like the certificate */

#define REASON_SIZE 160

static void check_time(char *ret, X509 *cert)
{
	char day[DAY_SIZE];
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0) {
		day_of(day, X509_get0_notBefore(cert));
		snprintf(ret, REASON_SIZE, "is valid only from %s on", day);
	} else if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
		day_of(day, X509_get0_notAfter(cert));
		snprintf(ret, REASON_SIZE, "expired on %s", day);
	}
}

static void check_ca(char *ret, X509 *cert)
{
	/* 3 is a self-signed one of X.509 version 1, which says nothing of what it is for */
	int ca = X509_check_ca(cert);
	if (ca != 0 && ca != 3)
		snprintf(ret, REASON_SIZE, "is a CA's, whose key is for signing");
}

static void check_rsa(char *ret, X509 *cert, EVP_PKEY *key)
{
	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		snprintf(ret, REASON_SIZE, "has an RSA key of %d bits, and %d are the least", EVP_PKEY_get_bits(key),
			 RSA_BITS_MIN);
	else if ((X509_get_key_usage(cert) & KU_KEY_ENCIPHERMENT) == 0)
		snprintf(ret, REASON_SIZE, "is not for encryption: its keyUsage is without keyEncipherment");
}

static void check_ec(char *ret, X509 *cert, EVP_PKEY *key)
{
	char group[64];
	if (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
		snprintf(ret, REASON_SIZE, "has a key on a curve without a name");
	else if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS_MIN)
		snprintf(ret, REASON_SIZE, "has a key on the curve %s, which is too short", group);
	else if ((X509_get_key_usage(cert) & KU_KEY_AGREEMENT) == 0)
		snprintf(ret, REASON_SIZE, "is not for encryption: its keyUsage is without keyAgreement");
}

static void check_key(char *ret, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	if (key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		check_rsa(ret, cert, key);
	else if (key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		check_ec(ret, cert, key);
	else
		snprintf(ret, REASON_SIZE, "has a key that is neither RSA nor EC, so nothing can be encrypted to it");
}

static int check(const struct recipients *r, X509 *cert, const char *file, struct err *e)
{
	static void (*const checks[])(char *ret, X509 *cert) = {check_ca, check_key};
	char reason[REASON_SIZE] = "";
	for (size_t i = 0; i < sizeof checks / sizeof *checks && reason[0] == '\0'; i++)
		checks[i](reason, cert);
	if (reason[0] == '\0')
		return 0;
	char *name = name_of(cert);
	err_set(e, ERR_CONFIG, "%s: the %s %s %s", file, r->kind->what, name, reason);
	free(name);
	ERR_clear_error();
	return err_next(e, "%s, tells how to make one that can be used; nothing was changed", r->kind->how);
}

/* ---- what is said of a good one */

static void add_note(struct recipients *r, char *text)
{
	r->notes = xrealloc(r->notes, r->n_notes + 1, sizeof *r->notes);
	r->notes[r->n_notes++] = text;
}

/* One whose time is over, or has not come, is no mistake of whoever seals today: the others do. */
static bool is_valid_now(struct recipients *r, X509 *cert, const char *file)
{
	char reason[REASON_SIZE] = "";
	check_time(reason, cert);
	if (reason[0] == '\0')
		return true;
	char *name = name_of(cert);
	if (r->not_valid.code == ERR_NONE) {
		err_set(&r->not_valid, ERR_CONFIG, "%s: the %s %s %s", file, r->kind->what, name, reason);
		err_next(&r->not_valid, "%smake a new one and name that as %s: %s; nothing was changed", r->kind->old,
			 r->kind->key, r->kind->how);
	}
	add_note(r, xasprintf("the %s %s %s: nothing is sealed to it", r->kind->what, name, reason));
	free(name);
	return false;
}

static void warn_of_end(struct recipients *r, X509 *cert)
{
	time_t then = time(NULL) + (time_t)WARN_DAYS * 24 * 3600;
	char day[DAY_SIZE];
	if (X509_cmp_time(X509_get0_notAfter(cert), &then) >= 0)
		return;
	char *name = name_of(cert);
	day_of(day, X509_get0_notAfter(cert));
	add_note(r, xasprintf("the %s %s expires on %s: make a new one by then and add it as %s", r->kind->what, name,
			      day, r->kind->key));
	free(name);
}

/* ---- reading */

static bool is_known(const struct recipients *r, const X509 *cert)
{
	for (size_t i = 0; i < r->n; i++) {
		if (X509_cmp(r->certs[i], cert) == 0)
			return true;
	}
	return false;
}

static void add(struct recipients *r, X509 *cert)
{
	char *name = name_of(cert);
	char *names = r->names == NULL ? xstrdup(name) : xasprintf("%s; %s", r->names, name);
	free(r->names);
	free(name);
	r->names = names;
	r->certs = xrealloc(r->certs, r->n + 1, sizeof(X509 *));
	r->certs[r->n++] = cert;
}

static int damaged(const char *file, size_t number, struct err *e)
{
	err_openssl(e, ERR_CONFIG, "%s: certificate number %zu is damaged", file, number);
	return err_next(e, "put the certificate there again as it was made; nothing was changed");
}

/* *ret_n counts the certificates of the file, known ones too. */
static int add_all(struct recipients *r, BIO *bio, const char *file, size_t *ret_n, struct err *e)
{
	for (;;) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (cert == NULL)
			break;
		if (check(r, cert, file, e) != 0) {
			X509_free(cert);
			return -1;
		}
		++*ret_n;
		if (is_known(r, cert) || !is_valid_now(r, cert, file)) {
			X509_free(cert);
		} else {
			warn_of_end(r, cert);
			add(r, cert);
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return damaged(file, *ret_n + 1, e);
	ERR_clear_error();
	return 0;
}

static int none_in(const char *file, struct err *e)
{
	err_set(e, ERR_CONFIG, "%s has no certificate in PEM form in it", file);
	return err_next(e, "a certificate in DER is made PEM by 'openssl x509 -inform DER -in %s'", file);
}

/* Whoever has this computer would have all that is in escrow. */
static int has_key(const char *file, struct err *e)
{
	err_set(e, ERR_CONFIG, "%s has a private key in it, and here only the certificate is needed", file);
	return err_next(e, "keep the key away from this computer, and leave only the certificate in the file");
}

static int read_file(struct recipients *r, const char *file, struct err *e)
{
	struct blob text = BLOB_INIT;
	size_t n = 0;
	if (file_read(file, FILE_MAX, &text, e) != 0) {
		if (e != NULL)
			e->code = ERR_CONFIG;
		err_prefix(e, "no %s", r->kind->what);
		return err_next(e, "see that %s names a file that can be read", r->kind->key);
	}
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	int ret = -1;
	if (bio == NULL)
		err_openssl(e, ERR_SYSTEM, "cannot read %s", file);
	else if (memmem(text.data, text.len, "PRIVATE KEY-----", 16) != NULL)
		has_key(file, e);
	else
		ret = add_all(r, bio, file, &n, e);
	BIO_free(bio);
	blob_free(&text);
	return ret == 0 && n == 0 ? none_in(file, e) : ret;
}

static void none_valid(const struct recipients *r, struct err *e)
{
	if (e == NULL)
		return;
	*e = r->not_valid;
	size_t len = strlen(e->what);
	if (r->n_notes > 1)
		snprintf(e->what + len, sizeof e->what - len, ", and none of the others is valid now");
}

int recipients_load(struct recipients **ret, const struct recipients_kind *kind, char *const *files, size_t n,
		    struct err *e)
{
	struct recipients *r = xcalloc(1, sizeof *r);
	r->kind = kind;
	for (size_t i = 0; i < n; i++) {
		if (read_file(r, files[i], e) != 0) {
			recipients_free(&r);
			return -1;
		}
	}
	if (r->n == 0) {
		none_valid(r, e);
		recipients_free(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

static void append(struct blob *to, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	if (n > 0) {
		unsigned char *whole = xrealloc(to->data, to->len + (size_t)n, 1);
		memcpy(whole + to->len, der, (size_t)n);
		to->data = whole;
		to->len += (size_t)n;
	}
	OPENSSL_free(der);
}

void recipients_read(struct blob *ret_der, char *const *files, size_t n)
{
	blob_set(ret_der, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		struct blob text = BLOB_INIT;
		X509 *cert = NULL;
		BIO *bio =
		    file_read(files[i], FILE_MAX, &text, NULL) == 0 ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
		while (bio != NULL && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
			append(ret_der, cert);
			X509_free(cert);
		}
		BIO_free(bio);
		blob_free(&text);
	}
	ERR_clear_error();
}
