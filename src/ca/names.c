#include "ca/names.h"

#include "ca/certificate.h"
#include "ca/subject.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* A row's certificate is in certs_by_serial, but `easyrsa renew` keeps the older one by name only. */
X509 *names_certificate(const struct ca *ca, const char *user, const char *serial)
{
	char *paths[3] = {pki_path(ca, "certs_by_serial/%s.pem", serial), pki_path(ca, "issued/%s.crt", user),
			  pki_path(ca, "renewed/issued/%s.crt", user)};
	X509 *ret = NULL;
	for (size_t i = 0; i < 3; i++) {
		X509 *cert = ret == NULL ? certificate_read(paths[i], NULL) : NULL;
		char *own = cert != NULL ? certificate_serial(cert) : NULL;
		if (own != NULL && strcmp(own, serial) == 0) {
			ret = cert;
			cert = NULL;
		}
		free(own);
		X509_free(cert);
		free(paths[i]);
	}
	return ret;
}

bool names_next_valid(const struct ca *ca, const char *user, size_t *pos, struct name_row *row)
{
	struct index_row r;
	names_row_free(row);
	while (index_next_named(ca->index, user, pos, &r)) {
		if (r.status != 'V' || index_time(r.not_after) <= time(NULL))
			continue;
		snprintf(row->serial, sizeof row->serial, "%.*s", (int)r.serial.len, r.serial.p);
		row->not_after = index_time(r.not_after);
		row->cert = names_certificate(ca, user, row->serial);
		return true;
	}
	return false;
}

void names_row_free(struct name_row *row)
{
	X509_free(row->cert);
	row->cert = NULL;
}

bool names_has(const struct ca *ca, const char *user, const struct index_row *row)
{
	struct index_row r;
	for (size_t pos = 0; index_next_named(ca->index, user, &pos, &r);) {
		if (r.line.p == row->line.p)
			return true;
	}
	return false;
}

int names_taken(const char *user, const struct name_row *row, struct err *e)
{
	char until[32] = "";
	struct tm tm;
	if (gmtime_r(&row->not_after, &tm) == NULL || strftime(until, sizeof until, "%Y-%m-%d", &tm) == 0)
		snprintf(until, sizeof until, "its end");
	err_set(e, ERR_NAME_TAKEN, "%s already has a certificate for another key, serial %s, valid until %s", user,
		row->serial, until);
	return err_next(e, "with --replace it is revoked as superseded and a new one is issued");
}

void names_last_superseded(const struct ca *ca, const char *user, char ret[CA_SERIAL_HEX_MAX])
{
	static const char reason[] = ",superseded";
	struct index_row r;
	for (size_t pos = 0; index_next_named(ca->index, user, &pos, &r);) {
		size_t n = sizeof reason - 1;
		if (r.status == 'R' && r.revoked.len > n && memcmp(r.revoked.p + r.revoked.len - n, reason, n) == 0)
			snprintf(ret, CA_SERIAL_HEX_MAX, "%.*s", (int)r.serial.len, r.serial.p);
	}
}

int names_check_file(const struct ca *ca, const char *user, struct err *e)
{
	char *path = pki_path(ca, "issued/%s.crt", user);
	X509 *cert = certificate_read(path, NULL);
	char *serial = cert != NULL ? certificate_serial(cert) : NULL;
	struct index_row row;
	int ret = 0;
	if (cert != NULL && !subject_has_cn(X509_get_subject_name(cert), user) &&
	    certificate_not_after(cert) > time(NULL) && index_by_serial(ca->index, serial, &row) && row.status == 'V') {
		err_set(e, ERR_NAME_TAKEN, "the file %s is a valid certificate of somebody else, %.*s", path,
			(int)row.subject.len, row.subject.p);
		err_next(e, "choose another name, or revoke that certificate with easyrsa");
		ret = -1;
	}
	free(serial);
	X509_free(cert);
	free(path);
	return ret;
}

static bool find_expired(const struct ca *ca, const char *user, const char *subject, char ret[CA_SERIAL_HEX_MAX])
{
	struct index_row r;
	for (size_t pos = 0; index_next_named(ca->index, user, &pos, &r);) {
		if (r.status == 'V' && r.subject.len == strlen(subject) &&
		    memcmp(r.subject.p, subject, r.subject.len) == 0 && index_time(r.not_after) <= time(NULL)) {
			snprintf(ret, CA_SERIAL_HEX_MAX, "%.*s", (int)r.serial.len, r.serial.p);
			return true;
		}
	}
	return false;
}

int names_make_room(struct ca *ca, const char *user, const X509_REQ *req, struct err *e)
{
	char *index = pki_path(ca, "index.txt");
	bool unique = index_unique_subjects(index);
	free(index);
	if (!unique)
		return 0;
	char serial[CA_SERIAL_HEX_MAX];
	char *subject = X509_NAME_oneline(X509_REQ_get_subject_name(req), NULL, 0);
	int ret = 0;
	while (ret == 0 && subject != NULL && find_expired(ca, user, subject, serial)) {
		const struct index_edit edit = {serial, 'E', ""};
		ret = index_edit(ca->index, &edit, e);
	}
	OPENSSL_free(subject);
	return ret;
}
