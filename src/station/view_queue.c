#include "station/view_queue.h"

#include "core/process.h"
#include "core/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUCK_BYTES ((size_t)1 << 20)
#define END_MS 30000
#define STEP_MS 200 /* until it is looked again whether a signal has come */

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

/* So much is taken without waiting by whatever poll says can be written. Returns whether some was. */
static bool write_some(struct view_queue *q, int wait_ms)
{
	struct pollfd p = {.fd = q->fd, .events = POLLOUT};
	if (q->len == 0 || q->error != 0 || poll(&p, 1, wait_ms) <= 0)
		return false;
	ssize_t n = write(q->fd, q->text, q->len < PIPE_BUF ? q->len : PIPE_BUF);
	/* a disk that is full may have room again */
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOSPC || errno == EDQUOT))
		return false;
	if (n < 0) {
		q->error = errno;
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
	free(q->text);
	q->text = NULL;
	q->len = q->cap = 0;
	if (all)
		return 0;
	err_set(e, ERR_SYSTEM, "not all of what happened could be told: what the station writes to is not read%s",
		q->error != 0 ? " any more" : "");
	if (q->error != 0)
		err_native(e, "%s", strerror(q->error));
	return err_next(e, "nothing else is lost: `tokenroll report` has it; start the station again with the same "
			   "command to go on with who is left");
}
