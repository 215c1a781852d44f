#include "vpn/openvpn.h"
#include "core/xalloc.h"
#include "vpn/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 10000

struct openvpn {
	pid_t pid;
	int pidfd; /* readable once it has ended */
};

/* What is on the command line behind --config takes the place of what the profile says. */
static char **make_arguments(const char *profile, const char *path, const char *const options[])
{
	char *for_dir = xstrdup(profile), *for_base = xstrdup(profile);
	const char *const fixed[] = {"openvpn",
				     "--suppress-timestamps",
				     "--cd",
				     dirname(for_dir),
				     "--config",
				     basename(for_base),
				     "--auth-retry",
				     "none",
				     "--management",
				     path,
				     "unix",
				     "--management-client",
				     "--management-query-passwords"};
	size_t n = sizeof fixed / sizeof *fixed, more = 0;
	while (options[more] != NULL)
		more++;
	char **argv = xcalloc(n + more + 1, sizeof *argv);
	for (size_t i = 0; i < n + more; i++)
		argv[i] = xstrdup(i < n ? fixed[i] : options[i - n]);
	free(for_dir);
	free(for_base);
	return argv;
}

static _Noreturn void become_openvpn(char **argv, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent || null < 0 || dup2(null, 0) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	umask(022); /* scripts of the profile write files for others, e.g. resolv.conf */
	wait_leave_signals();
	execvp(argv[0], argv);
	_exit(127);
}

int openvpn_start(struct openvpn **ret, const char *profile, const char *path, const char *const options[],
		  struct err *e)
{
	char **argv = make_arguments(profile, path, options);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become_openvpn(argv, parent);
	for (char **arg = argv; *arg != NULL; arg++)
		free(*arg);
	free(argv);
	if (pid < 0)
		return err_errno(e, ERR_SYSTEM, "cannot start openvpn");
	struct openvpn *o = xcalloc(1, sizeof *o);
	o->pid = pid;
	o->pidfd = pidfd_open(pid, 0);
	*ret = o;
	return 0;
}

/* It has ended before it has connected: 127 is execvp's failure, and with 0 it has left another process behind, as
 * `daemon` makes it do. What else was wrong it has said itself. */
static int judge_end(const struct openvpn *o, struct management *m, struct err *e)
{
	siginfo_t info = {0};
	struct pollfd p = {.fd = m->listener, .events = POLLIN};
	if (waitid(P_PID, (id_t)o->pid, &info, WEXITED | WNOWAIT) != 0 || info.si_code != CLD_EXITED)
		return 0;
	if (info.si_status == 127) {
		err_set(e, ERR_SYSTEM, "openvpn cannot be run");
		return err_next(e, "install it: apt-get install openvpn");
	}
	return info.si_status == 0 && poll(&p, 1, END_MS) > 0 ? management_accept(m, o->pid, e) : 0;
}

int openvpn_connect(struct openvpn *o, struct management *m, struct err *e)
{
	struct pollfd p[] = {
	    {.fd = m->listener, .events = POLLIN},
	    {.fd = o->pidfd, .events = POLLIN},
	};
	if (!wait_for(p, 2))
		return 0;
	return p[0].revents != 0 ? management_accept(m, o->pid, e) : judge_end(o, m, e);
}

void openvpn_end(struct openvpn **po)
{
	struct openvpn *o = *po;
	if (o == NULL)
		return;
	kill(o->pid, SIGTERM);
	/* by poll, because a signal has stopped us already */
	struct pollfd p = {.fd = o->pidfd, .events = POLLIN};
	while (poll(&p, 1, END_MS) < 0 && errno == EINTR)
		;
	if (p.revents == 0)
		kill(o->pid, SIGKILL);
	while (waitpid(o->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (o->pidfd >= 0)
		close(o->pidfd);
	free(o);
	*po = NULL;
}
