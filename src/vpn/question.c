#include "vpn/question.h"
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	return 1;
}

static bool read_question(struct question *q, const char *folder, const char *file)
{
	char path[PATH_MAX];
	struct reading r = {.q = q};
	*q = (struct question){0};
	keep(q->file, sizeof q->file, file);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	/* above 0: the number of a line that it could not use */
	return ini_parse(path, on_value, &r) >= 0 && r.ours && q->socket[0] != '\0';
}

bool question_find(struct question *ret, const char *folder, const char *but)
{
	DIR *d = opendir(folder);
	const struct dirent *entry = NULL;
	bool found = false;
	while (d != NULL && !found && (entry = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe) */
		found = strncmp(entry->d_name, "ask.", 4) == 0 && strcmp(entry->d_name, but) != 0 &&
			read_question(ret, folder, entry->d_name);
	if (d != NULL)
		closedir(d);
	return found;
}

bool question_open(const struct question *q, const char *folder)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, q->file);
	return access(path, F_OK) == 0;
}

/* Debian's polkit action names the one, later ones the other; both are the same file. */
static const char *reply_program(void)
{
	static const char *const paths[] = {"/usr/lib/systemd/systemd-reply-password",
					    "/lib/systemd/systemd-reply-password"};
	return access(paths[0], X_OK) == 0 ? paths[0] : paths[1];
}

static _Noreturn void become_reply(const struct question *q, bool answered, int in)
{
	int out = open("/dev/null", O_WRONLY);
	if (dup2(in, 0) < 0 || out < 0 || dup2(out, 1) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	execlp("pkexec", "pkexec", "--disable-internal-agent", reply_program(), answered ? "1" : "0", q->socket,
	       (char *)NULL);
	_exit(127);
}

static int judge(int status, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		err_set(e, ERR_FAILED, "the answer cannot be sent: pkexec is not installed, or does not allow it");
		return err_next(e, "as root: apt-get install pkexec; adduser NAME tokenroll; then log in again");
	}
	err_set(e, ERR_FAILED, "the answer was not taken");
	return err_next(e, "as root: adduser NAME tokenroll; then log in again");
}

int question_answer(const struct question *q, const struct secret *answer, struct err *e)
{
	int in[2], status = 0;
	if (pipe2(in, O_CLOEXEC) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for the answer");
	pid_t pid = fork();
	if (pid == 0)
		become_reply(q, answer != NULL, in[0]);
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
