#include "ca/lock.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <ctype.h>
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
#define NAMELESS_S 0.3 /* so long easy-rsa may take to write its process id */
#define BOOT_ID_MAX 40

struct pki_lock {
	char *path;
	int fd; /* carries our flock */
	bool stale;
	/* of the file in the way */
	pid_t holder; /* 0: it names nobody */
	struct stat seen;
	int why_unread; /* errno, 0 if it could be read */
};

enum attempt { DONE, HELD, BROKEN };

static bool same_inode(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* "" where the kernel has none. */
static void boot_id(char ret[BOOT_ID_MAX])
{
	struct blob id = BLOB_INIT;
	ret[0] = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", BOOT_ID_MAX - 1, &id, NULL) == 0)
		snprintf(ret, BOOT_ID_MAX, "%.*s", (int)strcspn((char *)id.data, "\n"), (char *)id.data);
	blob_free(&id);
}

/* The process id in the file, 0 if there is none (yet). *ret_gone says that there is no such process any more. */
static pid_t holder_of(int fd, bool *ret_gone)
{
	char text[24 + BOOT_ID_MAX] = "", boot[BOOT_ID_MAX];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	char *end;
	long pid = n > 0 ? strtol(text, &end, 10) : 0;
	*ret_gone = false;
	if (pid <= 0 || (*end != '\n' && *end != '\0'))
		return 0;
	end += *end == '\n';
	end[strcspn(end, "\n")] = '\0';
	boot_id(boot);
	bool other_boot = *end != '\0' && boot[0] != '\0' && strcmp(end, boot) != 0;
	/* a file with our own id that is not ours is left from an earlier process with that id */
	*ret_gone = other_boot || pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
	return (pid_t)pid;
}

static int write_pid(int fd)
{
	char text[24 + BOOT_ID_MAX], boot[BOOT_ID_MAX];
	boot_id(boot);
	int n = snprintf(text, sizeof text, "%ld\n%s\n", (long)getpid(), boot);
	/* on disk before it is seen: after a power cut a file that names nobody would lock everybody out */
	return pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0 && fsync(fd) == 0 ? 0 : -1;
}

/* root's own would keep the PKI's owner out if root were killed now. That it cannot be given away is no harm else. */
static bool give_away(const struct pki_lock *l)
{
	struct stat st;
	char *folder = xasprintf("%.*s", (int)(strrchr(l->path, '/') - l->path), l->path);
	bool given = stat(folder, &st) == 0 && fchown(l->fd, st.st_uid, st.st_gid) == 0;
	free(folder);
	return given;
}

static enum attempt create(struct pki_lock *l, struct err *e)
{
	char *temp = xasprintf("%s.%ld", l->path, (long)getpid());
	enum attempt ret = BROKEN;
	l->fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (l->fd >= 0 && geteuid() == 0)
		(void)give_away(l);
	if (l->fd >= 0 && write_pid(l->fd) == 0 && flock(l->fd, LOCK_EX | LOCK_NB) == 0)
		ret = link(temp, l->path) == 0 ? DONE : errno == EEXIST ? HELD : BROKEN;
	if (ret == BROKEN)
		err_errno(e, ERR_CA_FAILED, "cannot make the PKI's lock %s", l->path);
	unlink(temp);
	free(temp);
	return ret;
}

/* Looks at the file that is in the way. *ret_stale: whoever made it is gone. */
static enum attempt inspect(struct pki_lock *l, int flags, bool *ret_stale)
{
	*ret_stale = false;
	l->fd = open(l->path, flags | O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0 && errno == ENOENT)
		return DONE;
	l->why_unread = l->fd < 0 ? errno : 0;
	l->holder = l->fd < 0 ? 0 : holder_of(l->fd, ret_stale);
	if (l->fd >= 0)
		(void)fstat(l->fd, &l->seen);
	return HELD;
}

static enum attempt try_take(struct pki_lock *l, struct err *e)
{
	bool stale;
	struct stat st;
	enum attempt a = lstat(l->path, &st) == 0 ? HELD : create(l, e);
	if (a == HELD) {
		if (l->fd >= 0)
			close(l->fd);
		/* one that is gone by now is taken in the next round */
		(void)inspect(l, O_RDWR, &stale);
		if (stale && flock(l->fd, LOCK_EX | LOCK_NB) == 0 && same_inode(l->fd, l->path) &&
		    holder_of(l->fd, &stale) != 0 && stale && write_pid(l->fd) == 0) {
			l->stale = true;
			return DONE;
		}
	}
	if (a != DONE && l->fd >= 0) {
		close(l->fd);
		l->fd = -1;
	}
	return a;
}

static enum attempt try_look(struct pki_lock *l, struct err *e)
{
	bool stale;
	(void)e;
	enum attempt a = inspect(l, O_RDONLY, &stale);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	return stale ? DONE : a;
}

/* "PID 1234 (easyrsa)", or what is known of a file that names nobody */
static void name_holder(char *ret, size_t size, const struct pki_lock *l)
{
	struct blob comm = BLOB_INIT;
	char path[64], since[32] = "";
	struct tm tm;
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)l->holder);
	if (l->why_unread != 0) {
		snprintf(ret, size, "a program that cannot be named, because lock.file cannot be opened (%s)",
			 strerror(l->why_unread));
	} else if (l->holder == 0) {
		if (gmtime_r(&l->seen.st_mtim.tv_sec, &tm) == NULL ||
		    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
			snprintf(since, sizeof since, "an unknown time");
		snprintf(ret, size, "a program that did not write its process id (user id %ld, since %s)",
			 (long)l->seen.st_uid, since);
	} else if (file_read(path, 256, &comm, NULL) == 0 && comm.len > 1) {
		char *name = (char *)comm.data;
		name[strcspn(name, "\n")] = '\0';
		for (char *p = name; *p != '\0'; p++) /* anybody may name a process as he likes */
			*p = isgraph((unsigned char)*p) ? *p : '?';
		snprintf(ret, size, "PID %ld (%.64s)", (long)l->holder, name);
	} else {
		snprintf(ret, size, "PID %ld", (long)l->holder);
	}
	blob_free(&comm);
}

struct patience {
	long seconds;
	rpc_note_fn *note;
	void *note_arg;
};

static void tell(const struct pki_lock *l, const struct patience *p)
{
	char who[160], text[512];
	name_holder(who, sizeof who, l);
	snprintf(text, sizeof text, "waiting for %.256s, held by %s", l->path, who);
	if (p->note != NULL)
		p->note(p->note_arg, text);
}

static int give_up(const struct pki_lock *l, const char *pki, struct err *e)
{
	char who[160];
	name_holder(who, sizeof who, l);
	err_set(e, ERR_CA_LOCKED, "the PKI %s is locked by %s", pki, who);
	if (l->holder != 0 && l->why_unread == 0)
		return err_next(e, "let that program finish; if it is not at work on the PKI, remove %s", l->path);
	return err_next(e, "look whether an easyrsa is at work on the PKI (ps -C easyrsa); if none is, remove %s",
			l->path);
}

static int with_patience(struct pki_lock *l, enum attempt (*attempt)(struct pki_lock *, struct err *), const char *pki,
			 const struct patience *p, struct err *e)
{
	static const struct timespec pause = {0, POLL_NS};
	const int64_t start = clock_ms();
	bool told = false;
	for (;;) {
		enum attempt a = attempt(l, e);
		if (a != HELD)
			return a == DONE ? 0 : -1;
		double waited = (double)(clock_ms() - start) / 1000;
		if (process_stop_signal() != 0)
			return err_set(e, ERR_INTERRUPTED, "interrupted while the PKI %s was locked", pki);
		if (waited >= (double)p->seconds)
			return give_up(l, pki, e);
		if (!told && (l->holder != 0 || waited >= NAMELESS_S)) {
			tell(l, p);
			told = true;
		}
		nanosleep(&pause, NULL);
	}
}

int pki_lock_take(struct pki_lock **ret, const char *pki, long wait, rpc_note_fn *note, void *note_arg, struct err *e)
{
	const struct patience p = {wait, note, note_arg};
	struct pki_lock *l = xcalloc(1, sizeof *l);
	l->path = xasprintf("%s/lock.file", pki);
	l->fd = -1;
	int status = with_patience(l, try_take, pki, &p, e);
	if (status == 0) {
		*ret = l;
		return 0;
	}
	free(l->path);
	free(l);
	return status;
}

int pki_lock_wait(const char *pki, long wait, rpc_note_fn *note, void *note_arg, struct err *e)
{
	const struct patience p = {wait, note, note_arg};
	struct pki_lock l = {.path = xasprintf("%s/lock.file", pki), .fd = -1};
	int status = with_patience(&l, try_look, pki, &p, e);
	free(l.path);
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
