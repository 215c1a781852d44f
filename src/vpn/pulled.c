#include "vpn/pulled.h"
#include "core/process.h"
#include "vpn/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become_watch(const char *program, const char *profile, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent || null < 0 || dup2(null, 0) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	wait_leave_signals();
	execl(program, program, profile, (char *)NULL);
	_exit(127);
}

void pulled_watch(pid_t *pid, const char *profile)
{
	char folder[PATH_MAX], program[PATH_MAX];
	if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) == 0)
		return;
	*pid = -1;
	if (process_folder(folder, NULL) != 0)
		return;
	snprintf(program, sizeof program, "%s/tokenroll-vpn-watch", folder);
	pid_t parent = getpid();
	*pid = fork();
	if (*pid == 0)
		become_watch(program, profile, parent);
}

void pulled_end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	/* it may be in a module that does not come back */
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = -1;
}
