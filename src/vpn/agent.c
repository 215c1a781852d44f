#include "vpn/agent.h"
#include "vpn/question.h"
#include "vpn/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become_asker(const char *text, bool echo, int out, pid_t parent)
{
	static const char id[] = "--id=" QUESTION_ID;
	/* timeout 0 is none: the question stays until it is answered, or the token is pulled */
	const char *argv[] = {
	    "systemd-ask-password", "--no-tty", "--timeout=0", "--icon=network-vpn", id, text, NULL, NULL};
	if (echo) {
		argv[5] = "--echo";
		argv[6] = text;
	}
	int null = open("/dev/null", O_RDONLY);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent || null < 0 || dup2(null, 0) < 0 ||
	    dup2(out, 1) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	wait_leave_signals();
	/* execvp's type predates const; it changes nothing */
	char **args = NULL;
	memcpy(&args, &(const char *const *){argv}, sizeof args);
	execvp(args[0], args);
	_exit(127);
}

/* Whether there is an answer to read; false if it is not wanted any more. */
static bool answered(int from, int unless)
{
	struct pollfd p[] = {
	    {.fd = from, .events = POLLIN},
	    {.fd = unless, .events = POLLRDHUP},
	};
	while (wait_for(p, 2)) {
		if (p[1].revents != 0)
			return false;
		if (p[0].revents != 0)
			return true;
	}
	return false;
}

/* Its exit status; 127 if it could not be started. */
static int end_asker(pid_t pid, bool stop)
{
	int status = 0;
	if (stop)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int judge(int status, bool gave_up, struct err *e)
{
	if (gave_up)
		return err_set(e, ERR_INTERRUPTED, "the question is not asked any more");
	if (status == 126 || status == 127) {
		err_set(e, ERR_SYSTEM, "systemd-ask-password cannot be run, so nobody can be asked");
		return err_next(e, "see whether systemd is installed as a whole");
	}
	return err_set(e, ERR_INTERRUPTED, "the question was cancelled");
}

int agent_ask(struct secret *ret, const char *text, bool echo, int unless, struct err *e)
{
	int out[2];
	if (pipe2(out, O_CLOEXEC) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for systemd-ask-password");
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become_asker(text, echo, out[1], parent);
	close(out[1]);
	if (pid < 0) {
		err_errno(e, ERR_SYSTEM, "cannot start systemd-ask-password");
		close(out[0]);
		return -1;
	}
	bool gave_up = !answered(out[0], unless);
	/* an end without a line is no answer, and why there is none the exit status tells */
	bool read = !gave_up && secret_read_fd(ret, out[0], NULL) == 0;
	close(out[0]);
	int status = end_asker(pid, gave_up);
	if (read && status == 0)
		return 0;
	secret_clear(ret);
	return judge(status, gave_up, e);
}
