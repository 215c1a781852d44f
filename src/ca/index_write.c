#include "ca/index.h"
#include "ca/index_impl.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RACE_TRIES 20

static int sync_folder_of(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");
	int ret = file_sync_dir(folder, e);
	free(folder);
	return ret;
}

/* One write to the end of the file behind fd; a short one is taken back. */
static int append_once(int fd, const char *path, const char *row, struct err *e)
{
	struct stat st;
	char last = '\n';
	if (fstat(fd, &st) != 0 || (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
		return err_errno(e, ERR_CA_FAILED, "cannot read %s", path);
	char *text = xasprintf("%s%s\n", last != '\n' ? "\n" : "", row);
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	free(text);
	if (n == (ssize_t)len && fsync(fd) == 0)
		return 0;
	int why = n >= 0 && (size_t)n < len ? ENOSPC : errno;
	if (ftruncate(fd, st.st_size) == 0)
		(void)fsync(fd);
	errno = why;
	return err_errno(e, ERR_CA_FAILED, "cannot add a row to %s", path);
}

static bool still_at(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The serial is the fourth column. */
static char *serial_of(const char *row)
{
	const char *p = row;
	for (int i = 0; i < 3; i++)
		p += strcspn(p, "\t") + 1;
	return xasprintf("%.*s", (int)strcspn(p, "\t"), p);
}

int index_append(struct index *ix, const char *row, struct err *e)
{
	struct index_row found;
	char *serial = serial_of(row);
	int ret = -1, tries = 0;
	bool again;
	do {
		int fd = open(ix->path, O_RDWR | O_APPEND | O_CLOEXEC);
		if (fd < 0) {
			err_errno(e, ERR_CA_FAILED, "cannot open %s for writing", ix->path);
			break;
		}
		ret = append_once(fd, ix->path, row, e);
		/* openssl may have put its own copy in place meanwhile, made before or after it saw the row */
		again = ret == 0 && !still_at(fd, ix->path);
		close(fd);
		if (ret == 0)
			ret = index_refresh(ix, e);
		again = again && ret == 0 && !index_by_serial(ix, serial, &found);
	} while (again && ++tries < RACE_TRIES);
	if (ret == 0 && again)
		ret = err_set(e, ERR_CA_FAILED, "%s is replaced again and again while a row is added", ix->path);
	free(serial);
	return ret;
}

/* The file with one row changed. */
static int write_edited(int fd, const struct index *ix, const struct index_row *row, const struct index_edit *edit)
{
	const char *rest = row->revoked.p + row->revoked.len, *end = ix->map + ix->len;
	char *changed =
	    xasprintf("%c\t%.*s\t%s", edit->status, (int)row->not_after.len, row->not_after.p, edit->revoked);
	int ret = file_write_all(fd, ix->map, (size_t)(row->line.p - ix->map));
	if (ret == 0)
		ret = file_write_all(fd, changed, strlen(changed));
	if (ret == 0)
		ret = file_write_all(fd, rest, (size_t)(end - rest));
	if (ret == 0 && end[-1] != '\n')
		ret = file_write_all(fd, "\n", 1);
	free(changed);
	return ret;
}

static int write_new(const struct index *ix, const char *temp, const struct index_row *row,
		     const struct index_edit *edit, struct err *e)
{
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), ret = 0;
	if (fd < 0)
		return err_errno(e, ERR_CA_FAILED, "cannot make %s", temp);
	if (file_take_owner(fd, &ix->st) != 0)
		ret = err_errno(e, ERR_CA_FAILED, "cannot keep the owner and group of %s", ix->path);
	if (ret == 0 &&
	    (write_edited(fd, ix, row, edit) != 0 || fchmod(fd, ix->st.st_mode & 07777) != 0 || fsync(fd) != 0))
		ret = err_errno(e, ERR_CA_FAILED, "cannot write %s", temp);
	close(fd);
	if (ret != 0)
		unlink(temp);
	return ret;
}

/* Puts temp in place if index.txt is still the file that was read. The exchange shows what was really taken away:
 * if openssl's new file was, it is put back. Returns 1 for "try again". */
static int swap_in(const struct index *ix, const char *temp, struct err *e)
{
	struct stat taken;
	if (renameat2(AT_FDCWD, temp, AT_FDCWD, ix->path, RENAME_EXCHANGE) == 0) {
		if (stat(temp, &taken) == 0 && index_same_file(&taken, &ix->st))
			return 0;
		if (renameat2(AT_FDCWD, temp, AT_FDCWD, ix->path, RENAME_EXCHANGE) == 0)
			return 1;
	} else if (errno == EINVAL || errno == ENOSYS) { /* a file system that cannot exchange */
		if (stat(ix->path, &taken) != 0 || !index_same_file(&taken, &ix->st))
			return 1;
		char *keep = xasprintf("%s.tokenroll-old", ix->path);
		unlink(keep);
		int ret = link(ix->path, keep) == 0 || errno == EPERM ? rename(temp, ix->path) : -1;
		if (ret == 0 && rename(keep, temp) != 0 && errno != ENOENT)
			ret = -1;
		free(keep);
		if (ret == 0)
			return 0;
	}
	return err_errno(e, ERR_CA_FAILED, "cannot put a new %s in place", ix->path);
}

static int try_edit(struct index *ix, const struct index_edit *edit, const char *temp, struct err *e)
{
	struct index_row row;
	if (index_refresh(ix, e) != 0)
		return -1;
	if (!index_by_serial(ix, edit->serial, &row))
		return err_set(e, ERR_CA_PKI, "%s has no row with the serial %s", ix->path, edit->serial);
	return write_new(ix, temp, &row, edit, e) == 0 ? swap_in(ix, temp, e) : -1;
}

int index_edit(struct index *ix, const struct index_edit *edit, struct err *e)
{
	char *temp = xasprintf("%s.tokenroll-new", ix->path);
	char *old = xasprintf("%s.old", ix->path);
	int ret = 1;
	for (int tries = 0; ret == 1 && tries < RACE_TRIES; tries++)
		ret = try_edit(ix, edit, temp, e);
	if (ret == 1)
		ret = err_set(e, ERR_CA_FAILED, "%s is replaced again and again while it is changed", ix->path);
	if (ret == 0 && rename(temp, old) != 0 && errno != ENOENT)
		ret = err_errno(e, ERR_CA_FAILED, "cannot keep %s", old);
	if (ret == 0)
		ret = sync_folder_of(ix->path, e);
	else
		unlink(temp);
	if (ret == 0)
		ret = index_refresh(ix, e);
	free(old);
	free(temp);
	return ret;
}

int index_cut_torn(const char *path, const char *row, struct err *e)
{
	char tail[4096];
	struct stat st = {0};
	int fd = open(path, O_RDWR | O_CLOEXEC), ret = 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		ret = err_errno(e, ERR_CA_PKI, "cannot open %s for writing", path);
	off_t from = ret == 0 && st.st_size > (off_t)sizeof tail ? st.st_size - (off_t)sizeof tail : 0;
	ssize_t n = ret == 0 ? pread(fd, tail, sizeof tail, from) : 0;
	if (n > 0 && tail[n - 1] != '\n') {
		const char *lf = memrchr(tail, '\n', (size_t)n);
		const char *start = lf != NULL ? lf + 1 : tail;
		size_t len = (size_t)(tail + n - start);
		bool whole_line = lf != NULL || from == 0;
		if (whole_line && len <= strlen(row) && memcmp(start, row, len) == 0 &&
		    (ftruncate(fd, st.st_size - (off_t)len) != 0 || fsync(fd) != 0))
			ret = err_errno(e, ERR_CA_FAILED, "cannot cut a torn row off %s", path);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

char *index_row_of(const X509 *cert)
{
	const ASN1_TIME *end = X509_get0_notAfter(cert);
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn != NULL ? (BN_is_zero(bn) ? OPENSSL_strdup("00") : BN_bn2hex(bn)) : NULL;
	char *subject = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);
	char *row = NULL;
	if (hex != NULL && subject != NULL)
		row = xasprintf("V\t%.*s\t\t%s\tunknown\t%s", ASN1_STRING_length(end),
				(const char *)ASN1_STRING_get0_data(end), hex, subject);
	OPENSSL_free(subject);
	OPENSSL_free(hex);
	BN_free(bn);
	return row;
}
