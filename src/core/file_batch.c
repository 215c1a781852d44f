#include "core/file_batch.h"

#include "core/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void folder_of(char ret[PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		snprintf(ret, PATH_MAX, ".");
	else if (slash == path)
		snprintf(ret, PATH_MAX, "/");
	else
		snprintf(ret, PATH_MAX, "%.*s", (int)(slash - path), path);
}

/* Whether the group has a right that not everybody has. */
static bool group_matters(mode_t mode)
{
	return ((mode >> 3) & ~mode & 07) != 0;
}

/* A folder with the setgid bit gives its own group, so what the file has is looked at first. */
int file_take_owner(int fd, const struct stat *like)
{
	struct stat own;
	if (fstat(fd, &own) != 0)
		return -1;
	if ((own.st_uid == like->st_uid && own.st_gid == like->st_gid) || fchown(fd, like->st_uid, like->st_gid) == 0)
		return 0;
	return errno == EPERM && own.st_uid == like->st_uid && !group_matters(like->st_mode) ? 0 : -1;
}

/* The stream has a descriptor of its own, so that the file stays open when it is closed. */
static int fill_stream(int fd, const char *path, file_fill_fn *fill, void *arg, struct err *e)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = own >= 0 ? fdopen(own, "w") : NULL;
	if (out == NULL) {
		err_errno(e, ERR_SYSTEM, "cannot write %s", path);
		if (own >= 0)
			close(own);
		return -1;
	}
	int ret = fill(arg, out, e);
	bool bad = ferror(out) != 0;
	if ((fclose(out) != 0 || bad) && ret == 0)
		ret = err_errno(e, ERR_SYSTEM, "cannot write %s", path);
	return ret;
}

/* A new file beside path, of a name that ca/sweep.c knows; ret_temp is PATH_MAX long. */
static int make_temp(const char *path, char *ret_temp, struct err *e)
{
	char folder[PATH_MAX];
	if (snprintf(ret_temp, PATH_MAX, "%s.tmp-XXXXXX", path) >= PATH_MAX)
		return err_set(e, ERR_SYSTEM, "the path %s is too long", path);
	folder_of(folder, path);
	int fd = mkostemp(ret_temp, O_CLOEXEC);
	return fd >= 0 ? fd : err_errno(e, ERR_SYSTEM, "cannot make a file in %s", folder);
}

/* What is left to be done once the bytes are written, but to have them on the disk. */
static int dress(int fd, const char *path, mode_t mode, const struct stat *like, struct err *e)
{
	if (like != NULL && file_take_owner(fd, like) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot keep the owner and group of %s", path);
	if (fchmod(fd, mode) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot set the mode of %s", path);
	return 0;
}

struct bytes {
	const void *data;
	size_t len;
};

static int write_bytes(int fd, const char *path, const struct bytes *bytes, struct err *e)
{
	return file_write_all(fd, bytes->data, bytes->len) == 0 ? 0 : err_errno(e, ERR_SYSTEM, "cannot write %s", path);
}

/* Either bytes or what fill writes. */
static int add(struct file_batch *b, const char *path, const struct bytes *bytes, file_fill_fn *fill, void *arg,
	       mode_t mode, const struct stat *like, struct err *e)
{
	char temp[PATH_MAX];
	assert(b->n < FILE_BATCH_MAX);
	int fd = make_temp(path, temp, e);
	if (fd < 0)
		return -1;
	int ret = bytes != NULL ? write_bytes(fd, path, bytes, e) : fill_stream(fd, path, fill, arg, e);
	if (ret == 0)
		ret = dress(fd, path, mode, like, e);
	if (ret != 0) {
		unlink(temp);
		close(fd);
		return -1;
	}
	b->v[b->n++] = (struct file_batch_entry){.fd = fd, .path = xstrdup(path), .temp = xstrdup(temp)};
	return 0;
}

int file_batch_replace(struct file_batch *b, const char *path, const void *data, size_t len, mode_t mode_if_new,
		       struct err *e)
{
	const struct bytes bytes = {data, len};
	struct stat st;
	char folder[PATH_MAX];
	if (stat(path, &st) == 0)
		return add(b, path, &bytes, NULL, NULL, st.st_mode & 07777, &st, e);
	folder_of(folder, path);
	bool root = geteuid() == 0 && stat(folder, &st) == 0;
	return add(b, path, &bytes, NULL, NULL, mode_if_new, root ? &st : NULL, e);
}

static int sync_all(const struct file_batch *b, struct err *e)
{
	/* a hint: what is on its way already needs no commit of its own in the file system's journal */
	for (size_t i = 0; b->n > 1 && i < b->n; i++)
		(void)sync_file_range(b->v[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (size_t i = 0; i < b->n; i++) {
		if (fsync(b->v[i].fd) != 0)
			return err_errno(e, ERR_SYSTEM, "cannot sync %s", b->v[i].path);
	}
	return 0;
}

/* Of those that have their names, if a failure lets the others have none. */
static int sync_folders(const struct file_batch *b, size_t n, struct err *e)
{
	int ret = 0;
	char folder[PATH_MAX], before[PATH_MAX] = "";
	for (size_t i = 0; i < n; i++) {
		folder_of(folder, b->v[i].path);
		if (strcmp(folder, before) != 0 && file_sync_dir(folder, ret == 0 ? e : NULL) != 0)
			ret = -1;
		memcpy(before, folder, sizeof before);
	}
	return ret;
}

/* The next one gets its name; its temporary file is no more. */
static int put_in_place(struct file_batch_entry *f, struct err *e)
{
	int fd = f->fd;
	f->fd = -1;
	if (close(fd) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot write %s", f->path);
	if (rename(f->temp, f->path) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot put %s in place", f->path);
	free(f->temp);
	f->temp = NULL;
	return 0;
}

int file_batch_commit(struct file_batch *b, struct err *e)
{
	size_t n = 0;
	int ret = sync_all(b, e);
	while (ret == 0 && n < b->n && (ret = put_in_place(&b->v[n], e)) == 0)
		n++;
	if (sync_folders(b, n, ret == 0 ? e : NULL) != 0)
		ret = -1;
	file_batch_drop(b);
	return ret;
}

void file_batch_drop(struct file_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct file_batch_entry *f = &b->v[i];
		if (f->fd >= 0)
			close(f->fd);
		if (f->temp != NULL)
			unlink(f->temp);
		free(f->temp);
		free(f->path);
	}
	b->n = 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	const struct bytes bytes = {data, len};
	return add(&b, path, &bytes, NULL, NULL, mode, NULL, e) == 0 ? file_batch_commit(&b, e) : -1;
}

int file_write_by(const char *path, file_fill_fn *fill, void *arg, mode_t mode, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	return add(&b, path, NULL, fill, arg, mode, NULL, e) == 0 ? file_batch_commit(&b, e) : -1;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode_if_new, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	return file_batch_replace(&b, path, data, len, mode_if_new, e) == 0 ? file_batch_commit(&b, e) : -1;
}

int file_check_replace(const char *path, struct err *e)
{
	struct stat st;
	char temp[PATH_MAX];
	if (stat(path, &st) != 0 || (st.st_uid == geteuid() && st.st_gid == getegid()))
		return 0;
	int fd = make_temp(path, temp, e);
	if (fd < 0)
		return -1;
	int ret = file_take_owner(fd, &st);
	if (ret != 0)
		err_errno(e, ERR_SYSTEM, "cannot keep the owner and group of %s", path);
	unlink(temp);
	close(fd);
	return ret;
}
