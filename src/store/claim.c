#include "store/claim.h"

#include "core/xalloc.h"
#include "store/identity.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BYTE_SETUP 0
#define BYTE_OPEN 1
#define SETUP_WAIT_MS 10000
#define SETUP_STEP_MS 10

static int lock_byte(int fd, short type, off_t byte)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int rc;

	do
		rc = fcntl(fd, F_SETLK, &l);
	while (rc == -1 && errno == EINTR);
	return rc;
}

static bool held_by_another(int error)
{
	return error == EACCES || error == EAGAIN;
}

/* Whoever holds the byte: a process id, 0 if nobody (any more), -1 if it is out of our sight. */
static pid_t holder(int fd, off_t byte)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_GETLK, &l) == -1)
		return -1;
	if (l.l_type == F_UNLCK)
		return 0;
	return l.l_pid > 0 ? l.l_pid : -1;
}

static int lock_failed(struct store *s, struct err *e)
{
	err_errno(e, ERR_STORE, "cannot lock %s-lock", s->path);
	return err_next(e, "The database's folder must be on a file system with record locks, best on a local disk.");
}

int claim_open(struct store *s, bool *ret_alone, struct err *e)
{
	char *path = xasprintf("%s-lock", s->path);
	bool alone;
	int rc = -1;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd == -1) {
		err_errno(e, ERR_STORE, "cannot open %s", path);
		err_next(e, "Run this as the user who owns the database; its folder must be writable.");
		goto out;
	}
	alone = lock_byte(s->lock_fd, F_WRLCK, BYTE_OPEN) == 0;
	if (!alone && !held_by_another(errno)) {
		lock_failed(s, e);
		goto out;
	}
	/* shared from here on; without it, if another process opens at this very moment, a later one may only think it
	 * is alone and check the database once more than needed */
	if (lock_byte(s->lock_fd, F_RDLCK, BYTE_OPEN) == -1 && !held_by_another(errno)) {
		lock_failed(s, e);
		goto out;
	}
	*ret_alone = alone;
	rc = 0;
out:
	free(path);
	return rc;
}

int claim_setup(struct store *s, struct err *e)
{
	const struct timespec step = {0, SETUP_STEP_MS * 1000000L};

	for (int waited = 0; lock_byte(s->lock_fd, F_WRLCK, BYTE_SETUP) == -1; waited += SETUP_STEP_MS) {
		if (!held_by_another(errno))
			return lock_failed(s, e);
		if (waited >= SETUP_WAIT_MS) {
			err_set(e, ERR_STORE, "process %ld has been setting up the database %s for %d seconds",
				(long)holder(s->lock_fd, BYTE_SETUP), s->path, SETUP_WAIT_MS / 1000);
			return err_next(e, "See what that process is waiting for, then run the same command again.");
		}
		nanosleep(&step, NULL);
	}
	return 0;
}

void claim_setup_done(struct store *s)
{
	lock_byte(s->lock_fd, F_UNLCK, BYTE_SETUP);
}

static int busy(const char *what, const char *name, pid_t pid, struct err *e)
{
	if (pid <= 0) {
		err_set(e, ERR_BUSY, "another process is working on %s %s", what, name);
		return err_next(e, "Wait until it is done, then run the same command again.");
	}
	err_set(e, ERR_BUSY, "process %ld is working on %s %s", (long)pid, what, name);
	return err_next(e, "Wait until it is done ('ps -p %ld' shows it), then run the same command again.", (long)pid);
}

int claim_try(struct store *s, off_t byte, pid_t *ret_holder, struct err *e)
{
	*ret_holder = 0;
	/* again if whoever held it has let go between the two calls */
	while (lock_byte(s->lock_fd, F_WRLCK, byte) == -1) {
		if (!held_by_another(errno))
			return lock_failed(s, e);
		*ret_holder = holder(s->lock_fd, byte);
		if (*ret_holder != 0)
			return 0;
	}
	return 0;
}

pid_t claim_holder(const struct store *s, off_t byte)
{
	return holder(s->lock_fd, byte);
}

static int claim_byte(struct store *s, off_t byte, const char *what, const char *name, struct err *e)
{
	pid_t pid = 0;

	if (claim_try(s, byte, &pid, e) == -1)
		return -1;
	return pid == 0 ? 0 : busy(what, name, pid, e);
}

int store_claim_user(struct store *s, const char *user, struct err *e)
{
	int64_t id;

	if (person_known(s, user, &id, e) == -1)
		return -1;
	return claim_byte(s, (off_t)(2 * id), "user", user, e);
}

int store_claim_token(struct store *s, const struct store_token *t, struct err *e)
{
	int64_t id;

	if (token_known(s, t, &id, e) == -1)
		return -1;
	return claim_byte(s, (off_t)(2 * id + 1), "token", t->serial, e);
}
