#include "handover/courier.h"
#include "core/rpc.h"
#include "core/xalloc.h"
#include "handover/courier_wire.h"

#include <limits.h>
#include <stdlib.h>

#define WORK_MS 60000
#define MAIL_MS 180000 /* more than mailer.c waits */

struct courier {
	struct rpc_peer *peer;
	bool drafting; /* the draft's answer has not been read yet */
};

static int bad_answer(struct err *e)
{
	return err_set(e, ERR_FAILED, "the courier process gave an answer that cannot be read");
}

static int send_check(struct courier *c, const struct config *cfg, const char *user, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, COURIER_CHECK);
	rpc_put_str(&in, cfg->path);
	rpc_put_blob(&in, &cfg->text);
	rpc_put_str(&in, user);
	courier_put_names(&in, cfg);
	hidden_put(&in, cfg->hidden.place, cfg->hidden.n);
	int ret = rpc_send(c->peer, &in, e);
	rpc_msg_free(&in);
	return ret;
}

int courier_start(struct courier **ret, const struct config *cfg, const char *user, bool verbose, struct err *e)
{
	struct courier *c = xcalloc(1, sizeof *c);
	if (rpc_peer_start(&c->peer, "courier", verbose, e) != 0 || send_check(c, cfg, user, e) != 0) {
		courier_stop(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

void courier_dismiss(struct courier *c)
{
	if (c != NULL)
		rpc_peer_dismiss(c->peer);
}

void courier_stop(struct courier **c)
{
	if (c == NULL || *c == NULL)
		return;
	rpc_peer_stop(&(*c)->peer);
	free(*c);
	*c = NULL;
}

int courier_check(struct courier *c, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int ret = rpc_wait(c->peer, &out, WORK_MS, e);
	if (ret == 0 && !rpc_msg_done(&out))
		ret = bad_answer(e);
	rpc_msg_free(&out);
	return ret;
}

void courier_draft(struct courier *c, const struct handover_facts *f)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, COURIER_DRAFT);
	courier_put_facts(&in, f);
	c->drafting = rpc_send(c->peer, &in, NULL) == 0;
	rpc_msg_free(&in);
}

/* Whatever has become of it: the next call makes what is missing, or says why it cannot. */
static void draft_end(struct courier *c)
{
	struct rpc_msg out = RPC_MSG_INIT;
	if (c->drafting)
		(void)rpc_wait(c->peer, &out, WORK_MS, NULL);
	c->drafting = false;
	rpc_msg_free(&out);
}

int courier_make(struct courier *c, const struct handover_facts *f, struct handover_result *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, COURIER_MAKE);
	courier_put_facts(&in, f);
	draft_end(c);
	int got = rpc_call(c->peer, &in, &out, WORK_MS, e);
	if (got == 0) {
		struct handover_result made = {.folder = rpc_get_strdup(&out, PATH_MAX),
					       .tar_gz = rpc_get_strdup(&out, PATH_MAX),
					       .zip = rpc_get_strdup(&out, PATH_MAX)};
		got = rpc_msg_done(&out) ? 0 : bad_answer(e);
		if (got == 0)
			*ret = made;
		else
			handover_result_free(&made);
	}
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return got;
}

/* A call that has no more to say than its name, and no answer but that it was done. */
static int call(struct courier *c, enum courier_op op, int timeout_ms, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, op);
	int ret = rpc_call(c->peer, &in, &out, timeout_ms, e);
	if (ret == 0 && !rpc_msg_done(&out))
		ret = bad_answer(e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return ret;
}

int courier_room(struct courier *c, struct err *e)
{
	return call(c, COURIER_ROOM, WORK_MS, e);
}

int courier_mail(struct courier *c, struct err *e)
{
	return call(c, COURIER_MAIL, MAIL_MS, e);
}
