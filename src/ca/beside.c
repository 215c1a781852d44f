#include "ca/beside.h"

#include "ca/certificate.h"
#include "ca/names.h"
#include "core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool beside_has(const char *list, const char *serial)
{
	size_t n = strlen(serial);
	for (const char *p = list; p != NULL && *p != '\0';) {
		size_t len = strcspn(p, " ");
		if (len == n && memcmp(p, serial, n) == 0)
			return true;
		p += len;
		p += strspn(p, " ");
	}
	return false;
}

static int refuse_unique(const struct ca *ca, const char *user, const struct name_row *row, struct err *e)
{
	err_set(
	    e, ERR_CA_PKI,
	    "%s has a valid certificate, serial %s, and index.txt.attr of %s says unique_subject = yes: with a second "
	    "one easyrsa could neither revoke nor make a CRL",
	    user, row->serial, ca->pki);
	return err_next(e,
			"write unique_subject = no into index.txt.attr, as `easyrsa init-pki` and `easyrsa renew` do, "
			"then run the same command again; nothing was changed");
}

static int refuse_other(const char *user, const struct name_row *row, struct err *e)
{
	names_taken(user, row, e);
	return err_next(e,
			"that one is not in tokenroll's journal: if nobody needs it, `easyrsa revoke %s`, then run the "
			"same command again",
			user);
}

int beside_check(const struct ca *ca, const char *user, const char *list, struct err *e)
{
	struct name_row row = NAME_ROW_INIT;
	char *index = pki_path(ca, "index.txt");
	bool unique = index_unique_subjects(index);
	int ret = 0;
	for (size_t pos = 0; ret == 0 && names_next_valid(ca, user, &pos, &row);) {
		if (!beside_has(list, row.serial))
			ret = refuse_other(user, &row, e);
		else if (unique)
			ret = refuse_unique(ca, user, &row, e);
	}
	names_row_free(&row);
	free(index);
	return ret;
}

/* The serial of the certificate in a file, "" if there is none. */
static void serial_in(const char *path, char ret[CA_SERIAL_HEX_MAX])
{
	X509 *cert = certificate_read(path, NULL);
	char *serial = cert != NULL ? certificate_serial(cert) : NULL;
	snprintf(ret, CA_SERIAL_HEX_MAX, "%s", serial != NULL ? serial : "");
	free(serial);
	X509_free(cert);
}

void beside_find(const struct ca *ca, const char *user, const char *list, char ret[CA_SERIAL_HEX_MAX])
{
	char *path = pki_path(ca, "issued/%s.crt", user);
	serial_in(path, ret);
	if (!beside_has(list, ret))
		ret[0] = '\0';
	free(path);
}

static int move(const char *from, const char *to, struct err *e)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return 0;
	return err_errno(e, ERR_CA_FAILED, "cannot move %s to %s", from, to);
}

/* One that was put aside before is still found by its serial; what is there by name need not be its only copy. */
static int make_room(const struct ca *ca, const char *aside, const char *serial, struct err *e)
{
	char before[CA_SERIAL_HEX_MAX];
	serial_in(aside, before);
	if (before[0] == '\0' || strcmp(before, serial) == 0)
		return 0;
	char *to = pki_path(ca, "certs_by_serial/%s.pem", before);
	int ret = move(aside, to, e);
	free(to);
	return ret;
}

static int drop_copy(const struct ca *ca, const char *serial, struct err *e)
{
	char *copy = pki_path(ca, "certs_by_serial/%s.pem", serial);
	int ret = unlink(copy) == 0 || errno == ENOENT ? 0 : err_errno(e, ERR_CA_FAILED, "cannot remove %s", copy);
	free(copy);
	return ret;
}

static int move_named(const struct ca *ca, const char *user, const char *folder, const char *ending, struct err *e)
{
	char *from = pki_path(ca, "%s/%s.%s", folder, user, ending);
	char *to = pki_path(ca, "renewed/%s/%s.%s", folder, user, ending);
	int ret = move(from, to, e);
	free(to);
	free(from);
	return ret;
}

static int make_folders(const struct ca *ca, struct err *e)
{
	static const char *const folders[] = {"renewed/issued", "renewed/private", "renewed/reqs"};
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof folders / sizeof *folders; i++)
		ret = pki_mkdir(ca, folders[i], e);
	return ret;
}

static int sync_folders(const struct ca *ca, struct err *e)
{
	static const char *const folders[] = {"renewed/issued", "renewed/private", "renewed/reqs", "issued", "private",
					      "reqs",           "certs_by_serial"};
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof folders / sizeof *folders; i++) {
		char *path = pki_path(ca, "%s", folders[i]);
		ret = file_sync_dir(path, e);
		free(path);
	}
	return ret;
}

/* The certificate is moved last: as long as it is there, what else there is by that name goes with it. */
static int move_all(const struct ca *ca, const char *user, const char *aside, const char *serial, struct err *e)
{
	if (make_folders(ca, e) != 0 || make_room(ca, aside, serial, e) != 0 ||
	    move_named(ca, user, "private", "key", e) != 0 || move_named(ca, user, "reqs", "req", e) != 0)
		return -1;
	return move_named(ca, user, "issued", "crt", e);
}

int beside_put_aside(const struct ca *ca, const char *user, const char *serial, struct err *e)
{
	char now[CA_SERIAL_HEX_MAX];
	char *aside = pki_path(ca, "renewed/issued/%s.crt", user);
	int ret = 0;
	beside_find(ca, user, serial, now);
	if (now[0] != '\0')
		ret = move_all(ca, user, aside, serial, e);
	serial_in(aside, now);
	if (ret == 0 && strcmp(now, serial) == 0)
		ret = drop_copy(ca, serial, e);
	if (ret == 0 && pki_exists(aside))
		ret = sync_folders(ca, e);
	free(aside);
	return ret;
}
