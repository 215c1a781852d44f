#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The parent's part: a byte of status, then words. */
static void wait_until_ready(int from)
{
	char said[1024];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(said) - 1 && (got = read(from, said + n, sizeof(said) - 1 - n)) != 0)
		if (got > 0)
			n += (size_t)got;
		else if (errno != EINTR)
			break;
	said[n] = 0;
	if (n == 0) {
		fprintf(stderr, "it ended before it was ready\n");
		exit(1);
	}
	if (said[1])
		fprintf(said[0] ? stderr : stdout, "%s\n", said + 1);
	exit(said[0]);
}

/* Leaves only ready open, as descriptor 3. */
static int take_leave(int ready, const char *log)
{
	int in = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (in == -1 || out == -1 || setsid() == -1 || dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1 ||
	    dup2(out, STDERR_FILENO) == -1)
		return -1;
	if (ready != STDERR_FILENO + 1 && dup2(ready, STDERR_FILENO + 1) == -1)
		return -1;
	ready = STDERR_FILENO + 1;
	if (syscall(SYS_close_range, (unsigned)ready + 1, UINT_MAX, 0) == -1 || fcntl(ready, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	return ready;
}

int background_start(const char *log)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) == -1)
		return -1;
	child = fork();
	if (child == -1)
		return -1;
	if (child > 0) {
		close(ends[1]);
		wait_until_ready(ends[0]);
	}
	return take_leave(ends[1], log);
}

void background_ready(int ready, int status, const char *words)
{
	char said[1024];
	int n = snprintf(said, sizeof(said), "%c%s", status, words ? words : "");

	/* a status of 0 is a byte too */
	if (write(ready, said, n < (int)sizeof(said) ? (size_t)n : sizeof(said) - 1) == -1)
		perror("ready");
	close(ready);
}

int background_lock(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1 || fcntl(fd, F_SETLK, &lock) == 0) /* the descriptor stays open */
		return fd == -1 ? -1 : 0;
	close(fd);
	errno = EAGAIN;
	return -1;
}

pid_t background_holder(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool held = fd != -1 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd != -1)
		close(fd);
	return held ? lock.l_pid : 0;
}

int background_watch(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

pid_t background_pid(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	return *end || pid <= 0 || pid > INT_MAX ? 0 : (pid_t)pid;
}
