#include "state.h"

#include "crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKSUM_SIZE 32
#define STATE_MAX (1 << 24)

static void put_head(const char *type, struct buf *out)
{
	buf_put_bytes(out, bytes_of_text("virtual card "));
	buf_put_bytes(out, bytes_of_text(type));
	buf_put_byte(out, '\n');
}

static int read_all(int fd, struct buf *out)
{
	struct stat st;
	ssize_t n = -1;

	if (fstat(fd, &st) == -1 || st.st_size < 0 || st.st_size > STATE_MAX)
		return -1;
	buf_resize(out, (size_t)st.st_size);
	if (!out->failed)
		n = out->n > 0 ? read(fd, out->p, out->n) : 0;
	return n >= 0 && (size_t)n == out->n ? 0 : -1;
}

/* The part between head and checksum; .p is NULL if one of them is not what it has to be. */
static struct bytes inside(struct bytes file, const char *type)
{
	struct buf head = {0}, sum = {0};
	struct bytes found = {0}, body;

	put_head(type, &head);
	if (file.n >= head.n + CHECKSUM_SIZE && bytes_equal(bytes_part(file, 0, head.n), buf_bytes(&head))) {
		body = bytes_part(file, 0, file.n - CHECKSUM_SIZE);
		if (crypt_hash("SHA256", body, &sum) == 0 &&
		    bytes_equal(buf_bytes(&sum), bytes_part(file, body.n, CHECKSUM_SIZE)))
			found = (struct bytes){file.p + head.n, body.n - head.n};
	}
	buf_free(&head);
	buf_free(&sum);
	return found;
}

int state_read(const char *path, const char *type, struct buf *ret, char *complaint, size_t size)
{
	struct buf file = {0};
	struct bytes saved = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 || read_all(fd, &file) == -1)
		snprintf(complaint, size, "cannot read %s: %s", path, strerror(errno));
	else
		saved = inside(buf_bytes(&file), type);
	if (fd != -1) {
		close(fd);
		if (!saved.p)
			snprintf(complaint, size, "%s is not the whole state of a card of type %s", path, type);
	}
	buf_put_bytes(ret, saved);
	buf_free(&file);
	return saved.p ? 1 : -1;
}

static int write_all(const char *path, struct bytes data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool whole;

	if (fd == -1)
		return -1;
	whole = write(fd, data.p, data.n) == (ssize_t)data.n;
	return close(fd) == 0 && whole ? 0 : -1;
}

int state_write(const char *path, const char *type, struct bytes saved, char *complaint, size_t size)
{
	char beside[PATH_MAX];
	struct buf file = {0};
	int rc = -1;

	put_head(type, &file);
	buf_put_bytes(&file, saved);
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		errno = ENAMETOOLONG;
	else if (crypt_hash("SHA256", buf_bytes(&file), &file) == 0 && !file.failed)
		rc = write_all(beside, buf_bytes(&file)) == 0 ? rename(beside, path) : -1;
	if (rc == -1)
		snprintf(complaint, size, "cannot write %s: %s", path, strerror(errno));
	buf_free(&file);
	return rc;
}
