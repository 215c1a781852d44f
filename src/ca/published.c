#include "ca/published.h"

#include "ca/crlfile.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static bool is_own(const struct certlist *crl, const struct ca *ca)
{
	return X509_NAME_cmp(certlist_head(crl).issuer, X509_get_subject_name(ca->cert)) == 0 &&
	       certlist_verify(crl, X509_get0_pubkey(ca->cert));
}

/* Below 0 if a is the older one. */
static int compare_age(const struct certlist *a, const struct certlist *b)
{
	BIGNUM *of_a = certlist_number(a), *of_b = certlist_number(b);
	int order;
	if (of_a != NULL && of_b != NULL)
		order = BN_cmp(of_a, of_b);
	else
		order = ASN1_TIME_compare(certlist_head(a).this_update, certlist_head(b).this_update);
	BN_free(of_a);
	BN_free(of_b);
	return order;
}

int crls_read_made(struct crls *c, const struct ca *ca, struct err *e)
{
	if (file_read(c->made_path, CRL_FILE_MAX, &c->made_text, e) != 0) {
		if (errno != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	c->made = certlist_read(c->made_text.data, c->made_text.len);
	if (c->made != NULL && is_own(c->made, ca)) {
		ERR_clear_error();
		return 0;
	}
	err_openssl(e, ERR_CA_PKI, "%s is not a CRL of this CA, or is damaged", c->made_path);
	return err_next(e, "make a new one with `easyrsa gen-crl`, then run the same command again");
}

/* Appends, and the end of a line if it is missing. */
static void keep(struct blob *to, const char *text, size_t len)
{
	to->data = xrealloc(to->data, to->len + len + 1, 1);
	memcpy(to->data + to->len, text, len);
	to->len += len;
	if (to->data[to->len - 1] != '\n')
		to->data[to->len++] = '\n';
}

/* Parts the published file into this CA's and all else. */
static void sort_published(struct crls *c, const struct ca *ca)
{
	struct crlfile_block b;
	for (size_t pos = 0; crlfile_next(&c->read_text, &pos, &b);) {
		bool own = b.crl != NULL && is_own(b.crl, ca), whole = own || (b.crl != NULL && crlfile_is_whole(&b));
		if (b.is_crl && !whole && !crlfile_names(&b, X509_get_subject_name(ca->cert)))
			keep(&c->damaged, b.text, b.len);
		else if (!own && (whole || !b.is_crl))
			keep(&c->others, b.text, b.len);
		if (own && (c->read == NULL || compare_age(c->read, b.crl) < 0)) {
			certlist_free(&c->read);
			c->read = b.crl;
		} else {
			certlist_free(&b.crl);
		}
	}
	ERR_clear_error();
}

int crls_read_published(struct crls *c, const struct ca *ca, struct err *e)
{
	if (file_read(ca->crl_file, CRL_FILE_MAX, &c->read_text, e) != 0) {
		if (errno != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (c->read_text.len == 0 || crlfile_has_any(&c->read_text)) {
		sort_published(c, ca);
		return 0;
	}
	err_set(e, ERR_CA_FAILED, "%s is something else than a CRL in PEM form, and is not replaced by one",
		ca->crl_file);
	return err_next(e, "correct [ca] crl, or remove that file");
}

int crls_read(struct crls *ret, const struct ca *ca, struct err *e)
{
	ret->made_path = pki_path(ca, "crl.pem");
	if (crls_read_made(ret, ca, e) == 0 && crls_read_published(ret, ca, e) == 0)
		return 0;
	if (e != NULL && e->code == ERR_SYSTEM)
		e->code = ERR_CA_FAILED;
	return -1;
}

void crls_free(struct crls *c)
{
	free(c->made_path);
	blob_free(&c->made_text);
	blob_free(&c->read_text);
	certlist_free(&c->made);
	certlist_free(&c->read);
	blob_free(&c->others);
	blob_free(&c->damaged);
}

bool crls_same(const struct crls *c, const struct ca *ca)
{
	return strcmp(c->made_path, ca->crl_file) == 0 || blob_equal(&c->made_text, &c->read_text);
}

void crls_missing(const struct crls *c, const struct ca *ca, const char *user, char ret[CA_SERIAL_HEX_MAX])
{
	struct index_row row;
	ret[0] = '\0';
	for (size_t pos = 0; ca->index != NULL && index_next_named(ca->index, user, &pos, &row);) {
		if (row.status != 'R')
			continue;
		char *serial = span_text(row.serial);
		if (c->made != NULL && certlist_has(c->made, serial) &&
		    (c->read == NULL || !certlist_has(c->read, serial)))
			snprintf(ret, CA_SERIAL_HEX_MAX, "%s", serial);
		free(serial);
	}
}

bool crls_outdated(const struct crls *c)
{
	if (c->made == NULL || c->read == NULL)
		return c->made != NULL;
	int order = compare_age(c->read, c->made);
	/* two of the same age that differ: the CA's own is right */
	return order < 0 || (order == 0 && !certlist_equal(c->read, c->made));
}

static time_t time_of(const ASN1_TIME *t)
{
	struct tm tm;
	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

void crls_describe(const struct certlist *l, struct ca_crl *ret)
{
	const struct certlist_head head = certlist_head(l);
	BIGNUM *number = certlist_number(l);
	char *text = number != NULL ? BN_bn2dec(number) : NULL;
	snprintf(ret->number, sizeof ret->number, "%s", text != NULL ? text : "");
	ret->entries = certlist_count(l);
	ret->this_update = time_of(head.this_update);
	ret->next_update = time_of(head.next_update);
	OPENSSL_free(text);
	BN_free(number);
}
