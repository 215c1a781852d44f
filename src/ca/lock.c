#include "ca/lock.h"

#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 20000000L

struct pki_lock {
	char *path;
	int fd; /* carries our flock */
	bool stale;
};

enum attempt { TAKEN, HELD, BROKEN };

static bool same_inode(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The process id in the file, 0 if there is none (yet). */
static pid_t holder_of(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	char *end;
	long pid = n > 0 ? strtol(text, &end, 10) : 0;
	return pid > 0 && (*end == '\n' || *end == '\0') ? (pid_t)pid : 0;
}

static bool is_gone(pid_t pid)
{
	/* a file with our own id that is not ours is left from an earlier process with that id */
	return pid != 0 && (pid == getpid() || (kill(pid, 0) != 0 && errno == ESRCH));
}

static int write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	return pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0 ? 0 : -1;
}

static enum attempt create(struct pki_lock *l, struct err *e)
{
	char *temp = xasprintf("%s.%ld", l->path, (long)getpid());
	enum attempt ret = BROKEN;
	l->fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (l->fd >= 0 && write_pid(l->fd) == 0 && flock(l->fd, LOCK_EX | LOCK_NB) == 0)
		ret = link(temp, l->path) == 0 ? TAKEN : errno == EEXIST ? HELD : BROKEN;
	if (ret == BROKEN)
		err_errno(e, ERR_CA_FAILED, "cannot make the PKI's lock %s", l->path);
	unlink(temp);
	free(temp);
	return ret;
}

/* Looks at the file that is in the way, and takes it over if it is stale. */
static enum attempt inspect(struct pki_lock *l, pid_t *ret_holder)
{
	enum attempt ret = HELD;
	l->fd = open(l->path, O_RDWR | O_CLOEXEC);
	if (l->fd < 0) /* gone by now, or not ours to open: the next round tells */
		return HELD;
	*ret_holder = holder_of(l->fd);
	if (is_gone(*ret_holder) && flock(l->fd, LOCK_EX | LOCK_NB) == 0 && same_inode(l->fd, l->path) &&
	    is_gone(holder_of(l->fd)) && write_pid(l->fd) == 0)
		ret = TAKEN;
	l->stale = ret == TAKEN;
	return ret;
}

static enum attempt try_lock(struct pki_lock *l, pid_t *ret_holder, struct err *e)
{
	enum attempt a = create(l, e);
	if (a == HELD) {
		close(l->fd);
		a = inspect(l, ret_holder);
	}
	if (a != TAKEN && l->fd >= 0) {
		close(l->fd);
		l->fd = -1;
	}
	return a;
}

/* "PID 1234 (easyrsa)" */
static void name_holder(char *ret, size_t size, pid_t pid)
{
	struct blob comm = BLOB_INIT;
	char path[64];
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	if (pid == 0) {
		snprintf(ret, size, "a program that did not write its process id");
	} else if (file_read(path, 256, &comm, NULL) == 0 && comm.len > 1) {
		char *name = (char *)comm.data;
		name[strcspn(name, "\n")] = '\0';
		snprintf(ret, size, "PID %ld (%.64s)", (long)pid, name);
	} else {
		snprintf(ret, size, "PID %ld", (long)pid);
	}
	blob_free(&comm);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int take_with_patience(struct pki_lock *l, const char *pki, long wait, rpc_note_fn *note, void *note_arg,
			      struct err *e)
{
	static const struct timespec pause = {0, POLL_NS};
	const double deadline = now_s() + (double)wait;
	char who[128] = "", text[512];
	pid_t holder = 0;
	for (;;) {
		enum attempt a = try_lock(l, &holder, e);
		if (a != HELD)
			return a == TAKEN ? 0 : -1;
		if (now_s() >= deadline)
			break;
		if (who[0] == '\0' && holder != 0) {
			name_holder(who, sizeof who, holder);
			snprintf(text, sizeof text, "%.256s is locked by %s, waiting", pki, who);
			if (note != NULL)
				note(note_arg, text);
		}
		nanosleep(&pause, NULL);
	}
	name_holder(who, sizeof who, holder);
	err_set(e, ERR_CA_LOCKED, "the PKI %s is locked by %s", pki, who);
	return err_next(e, "wait until that program has finished; if it is not at work on the PKI, remove %s", l->path);
}

int pki_lock_take(struct pki_lock **ret, const char *pki, long wait, rpc_note_fn *note, void *note_arg, struct err *e)
{
	struct pki_lock *l = xcalloc(1, sizeof *l);
	l->path = xasprintf("%s/lock.file", pki);
	l->fd = -1;
	int status = take_with_patience(l, pki, wait, note, note_arg, e);
	if (status == 0) {
		*ret = l;
		return 0;
	}
	free(l->path);
	free(l);
	return status;
}

bool pki_lock_was_stale(const struct pki_lock *l)
{
	return l->stale;
}

void pki_lock_release(struct pki_lock **l)
{
	if (l == NULL || *l == NULL)
		return;
	if (same_inode((*l)->fd, (*l)->path)) /* somebody may have removed it by hand, and a third made another */
		unlink((*l)->path);
	close((*l)->fd);
	free((*l)->path);
	free(*l);
	*l = NULL;
}
