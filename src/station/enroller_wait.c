/*
 * enroller_wait: somebody else is working on the person. After a crash of the
 * station that is what it has left behind, which ends by itself.
 */
#include "station/enroller.h"

#include "core/clock.h"
#include "core/process.h"
#include "enroll/ports.h"

#include <time.h>

#define WAIT_MS 40000 /* what was begun on a token is finished, which takes half a minute at most */
#define STEP_MS 250

/* ERR_BUSY: somebody has that user. */
static int try_user(const struct enroller *n, struct err *e)
{
	const struct enroll_store_port *store = &enroll_ports_real.store;
	struct store *s = NULL;
	int ret = store->open(&s, n->cfg, e);
	if (ret == 0)
		ret = store->claim_user(s, n->order.user, e);
	store->close(&s);
	return ret;
}

bool enroller_wait(struct enroller *n, const struct err *why)
{
	static const struct timespec step = {0, STEP_MS * 1000000L};
	struct err e = ERR_INIT;
	int64_t until = clock_ms() + WAIT_MS;
	if (why->code != ERR_BUSY || try_user(n, &e) == 0 || e.code != ERR_BUSY)
		return false;
	enroller_ui.note(n,
			 "somebody is still at work on this person, as after a crash of the station: waiting for that");
	do {
		nanosleep(&step, NULL);
		if (try_user(n, &e) == 0)
			return true;
	} while (e.code == ERR_BUSY && process_stop_signal() == 0 && clock_ms() < until);
	return false;
}
