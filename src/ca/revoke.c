#include "ca/revoke.h"

#include "ca/certificate.h"
#include "ca/crl.h"
#include "ca/names.h"
#include "ca/record.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where easy-rsa puts a name's files; after `easyrsa renew` the older ones are in PKI/renewed. The certificate
 * comes last: as long as it is there, the others may have to be moved. */
static const struct {
	const char *folder, *ending, *to_folder, *to_ending;
} moves[] = {
    {"private", "key", "private_by_serial", "key"}, {"reqs", "req", "reqs_by_serial", "req"},
    {"issued", "p12", "certs_by_serial", "p12"},    {"issued", "p7b", "certs_by_serial", "p7b"},
    {"issued", "p8", "certs_by_serial", "p8"},      {"issued", "p1", "certs_by_serial", "p1"},
    {"private", "p12", "private_by_serial", "p12"}, {"private", "p7b", "private_by_serial", "p7b"},
    {"private", "p8", "private_by_serial", "p8"},   {"private", "p1", "private_by_serial", "p1"},
    {"issued", "crt", "certs_by_serial", "crt"},
};

static int make_folders(const struct ca *ca, struct err *e)
{
	static const char *const folders[] = {"revoked", "revoked/certs_by_serial", "revoked/private_by_serial",
					      "revoked/reqs_by_serial"};
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof folders / sizeof *folders; i++)
		ret = pki_mkdir(ca, folders[i], e);
	return ret;
}

/* Never over a file that is there: serials are unique, so it would be another's. */
static int move(const char *from, const char *to, struct err *e)
{
	if (!pki_exists(from))
		return 0;
	if (pki_exists(to)) {
		err_set(e, ERR_CA_FAILED, "cannot move %s: there is a file %s already", from, to);
		return err_next(e, "compare the two and move one away");
	}
	return rename(from, to) == 0 ? 0 : err_errno(e, ERR_CA_FAILED, "cannot move %s to %s", from, to);
}

static int move_files(const struct ca *ca, const char *base, const char *user, const char *serial, struct err *e)
{
	int ret = make_folders(ca, e);
	for (size_t i = 0; ret == 0 && i < sizeof moves / sizeof *moves; i++) {
		char *from = pki_path(ca, "%s%s/%s.%s", base, moves[i].folder, user, moves[i].ending);
		char *to = pki_path(ca, "revoked/%s/%s.%s", moves[i].to_folder, serial, moves[i].to_ending);
		ret = move(from, to, e);
		free(to);
		free(from);
	}
	return ret;
}

static bool file_has_serial(const struct ca *ca, const char *base, const char *user, const char *serial)
{
	char *path = pki_path(ca, "%sissued/%s.crt", base, user);
	X509 *cert = certificate_read(path, NULL);
	char *own = cert != NULL ? certificate_serial(cert) : NULL;
	bool same = own != NULL && strcmp(own, serial) == 0;
	free(own);
	X509_free(cert);
	free(path);
	return same;
}

/* Of two certificates of one name the inline files have the one that is in issued/. */
static bool name_is_anothers(const struct ca *ca, const char *user, const char *serial)
{
	char *path = pki_path(ca, "issued/%s.crt", user);
	bool ret = pki_exists(path) && !file_has_serial(ca, "", user, serial);
	free(path);
	return ret;
}

/* The copy by serial goes; but if there was no other, it is what is kept. */
static int drop_copy(const struct ca *ca, const char *serial, struct err *e)
{
	char *copy = pki_path(ca, "certs_by_serial/%s.pem", serial);
	char *kept = pki_path(ca, "revoked/certs_by_serial/%s.crt", serial);
	int ret = make_folders(ca, e);
	if (ret == 0 && pki_exists(copy) && (pki_exists(kept) ? unlink(copy) : rename(copy, kept)) != 0)
		ret = err_errno(e, ERR_CA_FAILED, "cannot remove %s", copy);
	free(kept);
	free(copy);
	return ret;
}

static int sync_folders(const struct ca *ca, struct err *e)
{
	static const char *const folders[] = {"revoked/certs_by_serial",
					      "revoked/private_by_serial",
					      "revoked/reqs_by_serial",
					      "certs_by_serial",
					      "issued",
					      "reqs"};
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof folders / sizeof *folders; i++) {
		char *path = pki_path(ca, "%s", folders[i]);
		ret = file_sync_dir(path, e);
		free(path);
	}
	return ret;
}

/* The files in which easy-rsa puts certificate and private key together: up to 3.1.1, up to 3.2.0, and since then. */
static int remove_inline(const struct ca *ca, const char *user, struct err *e)
{
	static const struct {
		const char *folder, *ending;
	} files[] = {{"", "creds"},
		     {"inline/", "inline"},
		     {"inline/private/", "inline"},
		     {"inline/private/", "p12-inline"},
		     {"inline/private/", "inline-p12"}};
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof files / sizeof *files; i++) {
		char *path = pki_path(ca, "%s%s.%s", files[i].folder, user, files[i].ending);
		if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
			ret = err_errno(e, ERR_CA_FAILED, "cannot remove %s", path);
		free(path);
	}
	return ret;
}

static int put_files_away(const struct ca *ca, const char *user, const char *serial, struct err *e)
{
	static const char *const bases[] = {"", "renewed/"};
	int ret = 0;
	bool named = user[0] != '\0';
	for (size_t i = 0; named && ret == 0 && i < sizeof bases / sizeof *bases; i++) {
		if (file_has_serial(ca, bases[i], user, serial))
			ret = move_files(ca, bases[i], user, serial, e);
	}
	if (ret == 0 && named && !name_is_anothers(ca, user, serial))
		ret = remove_inline(ca, user, e);
	if (ret == 0)
		ret = drop_copy(ca, serial, e);
	return ret == 0 ? sync_folders(ca, e) : ret;
}

int revoke_finish(struct ca *ca, const char *user, const char *serial, const char *revoked, struct err *e)
{
	const struct index_edit edit = {serial, 'R', revoked};
	struct index_row row;
	int ret = index_refresh(ca->index, e);
	if (ret == 0 && (!index_by_serial(ca->index, serial, &row) || row.status != 'R'))
		ret = index_edit(ca->index, &edit, e);
	/* from here on the server has to know, whatever the files say */
	if (ret == 0)
		ret = crl_make(ca, NULL, e);
	return ret == 0 ? put_files_away(ca, user, serial, e) : ret;
}

int revoke_check_files(const struct ca *ca, struct err *e)
{
	if (crl_check(ca, e) != 0 || pki_check_replace(ca, "index.txt", e) != 0)
		return -1;
	return pki_check_replace(ca, "crl.pem", e);
}

int revoke_check_row(const struct ca *ca, const char *user, const struct name_row *row, const char *done, struct err *e)
{
	if (row->cert != NULL && !certificate_is_client(row->cert)) {
		err_set(e, ERR_NAME_TAKEN, "the certificate %s of %s is not a client's and is not %s", row->serial,
			user, done);
		return err_next(e, "if that is meant: tokenroll revoke --cert-serial %s", row->serial);
	}
	return revoke_check_files(ca, e);
}

int revoke_check(const struct ca *ca, const char *user, struct err *e)
{
	struct name_row row = NAME_ROW_INIT;
	size_t pos = 0;
	int ret = 0;
	while (ret == 0 && names_next_valid(ca, user, &pos, &row))
		ret = revoke_check_row(ca, user, &row, "replaced", e);
	if (ret != 0 && e != NULL && e->code == ERR_NAME_TAKEN)
		err_next(e, "choose another name; a server's certificate is revoked by `tokenroll revoke` only");
	names_row_free(&row);
	return ret;
}

/* "261124000155Z,superseded" */
static char *revoked_now(const char *reason)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, time(NULL));
	char *ret = t == NULL
			? NULL
			: xasprintf("%.*s,%s", ASN1_STRING_length(t), (const char *)ASN1_STRING_get0_data(t), reason);
	ASN1_TIME_free(t);
	return ret;
}

int revoke_row(struct ca *ca, const char *user, const char *serial, const char *reason, char **ret_revoked,
	       struct err *e)
{
	char name[CA_NAME_MAX], revoke[CA_SERIAL_HEX_MAX];
	snprintf(name, sizeof name, "%s", user);
	snprintf(revoke, sizeof revoke, "%s", serial);
	char *revoked = revoked_now(reason);
	if (revoked == NULL)
		return err_openssl(e, ERR_CA_FAILED, "cannot tell the time");
	const struct record r = {.name = name, .revoke = revoke, .revoked = revoked};
	int ret = record_write(ca->pki, &r, e);
	if (ret == 0)
		ret = revoke_finish(ca, user, serial, revoked, e);
	if (ret == 0 && ret_revoked != NULL)
		*ret_revoked = revoked;
	else
		free(revoked);
	return ret;
}
