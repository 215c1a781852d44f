#include "core/debt.h"

#include "core/blob.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".after-crl"
#define OWED 'x'
#define PAID '-'
#define BYTES_MAX ((off_t)1 << 20)
/* Behind all bytes: whoever adds one, or deletes the file, is alone. */
#define DOOR ((off_t)1 << 40)

struct debt {
	char *path;
	int fd;            /* -1: nothing is remembered */
	off_t own;         /* where this run's byte is */
	struct blob state; /* the bytes as they were read last */
	struct blob seen;  /* as they were when the command began; those of runs that live are PAID */
};

static bool lock(int fd, int how, off_t at, bool wait)
{
	struct flock l = {.l_type = (short)how, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	int got;
	while ((got = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l)) != 0 && errno == EINTR)
		;
	return got == 0;
}

static bool lives(const struct debt *d, off_t at)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	return at == d->own || (fcntl(d->fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK);
}

static bool is_at_path(const struct debt *d)
{
	struct stat here, there;
	return fstat(d->fd, &here) == 0 && lstat(d->path, &there) == 0 && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

static void set(const struct debt *d, off_t at, char to)
{
	/* one that cannot be cleared is told of once more */
	(void)!pwrite(d->fd, &to, 1, at);
}

static void read_state(struct debt *d)
{
	struct stat st;
	blob_free(&d->state);
	if (fstat(d->fd, &st) != 0 || st.st_size <= 0 || st.st_size > BYTES_MAX)
		return;
	d->state.data = xcalloc(1, (size_t)st.st_size);
	ssize_t n = pread(d->fd, d->state.data, (size_t)st.st_size, 0);
	d->state.len = n > 0 ? (size_t)n : 0;
}

/* With the door locked. Another run may just have deleted the one that was opened. */
static bool open_file(struct debt *d, bool *ret_new)
{
	for (;;) {
		const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
		d->fd = open(d->path, flags | O_CREAT | O_EXCL, 0600);
		*ret_new = d->fd >= 0;
		if (d->fd < 0 && errno != EEXIST)
			return false;
		if (d->fd < 0)
			d->fd = open(d->path, flags);
		if (d->fd < 0 && errno == ENOENT)
			continue;
		if (d->fd < 0)
			return false;
		(void)lock(d->fd, F_WRLCK, DOOR, true);
		if (is_at_path(d))
			return true;
		close(d->fd);
	}
}

/* One that root has made is the database's owner's to read and pay, too. */
static void give_away(const struct debt *d)
{
	struct stat st;
	char *store = xasprintf("%.*s", (int)(strlen(d->path) - strlen(SUFFIX)), d->path);
	if (geteuid() == 0 && stat(store, &st) == 0 && fchown(d->fd, st.st_uid, st.st_gid) != 0)
		errno = 0; /* then it is root's alone, as on a disk without owners */
	free(store);
}

/* A file without a byte says the same as one with a byte that is set: a disk was full, or it was made by hand. */
static void claim(struct debt *d)
{
	struct stat st;
	bool is_new = false;
	if (!open_file(d, &is_new))
		return;
	if (is_new)
		give_away(d);
	d->own = fstat(d->fd, &st) == 0 ? st.st_size : 0;
	if (d->own == 0 && !is_new)
		set(d, d->own++, OWED);
	(void)lock(d->fd, F_WRLCK, d->own, false);
	set(d, d->own, OWED);
	(void)lock(d->fd, F_UNLCK, DOOR, false);
}

struct debt *debt_open(const char *store_path)
{
	struct debt *d = xcalloc(1, sizeof *d);
	d->path = xasprintf("%s" SUFFIX, store_path);
	d->fd = -1;
	claim(d);
	return d;
}

static bool is_left(const struct debt *d, size_t at)
{
	return d->state.data[at] == OWED && !lives(d, (off_t)at);
}

bool debt_is_owed(struct debt *d)
{
	if (d == NULL || d->fd < 0)
		return false;
	read_state(d);
	for (size_t i = 0; i < d->state.len; i++) {
		if (is_left(d, i))
			return true;
	}
	return false;
}

void debt_telling(struct debt *d)
{
	if (d == NULL || d->fd < 0)
		return;
	read_state(d);
	for (size_t i = 0; i < d->state.len; i++)
		d->state.data[i] = is_left(d, i) ? OWED : PAID;
	blob_free(&d->seen);
	d->seen = d->state;
	d->state = (struct blob)BLOB_INIT;
}

void debt_told(struct debt *d)
{
	if (d == NULL || d->fd < 0)
		return;
	for (size_t i = 0; i < d->seen.len; i++) {
		if (d->seen.data[i] == OWED)
			set(d, (off_t)i, PAID);
	}
	blob_free(&d->seen);
}

static void delete_if_paid(struct debt *d)
{
	(void)lock(d->fd, F_WRLCK, DOOR, true);
	read_state(d);
	bool owed = d->state.len == 0 || memchr(d->state.data, OWED, d->state.len) != NULL;
	if (!owed && is_at_path(d))
		(void)unlink(d->path);
}

void debt_close(struct debt **d, bool due)
{
	if (*d == NULL)
		return;
	if ((*d)->fd < 0 && due)
		claim(*d);
	if ((*d)->fd >= 0 && !due) {
		set(*d, (*d)->own, PAID);
		delete_if_paid(*d);
	}
	if ((*d)->fd >= 0)
		close((*d)->fd);
	blob_free(&(*d)->state);
	blob_free(&(*d)->seen);
	free((*d)->path);
	free(*d);
	*d = NULL;
}
