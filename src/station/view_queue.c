#include "station/view_queue.h"

#include "core/process.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUCK_BYTES ((size_t)1 << 20)
#define END_MS 30000
#define STEP_MS 200 /* until it is looked again whether a signal has come */

/* Not the flag of the caller's own descriptor: the shell has that, too. */
void view_queue_open(struct view_queue *q, int fd)
{
	char path[32];
	*q = (struct view_queue){.fd = fd};
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = isatty(fd) ? open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	q->opened = own >= 0;
	if (q->opened)
		q->fd = own;
}

void view_queue_put(struct view_queue *q, const char *text)
{
	size_t n = strlen(text);
	if (q->error != 0)
		return;
	if (q->len + n > q->cap) {
		q->cap = 2 * (q->len + n);
		q->text = xrealloc(q->text, q->cap, 1);
	}
	memcpy(q->text + q->len, text, n);
	q->len += n;
}

/* A disk that is full may have room again. */
static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

/* So much is taken without waiting by whatever poll says can be written, but for a terminal. Returns whether some was;
 * after wait_ms if not, also where poll says that it can be and it cannot. */
static bool write_some(struct view_queue *q, int wait_ms)
{
	struct pollfd p = {.fd = q->fd, .events = POLLOUT};
	if (q->len == 0 || q->error != 0 || poll(&p, 1, wait_ms) <= 0)
		return false;
	ssize_t n = write(q->fd, q->text, q->len < PIPE_BUF ? q->len : PIPE_BUF);
	int error = n < 0 ? errno : 0;
	q->full = is_full(error) ? error : 0;
	if (n < 0 && error != EINTR && error != EAGAIN && q->full == 0)
		q->error = error;
	if (n < 0) {
		(void)poll(NULL, 0, wait_ms);
		return false;
	}
	q->len -= (size_t)n;
	memmove(q->text, q->text + n, q->len);
	return true;
}

void view_queue_turn(struct view_queue *q)
{
	while (write_some(q, 0))
		;
}

bool view_queue_is_stuck(const struct view_queue *q)
{
	return q->error != 0 || q->len > STUCK_BYTES;
}

int view_queue_end(struct view_queue *q, struct err *e)
{
	int left = END_MS;
	while (q->len > 0 && q->error == 0 && left > 0 && process_stop_signal() == 0)
		left = write_some(q, STEP_MS) ? END_MS : left - STEP_MS;
	bool all = q->len == 0 && q->error == 0;
	int why = q->error != 0 ? q->error : q->full;
	free(q->text);
	q->text = NULL;
	q->len = q->cap = 0;
	if (q->opened)
		close(q->fd);
	q->opened = false;
	if (all)
		return 0;
	err_set(e, ERR_SYSTEM, "not all of what happened could be told: what the station writes to %s",
		is_full(why) ? "is full"
		: why != 0   ? "is not read any more"
			     : "is not read");
	if (why != 0)
		err_native(e, "%s", strerror(why));
	if (is_full(why))
		return err_next(e, "make room there; nothing else is lost: `tokenroll report` has it; start the "
				   "station again with the same command to go on with who is left");
	return err_next(e, "nothing else is lost: `tokenroll report` has it; start the station again with the same "
			   "command to go on with who is left");
}
