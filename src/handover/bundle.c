#include "handover/bundle.h"
#include "core/xalloc.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bundle {
	struct archive *a;
	const char *path, *root;
	time_t mtime;
	char *folder; /* the folder whose entry was written last, with its '/' at the end */
};

/* What libarchive reads from the process while it writes: file names by the locale, and DOS times by the zone. */
struct surroundings {
	char *tz;
	locale_t ours, before;
};

static void surroundings_fix(struct surroundings *s)
{
	const char *tz = getenv("TZ");
	s->tz = tz != NULL ? xstrdup(tz) : NULL;
	setenv("TZ", "UTC0", 1);
	tzset();
	s->ours = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	s->before = s->ours != (locale_t)0 ? uselocale(s->ours) : (locale_t)0;
}

static void surroundings_restore(struct surroundings *s)
{
	if (s->ours != (locale_t)0) {
		uselocale(s->before);
		freelocale(s->ours);
	}
	if (s->tz != NULL)
		setenv("TZ", s->tz, 1);
	else
		unsetenv("TZ");
	tzset();
	free(s->tz);
}

static int fault(const struct bundle *b, struct err *e)
{
	int code = archive_errno(b->a);
	const char *text = archive_error_string(b->a);
	err_set(e, ERR_SYSTEM, "cannot write the archive %s", b->path);
	err_native(e, "%s", code > 0 ? strerror(code) : text != NULL ? text : "");
	return code == ENOSPC ? err_next(e, "make room on the disk and run the same command again") : -1;
}

static int put_entry(struct bundle *b, const char *name, mode_t type, const struct blob *data, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, type == AE_IFDIR ? 0700 : 0600);
	archive_entry_set_size(entry, data != NULL ? (la_int64_t)data->len : 0);
	archive_entry_set_mtime(entry, b->mtime, 0);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_uname(entry, "root");
	archive_entry_set_gname(entry, "root");
	int ret = archive_write_header(b->a, entry) == ARCHIVE_OK ? 0 : fault(b, e);
	if (ret == 0 && data != NULL && data->len > 0 &&
	    archive_write_data(b->a, data->data, data->len) != (la_ssize_t)data->len)
		ret = fault(b, e);
	archive_entry_free(entry);
	return ret;
}

/* Writes an entry for each folder on the way to name that was not written yet; names come sorted. */
static int put_folders(struct bundle *b, const char *name, struct err *e)
{
	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - name) + 1;
		if (b->folder != NULL && strncmp(b->folder, name, len) == 0)
			continue;
		free(b->folder);
		b->folder = xasprintf("%.*s", (int)len, name);
		if (put_entry(b, b->folder, AE_IFDIR, NULL, e) != 0)
			return -1;
	}
	return 0;
}

static int put_files(struct bundle *b, const struct files *files, struct err *e)
{
	for (size_t i = 0; i < files->n; i++) {
		char *name = xasprintf("%s/%s", b->root, files->v[i].name);
		int ret = put_folders(b, name, e);
		if (ret == 0)
			ret = put_entry(b, name, AE_IFREG, &files->v[i].data, e);
		free(name);
		if (ret != 0)
			return -1;
	}
	return 0;
}

static int set_format(struct archive *a, enum bundle_format format)
{
	if (archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK)
		return -1;
	if (format == BUNDLE_ZIP)
		return archive_write_set_format_zip(a) == ARCHIVE_OK ? 0 : -1;
	if (archive_write_add_filter_gzip(a) != ARCHIVE_OK || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK)
		return -1;
	return archive_write_set_options(a, "gzip:!timestamp") == ARCHIVE_OK ? 0 : -1;
}

static int write_archive(struct bundle *b, int fd, enum bundle_format format, const struct files *files, struct err *e)
{
	struct surroundings s;
	int ret = 0;
	surroundings_fix(&s);
	if (set_format(b->a, format) != 0 || archive_write_open_fd(b->a, fd) != ARCHIVE_OK)
		ret = fault(b, e);
	if (ret == 0)
		ret = put_files(b, files, e);
	if (ret == 0 && archive_write_close(b->a) != ARCHIVE_OK)
		ret = fault(b, e);
	surroundings_restore(&s);
	return ret;
}

int bundle_write(const char *path, enum bundle_format format, const char *root, const struct files *files, time_t mtime,
		 struct err *e)
{
	struct bundle b = {.a = archive_write_new(), .path = path, .root = root, .mtime = mtime};
	int ret = -1, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_errno(e, ERR_SYSTEM, "cannot make the archive %s", path);
		goto out;
	}
	if (b.a == NULL) {
		err_set(e, ERR_SYSTEM, "cannot write the archive %s: libarchive does not start", path);
		goto out;
	}
	if (write_archive(&b, fd, format, files, e) != 0)
		goto out;
	if (fchmod(fd, 0600) != 0) {
		err_errno(e, ERR_SYSTEM, "cannot write the archive %s", path);
		goto out;
	}
	ret = 0;
out:
	free(b.folder);
	archive_write_free(b.a);
	if (fd >= 0 && close(fd) != 0 && ret == 0)
		ret = err_errno(e, ERR_SYSTEM, "cannot write the archive %s", path);
	return ret;
}
