/*
 * The wait for slot events. It changes nothing on a token, so that the process may be ended in its middle: with the
 * parent it goes at once.
 */
#include "enroll/worker_state.h"
#include "pkcs11/slotevent.h"

#include <signal.h>

static enum worker_event translate(enum p11_slot_event happened)
{
	static const enum worker_event as[] = {
	    [P11_SLOT_EVENT_CAME] = WORKER_EVENT_CAME,
	    [P11_SLOT_EVENT_NOT_YET] = WORKER_EVENT_NOT_YET,
	    [P11_SLOT_EVENT_NEVER] = WORKER_EVENT_NEVER,
	    [P11_SLOT_EVENT_FAILED] = WORKER_EVENT_FAILED,
	};
	return as[happened];
}

int worker_do_event(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct worker_state *st = worker_state(s);
	bool asks = rpc_get_u32(in) != 0;
	if (!rpc_msg_done(in) || st->module == NULL)
		return worker_malformed(e);
	worker_forget_listing(st);
	signal(SIGTERM, SIG_DFL);
	rpc_put_u32(out, translate(asks ? p11_slot_event_ask(st->module) : p11_slot_event_wait(st->module)));
	return 0;
}
