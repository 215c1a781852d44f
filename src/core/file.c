#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_whole(int fd, size_t max, struct blob *ret)
{
	size_t cap = 4096, len = 0;
	unsigned char *data = xcalloc(1, cap + 1);
	for (;;) {
		if (len == cap) {
			cap *= 2;
			data = xrealloc(data, 1, cap + 1);
		}
		ssize_t n = read(fd, data + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || len + (size_t)n > max) {
			if (n >= 0)
				errno = EFBIG;
			free(data);
			return -1;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	data[len] = '\0';
	blob_take(ret, data, len);
	return 0;
}

static int check_regular(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return S_ISREG(st.st_mode) ? 0 : -1;
}

int file_read(const char *path, size_t max, struct blob *ret, struct err *e)
{
	/* a named pipe that nobody writes into would else never be open */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_errno(e, ERR_SYSTEM, "cannot open %s", path);
	if (check_regular(fd) != 0) {
		err_errno(e, ERR_SYSTEM, "%s is not a regular file", path);
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	if (read_whole(fd, max, ret) != 0) {
		err_errno(e, ERR_SYSTEM, "cannot read %s", path);
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	close(fd);
	return 0;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

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

int file_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, ERR_SYSTEM, "cannot open the folder %s", path);
	int ret = fsync(fd);
	/* some network file systems cannot sync a folder; the rename itself is done */
	if (ret != 0 && errno == EINVAL)
		ret = 0;
	if (ret != 0)
		err_errno(e, ERR_SYSTEM, "cannot sync the folder %s", path);
	close(fd);
	return ret;
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

/* All that is left to be done once the bytes are written. */
static int finish_temp(int fd, const char *path, mode_t mode, const struct stat *like, struct err *e)
{
	if (like != NULL && file_take_owner(fd, like) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot keep the owner and group of %s", path);
	if (fchmod(fd, mode) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot set the mode of %s", path);
	if (fsync(fd) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot sync %s", path);
	return 0;
}

static int fill_temp(int fd, const char *path, const void *data, size_t len, mode_t mode, const struct stat *like,
		     struct err *e)
{
	if (file_write_all(fd, data, len) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot write %s", path);
	return finish_temp(fd, path, mode, like, e);
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

/* Closes the new file. If all went well until now (ret is 0), it gets its name; else it is removed. */
static int put_in_place(int fd, const char *temp, const char *path, int ret, struct err *e)
{
	char folder[PATH_MAX];
	if (close(fd) != 0 && ret == 0)
		ret = err_errno(e, ERR_SYSTEM, "cannot write %s", path);
	if (ret == 0 && rename(temp, path) != 0)
		ret = err_errno(e, ERR_SYSTEM, "cannot put %s in place", path);
	if (ret != 0) {
		unlink(temp);
		return -1;
	}
	folder_of(folder, path);
	return file_sync_dir(folder, e);
}

static int write_by_rename(const char *path, const void *data, size_t len, mode_t mode, const struct stat *like,
			   struct err *e)
{
	char temp[PATH_MAX];
	int fd = make_temp(path, temp, e);
	return fd < 0 ? -1 : put_in_place(fd, temp, path, fill_temp(fd, path, data, len, mode, like, e), e);
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	return write_by_rename(path, data, len, mode, NULL, e);
}

int file_write_by(const char *path, file_fill_fn *fill, void *arg, mode_t mode, struct err *e)
{
	char temp[PATH_MAX];
	int fd = make_temp(path, temp, e);
	if (fd < 0)
		return -1;
	int ret = fill_stream(fd, path, fill, arg, e);
	if (ret == 0)
		ret = finish_temp(fd, path, mode, NULL, e);
	return put_in_place(fd, temp, path, ret, e);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode_if_new, struct err *e)
{
	struct stat st;
	char folder[PATH_MAX];
	if (stat(path, &st) == 0)
		return write_by_rename(path, data, len, st.st_mode & 07777, &st, e);
	folder_of(folder, path);
	bool root = geteuid() == 0 && stat(folder, &st) == 0;
	return write_by_rename(path, data, len, mode_if_new, root ? &st : NULL, e);
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

int file_mkdir(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof part)
		return err_set(e, ERR_SYSTEM, "the path of a folder is empty or too long");
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return err_errno(e, ERR_SYSTEM, "cannot make the folder %s", part);
	}
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_SYSTEM, "%s is not a folder", path);
	return 0;
}
