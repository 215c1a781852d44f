#include "vpn/wait.h"
#include "core/process.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static void stop_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGHUP);
}

void wait_catch_signals(void)
{
	sigset_t set;
	stop_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	process_catch_signals();
}

void wait_leave_signals(void)
{
	sigset_t set;
	stop_signals(&set);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool wait_until(struct pollfd *fds, nfds_t n, const struct timespec *limit)
{
	sigset_t none;
	sigemptyset(&none);
	while (process_stop_signal() == 0) {
		if (ppoll(fds, n, limit, &none) >= 0)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

bool wait_for(struct pollfd *fds, nfds_t n)
{
	return wait_until(fds, n, NULL);
}

bool wait_ms(int socket, int ms)
{
	struct pollfd p = {.fd = socket, .events = POLLRDHUP};
	struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	return wait_until(&p, 1, &limit);
}
