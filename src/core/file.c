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
