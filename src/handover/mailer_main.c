/*
 * mailer_main: the process that mails the bundle. It reads its one call from
 * RPC_FD and passes it to handover.h.
 */
#include "core/process.h"
#include "handover/courier_wire.h"
#include "handover/mailer.h"

#include <limits.h>
#include <stdlib.h>

static int op_send(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct config *cfg = NULL;
	struct blob text = BLOB_INIT;
	struct handover_facts facts = {.user = NULL};
	char path[PATH_MAX];
	(void)s;
	(void)out;
	rpc_get_str(in, path, sizeof path);
	rpc_get_blob(in, &text);
	courier_get_facts(in, &facts);
	struct handover_result made = {.folder = rpc_get_strdup(in, PATH_MAX),
				       .tar_gz = rpc_get_strdup(in, PATH_MAX),
				       .zip = rpc_get_strdup(in, PATH_MAX)};
	int ret = rpc_msg_done(in) ? config_parse(&cfg, path, &text, e)
				   : err_set(e, ERR_FAILED, "the mailer process got a call that cannot be read");
	if (ret == 0)
		ret = handover_mail(cfg, &facts, &made, e);
	handover_result_free(&made);
	courier_free_facts(&facts);
	config_free(&cfg);
	blob_free(&text);
	return ret;
}

static const struct rpc_op ops[] = {{MAILER_SEND, 0, op_send}};

int mailer_main(void)
{
	struct err e = ERR_INIT;
	struct rpc_server s = {.fd = RPC_FD, .state = NULL};
	if (process_harden(&e) != 0) {
		fprintf(stderr, "mailer: %s\n", e.what);
		return EXIT_FAILURE;
	}
	/* the courier asks for an end with SIGTERM: a mail under way is broken off */
	process_catch_signals();
	return rpc_serve(&s, ops, sizeof ops / sizeof *ops);
}
