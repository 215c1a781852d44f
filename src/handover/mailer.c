#include "handover/mailer.h"

#include "handover/courier_wire.h"

#define MAIL_MS 150000 /* more than mail.c takes before it gives up by itself */

static void put_result(struct rpc_msg *m, const struct handover_result *r)
{
	rpc_put_str(m, r->folder);
	rpc_put_str(m, r->tar_gz);
	rpc_put_str(m, r->zip);
}

int mailer_send(const struct config *cfg, const struct handover_facts *f, const struct handover_result *r,
		struct err *e)
{
	struct rpc_peer *peer = NULL;
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	if (cfg->mail.to == NULL)
		return 0;
	/* its stderr is the courier's, which knows whether anybody wants to see it */
	if (rpc_peer_start(&peer, "mailer", true, e) != 0)
		return -1;
	rpc_msg_reset(&in, MAILER_SEND);
	rpc_put_str(&in, cfg->path);
	rpc_put_blob(&in, &cfg->text);
	courier_put_facts(&in, f);
	put_result(&in, r);
	int ret = rpc_call(peer, &in, &out, MAIL_MS, e);
	if (ret == 0 && !rpc_msg_done(&out))
		ret = err_set(e, ERR_MAIL, "the mailer process gave an answer that cannot be read");
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	rpc_peer_stop(&peer);
	return ret;
}
