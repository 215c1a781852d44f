#include "vpn/question.h"
#include "core/file.h"
#include "core/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPLY "tokenroll-vpn-reply"

struct reading {
	struct question *q;
	bool ours;
};

static void keep(char *ret, size_t size, const char *value)
{
	snprintf(ret, size, "%s", value);
}

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;
	if (strcmp(section, "Ask") != 0)
		return 1;
	if (strcmp(name, "Id") == 0)
		r->ours = strcmp(value, QUESTION_ID) == 0;
	else if (strcmp(name, "Message") == 0)
		keep(r->q->message, sizeof r->q->message, value);
	else if (strcmp(name, "Socket") == 0)
		keep(r->q->socket, sizeof r->q->socket, value);
	else if (strcmp(name, "Echo") == 0)
		r->q->echo = strcmp(value, "1") == 0;
	else if (strcmp(name, "PID") == 0)
		r->q->pid = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(name, "NotAfter") == 0)
		r->q->not_after = strtoull(value, NULL, 10);
	return 1;
}

static bool is_name(const char *file)
{
	return strncmp(file, "ask.", 4) == 0 && strchr(file, '/') == NULL;
}

int question_read(struct question *ret, const char *folder, const char *file, struct err *e)
{
	char path[PATH_MAX];
	struct reading r = {.q = ret};
	*ret = (struct question){0};
	keep(ret->file, sizeof ret->file, file);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	/* above 0: the number of a line that it could not use */
	if (is_name(file) && ini_parse(path, on_value, &r) >= 0 && r.ours && ret->socket[0] != '\0')
		return 0;
	return err_set(e, ERR_FAILED, "there is no question of a VPN's that is called %s", file);
}

bool question_find(struct question *ret, const char *folder, question_skip_fn *skip, void *arg)
{
	DIR *d = opendir(folder);
	const struct dirent *entry = NULL;
	bool found = false;
	while (d != NULL && !found && (entry = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe) */
		found = is_name(entry->d_name) && !skip(arg, entry->d_name) &&
			question_read(ret, folder, entry->d_name, NULL) == 0 && question_open(ret, folder);
	if (d != NULL)
		closedir(d);
	return found;
}

static bool is_late(uint64_t not_after)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return not_after != 0 && (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 > not_after;
}

/* One that was killed leaves its file behind; it counts as ended before its parent has heard of it. */
static bool has_ended(pid_t pid)
{
	int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return pid > 0 && errno == ESRCH;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool ended = poll(&p, 1, 0) > 0;
	close(fd);
	return ended;
}

bool question_open(const struct question *q, const char *folder)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, q->file);
	return access(path, F_OK) == 0 && !is_late(q->not_after) && !has_ended(q->pid);
}

static _Noreturn void become_reply(const char *program, const char *file, bool answered, int in)
{
	int out = open("/dev/null", O_WRONLY);
	if (dup2(in, 0) < 0 || out < 0 || dup2(out, 1) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	execlp("pkexec", "pkexec", "--disable-internal-agent", program, answered ? "1" : "0", file, (char *)NULL);
	_exit(127);
}

/* 126 and 127 are pkexec's own, all else is of what it ran (pkexec(1)). */
static int judge(int status, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)) {
		err_set(e, ERR_FAILED, "the answer cannot be sent: pkexec is not installed, or does not allow it");
		return err_next(e, "as root: apt-get install pkexec; adduser NAME tokenroll; then log in again");
	}
	err_set(e, ERR_FAILED, "the answer was not taken");
	return err_next(e, "answer the question on a terminal, as root: systemd-tty-ask-password-agent");
}

/* Beside this program. What polkit's rule compares is the path that this was installed with, which symbolic links may
 * have led from. */
static int find_reply(char ret[PATH_MAX], struct err *e)
{
	static const char installed[] = LIBEXEC_DIR "/" REPLY;
	char folder[PATH_MAX];
	struct stat a, b;
	if (process_folder(folder, e) != 0)
		return -1;
	snprintf(ret, PATH_MAX, "%s/" REPLY, folder);
	if (stat(ret, &a) == 0 && stat(installed, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		snprintf(ret, PATH_MAX, "%s", installed);
	return 0;
}

int question_answer(const struct question *q, const struct secret *answer, struct err *e)
{
	int in[2], status = 0;
	char program[PATH_MAX];
	if (find_reply(program, e) != 0)
		return -1;
	if (pipe2(in, O_CLOEXEC) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for the answer");
	pid_t pid = fork();
	if (pid == 0)
		become_reply(program, q->file, answer != NULL, in[0]);
	close(in[0]);
	if (pid > 0 && answer != NULL)
		(void)file_write_all(in[1], answer->bytes, answer->len);
	close(in[1]);
	if (pid < 0)
		return err_errno(e, ERR_SYSTEM, "cannot start pkexec");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return judge(status, e);
}
