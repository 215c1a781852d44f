#include "station/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

static void on_signal(int sig)
{
	int before = errno;
	unsigned char byte = (unsigned char)sig;
	/* a pipe that is full has enough of them */
	if (write(ends[1], &byte, 1) < 0)
		errno = before;
}

int signals_catch(struct err *e)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&sa.sa_mask);
	if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	return 0;
}

int signals_fd(void)
{
	return ends[0];
}

bool signals_pending(void)
{
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

int signals_take(void)
{
	unsigned char byte = 0;
	return read(ends[0], &byte, 1) == 1 ? byte : 0;
}
