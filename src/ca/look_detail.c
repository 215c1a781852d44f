/*
 * look_detail: one row of index.txt and what belongs to it.
 */
#include "ca/certificate.h"
#include "ca/look.h"
#include "ca/pki.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* The last common name of X509_NAME_oneline's text, else all of it. */
static void name_of(const struct index_row *row, char *ret, size_t size)
{
	const char *end = row->subject.p + row->subject.len, *found = NULL, *p = row->subject.p;
	while ((p = memmem(p, (size_t)(end - p), "/CN=", 4)) != NULL)
		found = p += 4;
	if (found == NULL) {
		snprintf(ret, size, "%.*s", (int)row->subject.len, row->subject.p);
		return;
	}
	const char *slash = memchr(found, '/', (size_t)(end - found));
	snprintf(ret, size, "%.*s", (int)((slash != NULL ? slash : end) - found), found);
}

static void reason_of(const struct index_row *row, char *ret, size_t size)
{
	const char *end = row->revoked.p + row->revoked.len;
	const char *comma = memchr(row->revoked.p, ',', row->revoked.len);
	if (comma == NULL)
		return;
	const char *stop = memchr(comma + 1, ',', (size_t)(end - comma - 1));
	snprintf(ret, size, "%.*s", (int)((stop != NULL ? stop : end) - comma - 1), comma + 1);
}

static X509 *with_serial(X509 *cert, const char *serial)
{
	char *own = cert != NULL ? certificate_serial(cert) : NULL;
	bool same = own != NULL && strcmp(own, serial) == 0;
	free(own);
	if (same)
		return cert;
	X509_free(cert);
	return NULL;
}

/* easy-rsa leaves the file in one of these places. */
static X509 *find_certificate(const struct ca *ca, const char *name, const char *serial)
{
	bool is_file_name = strchr(name, '/') == NULL;
	char *paths[] = {
	    pki_path(ca, "certs_by_serial/%s.pem", serial),
	    pki_path(ca, "revoked/certs_by_serial/%s.crt", serial),
	    pki_path(ca, "renewed/certs_by_serial/%s.crt", serial),
	    is_file_name ? pki_path(ca, "issued/%s.crt", name) : NULL,
	    is_file_name ? pki_path(ca, "renewed/issued/%s.crt", name) : NULL,
	};
	X509 *cert = NULL;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (cert == NULL && paths[i] != NULL)
			cert = with_serial(certificate_read(paths[i], NULL), serial);
		free(paths[i]);
	}
	ERR_clear_error();
	return cert;
}

static const char *purpose_of(X509 *cert)
{
	uint32_t may = X509_get_extended_key_usage(cert); /* all, if it does not say */
	bool client = (may & XKU_SSL_CLIENT) != 0, server = (may & XKU_SSL_SERVER) != 0;
	if (X509_check_ca(cert) != 0)
		return "";
	return client && server ? "both" : client ? "client" : server ? "server" : "";
}

/* The request that this certificate may have come of, or another one for its key. */
static void find_request(const struct ca *ca, const char *name, X509 *cert, struct blob *ret)
{
	struct blob text = BLOB_INIT;
	char *path = pki_path(ca, "reqs/%s.req", name);
	if (strchr(name, '/') == NULL && file_read(path, FILE_MAX_DEFAULT, &text, NULL) == 0) {
		BIO *in = BIO_new_mem_buf(text.data, (int)text.len);
		X509_REQ *req = in != NULL ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
		unsigned char *der = NULL;
		if (req != NULL && EVP_PKEY_eq(X509_REQ_get0_pubkey(req), X509_get0_pubkey(cert)) == 1) {
			int n = i2d_X509_REQ(req, &der);
			blob_set(ret, der, n > 0 ? (size_t)n : 0);
		}
		OPENSSL_free(der);
		X509_REQ_free(req);
		BIO_free(in);
		ERR_clear_error();
	}
	blob_free(&text);
	free(path);
}

int ca_look_detail(struct ca *ca, const char *serial, struct ca_detail *ret, struct err *e)
{
	struct ca_certificate c = {.serial = ""};
	const struct span wanted = {serial, strlen(serial)};
	struct index_row row;
	*ret = (struct ca_detail){.found = false};
	const struct span *at =
	    ca->n_serials != 0 ? bsearch(&wanted, ca->serials, ca->n_serials, sizeof wanted, look_by_serial) : NULL;
	if (at == NULL)
		return 0;
	if (index_row_at(ca->index, index_row_start(ca->index, at->p), &row) != 0)
		return err_set(e, ERR_CA_PKI, "index.txt was changed while it was read");
	ret->found = true;
	name_of(&row, ret->name, sizeof ret->name);
	snprintf(ret->subject, sizeof ret->subject, "%.*s", (int)row.subject.len, row.subject.p);
	reason_of(&row, ret->reason, sizeof ret->reason);
	X509 *cert = find_certificate(ca, ret->name, serial);
	if (cert != NULL && certificate_describe(&c, cert, e) == 0) {
		snprintf(ret->purpose, sizeof ret->purpose, "%s", purpose_of(cert));
		find_request(ca, ret->name, cert, &ret->request);
		ret->cert = c.der;
		ret->spki = c.spki;
	}
	X509_free(cert);
	return 0;
}

void ca_detail_free(struct ca_detail *d)
{
	blob_free(&d->cert);
	blob_free(&d->spki);
	blob_free(&d->request);
}
