/*
 * Loaded into the test stand's pcscd: it looks for cards put in and taken out 50 times a second instead of every
 * 400 ms, the time it has compiled in for drivers that do not tell it, so that tests need not wait.
 */
#include <errno.h>
#include <time.h>

#define POLL_NS 400000000
#define QUICK_NS 20000000

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	const struct timespec quick = {.tv_nsec = QUICK_NS};

	if (wanted->tv_sec == 0 && wanted->tv_nsec == POLL_NS)
		wanted = &quick;
	errno = clock_nanosleep(CLOCK_REALTIME, 0, wanted, left);
	return errno ? -1 : 0;
}
