#include "ca/redo.h"

#include "ca/beside.h"
#include "ca/certificate.h"
#include "ca/revoke.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* The certificate that a recorded row is about, if it was written. */
static X509 *recorded_certificate(const struct ca *ca, const char *row)
{
	const char *p = row;
	for (int i = 0; i < 3; i++)
		p += strcspn(p, "\t") + (p[strcspn(p, "\t")] != '\0');
	char *path = pki_path(ca, "certs_by_serial/%.*s.pem", (int)strcspn(p, "\t"), p);
	X509 *cert = certificate_read(path, NULL);
	char *own = cert != NULL ? index_row_of(cert) : NULL;
	if (own == NULL || strcmp(own, row) != 0) {
		X509_free(cert);
		cert = NULL;
	}
	free(own);
	free(path);
	return cert;
}

static int open_index(struct ca *ca, struct err *e)
{
	if (ca->index != NULL)
		return index_refresh(ca->index, e);
	char *path = pki_path(ca, "index.txt");
	int ret = index_open(&ca->index, path, e);
	free(path);
	return ret;
}

static int restore(struct ca *ca, const struct record *r, const X509 *cert, struct err *e)
{
	struct index_row row;
	char *path = pki_path(ca, "index.txt");
	int ret = index_cut_torn(path, r->row, e);
	free(path);
	if (ret == 0)
		ret = open_index(ca, e);
	if (ret != 0 || cert == NULL)
		return ret;
	char *serial = certificate_serial(cert);
	if (!index_by_serial(ca->index, serial, &row))
		ret = index_append(ca->index, r->row, e);
	free(serial);
	return ret;
}

int redo_row(struct ca *ca, struct err *e)
{
	struct record r = RECORD_INIT;
	bool found = false;
	int ret = record_read(ca->pki, &found, &r, e);
	if (ret == 0 && found && r.row != NULL) {
		X509 *cert = recorded_certificate(ca, r.row);
		ret = restore(ca, &r, cert, e);
		X509_free(cert);
	} else if (ret == 0) {
		ret = open_index(ca, e);
	}
	record_free(&r);
	return ret;
}

static int restore_issued(const struct ca *ca, const char *name, X509 *cert, struct err *e)
{
	struct blob text = BLOB_INIT;
	char *path = pki_path(ca, "issued/%s.crt", name);
	int ret = certificate_text(&text, cert, e);
	if (ret == 0)
		ret = pki_write(path, text.data, text.len, e);
	blob_free(&text);
	free(path);
	return ret;
}

static int finish_issue(struct ca *ca, const struct record *r, struct err *e)
{
	X509 *cert = recorded_certificate(ca, r->row);
	int ret = restore(ca, r, cert, e);
	if (ret == 0 && cert != NULL && r->aside != NULL)
		ret = beside_put_aside(ca, r->name, r->aside, e);
	if (ret == 0 && cert != NULL && r->name[0] != '\0')
		ret = restore_issued(ca, r->name, cert, e);
	X509_free(cert);
	return ret;
}

/* "DATE,superseded": a revocation for any other reason was not made to replace something. */
static bool is_superseded(const char *revoked)
{
	const char *comma = strchr(revoked, ',');
	return comma != NULL && strcmp(comma + 1, "superseded") == 0;
}

int redo_all(struct ca *ca, const char *user, char replaced[CA_SERIAL_HEX_MAX], struct err *e)
{
	struct record r = RECORD_INIT;
	bool found = false;
	int ret = record_read(ca->pki, &found, &r, e);
	if (ret != 0 || !found)
		return ret == 0 ? open_index(ca, e) : ret;
	if (r.row != NULL)
		ret = finish_issue(ca, &r, e);
	else
		ret = revoke_finish(ca, r.name, r.revoke, r.revoked, e);
	if (ret == 0 && r.revoke != NULL && strcmp(r.name, user) == 0 && is_superseded(r.revoked))
		snprintf(replaced, CA_SERIAL_HEX_MAX, "%s", r.revoke);
	if (ret == 0)
		ret = record_remove(ca->pki, e);
	record_free(&r);
	return ret;
}

int redo_add_row(struct ca *ca, const char *user, const X509 *cert, struct err *e)
{
	struct record r = {.name = xstrdup(user), .row = index_row_of(cert)};
	int ret = r.row == NULL ? err_openssl(e, ERR_CA_FAILED, "cannot make the row of a certificate")
				: record_write(ca->pki, &r, e);
	if (ret == 0)
		ret = index_append(ca->index, r.row, e);
	if (ret == 0)
		ret = record_remove(ca->pki, e);
	record_free(&r);
	return ret;
}
