/*
 * killat: a preloaded library that kills with SIGKILL at a chosen side effect on the file system, to show that the
 * next run goes on from there.
 *
 *   KILLAT_COUNT   file with the number of side effects so far, over all processes of a run
 *   KILLAT_WHEN    the number of the side effect at which to kill
 *   KILLAT_AFTER   if set: just after it, else just before
 *   KILLAT_GROUP   if set: the parent dies with the process that did it, as in a power cut
 *
 * Counted are the calls that change what a later run finds: creating, writing, syncing, renaming, linking, removing,
 * and cutting files. Pipes and sockets are not.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The real function behind a name; ISO C has no cast from void * to a function. */
static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

#define REAL(ret, name, ...) ((ret(*)(__VA_ARGS__))real(name))

/* Read and opened once: the signer clears its environment and shuts itself in. */
static struct {
	int count; /* descriptor of the file */
	unsigned long when;
	bool after, group, off;
	pid_t parent;
} plan = {.count = -1, .off = true};

static int open_count(void)
{
	const char *path = getenv("KILLAT_COUNT");
	return path != NULL ? REAL(int, "open", const char *, int, ...)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
}

static long number(const char *name)
{
	const char *value = getenv(name);
	return value != NULL ? strtol(value, NULL, 10) : 0;
}

/* A process that runs a token's module is left alone: what its software token does on the disk is the token's own
 * affair, and its PKCS#11 calls have sweeps of their own. */
static bool is_worker(void)
{
	char cmdline[4096] = "";
	int fd = REAL(int, "open", const char *, int, ...)("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, cmdline, sizeof cmdline);
	if (fd >= 0)
		close(fd);
	return n > 7 && memcmp(cmdline + n - 7, "worker", 7) == 0;
}

/* The first process of a run is the one whose death is the power cut; its children inherit that by the environment. */
__attribute__((constructor)) static void make_plan(void)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("KILLAT_PARENT", pid, 0);
	plan.count = open_count();
	plan.when = (unsigned long)number("KILLAT_WHEN");
	plan.after = getenv("KILLAT_AFTER") != NULL;
	plan.group = getenv("KILLAT_GROUP") != NULL;
	plan.parent = (pid_t)number("KILLAT_PARENT");
	plan.off = plan.count < 0 || is_worker();
}

static unsigned long next_number(void)
{
	char text[32] = "";
	if (flock(plan.count, LOCK_EX) != 0 || pread(plan.count, text, sizeof text - 1, 0) < 0)
		abort();
	unsigned long n = strtoul(text, NULL, 10) + 1;
	int len = snprintf(text, sizeof text, "%lu\n", n);
	if (REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(plan.count, text, (size_t)len, 0) != len)
		abort();
	flock(plan.count, LOCK_UN);
	return n;
}

static bool wanted(void)
{
	return !plan.off && next_number() == plan.when;
}

static void die(void)
{
	if (plan.group)
		kill(plan.parent, SIGKILL);
	kill(getpid(), SIGKILL);
}

static bool before(void)
{
	bool now = wanted();
	if (now && !plan.after)
		die();
	return now;
}

static bool is_file(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Runs the real call as a side effect, or plainly if it is none. */
#define EFFECT(ret, is_effect, call)                \
	do {                                        \
		bool hit = (is_effect) && before(); \
		ret result = (call);                \
		if (hit)                            \
			die();                      \
		return result;                      \
	} while (0)

ssize_t write(int fd, const void *data, size_t n)
{
	EFFECT(ssize_t, is_file(fd), REAL(ssize_t, "write", int, const void *, size_t)(fd, data, n));
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	EFFECT(ssize_t, is_file(fd), REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, data, n, at));
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
	EFFECT(ssize_t, is_file(fd), REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t)(fd, data, n, at));
}

int fsync(int fd)
{
	EFFECT(int, true, REAL(int, "fsync", int)(fd));
}

int fdatasync(int fd)
{
	EFFECT(int, true, REAL(int, "fdatasync", int)(fd));
}

int ftruncate(int fd, off_t n)
{
	EFFECT(int, true, REAL(int, "ftruncate", int, off_t)(fd, n));
}

int rename(const char *from, const char *to)
{
	EFFECT(int, true, REAL(int, "rename", const char *, const char *)(from, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	EFFECT(
	    int, true,
	    REAL(int, "renameat2", int, const char *, int, const char *, unsigned)(from_dir, from, to_dir, to, flags));
}

int link(const char *from, const char *to)
{
	EFFECT(int, true, REAL(int, "link", const char *, const char *)(from, to));
}

int unlink(const char *path)
{
	EFFECT(int, true, REAL(int, "unlink", const char *)(path));
}

int unlinkat(int dir, const char *path, int flags)
{
	EFFECT(int, true, REAL(int, "unlinkat", int, const char *, int)(dir, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	EFFECT(int, true, REAL(int, "mkdir", const char *, mode_t)(path, mode));
}

static mode_t mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 ? (mode_t)va_arg(ap, unsigned) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = mode_of(flags, ap);
	va_end(ap);
	EFFECT(int, (flags & (O_CREAT | O_TRUNC)) != 0, REAL(int, "open", const char *, int, ...)(path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = mode_of(flags, ap);
	va_end(ap);
	EFFECT(int, (flags & (O_CREAT | O_TRUNC)) != 0, REAL(int, "open64", const char *, int, ...)(path, flags, mode));
}
