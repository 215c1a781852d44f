#include "core/rpc.h"
#include "core/rpc_wire.h"

#include <stdarg.h>
#include <stdlib.h>

static const struct rpc_op *find_op(const struct rpc_op *ops, size_t n_ops, const struct rpc_msg *in)
{
	for (size_t i = 0; i < n_ops; i++) {
		if (ops[i].type == in->type && in->n_secrets <= ops[i].n_secrets)
			return &ops[i];
	}
	return NULL;
}

static void put_err(struct rpc_msg *m, const struct err *e)
{
	rpc_msg_reset(m, RPC_TYPE_ERROR);
	rpc_put_u32(m, e->code);
	rpc_put_str(m, e->what);
	rpc_put_str(m, e->native);
	rpc_put_str(m, e->next);
}

static int answer(struct rpc_server *s, const struct rpc_op *op, struct rpc_msg *in)
{
	struct err e = ERR_INIT;
	struct rpc_msg out = RPC_MSG_INIT;
	rpc_msg_reset(&out, RPC_TYPE_REPLY);
	if (op == NULL) {
		err_set(&e, ERR_FAILED, "a call of unknown type %u", in->type);
		put_err(&out, &e);
	} else if (op->run(s, in, &out, &e) != 0) {
		if (s->explain != NULL)
			s->explain(s, &e);
		put_err(&out, &e);
	}
	int ret = rpc_wire_send(s->fd, &out);
	rpc_msg_free(&out);
	return ret;
}

int rpc_serve(struct rpc_server *s, const struct rpc_op *ops, size_t n_ops)
{
	struct rpc_msg in = RPC_MSG_INIT;
	int sent = 0;
	while (sent == 0 && rpc_wire_recv(s->fd, &in, -1, NULL) == RPC_WIRE_OK)
		sent = answer(s, find_op(ops, n_ops, &in), &in);
	rpc_msg_free(&in);
	return EXIT_SUCCESS;
}

void rpc_note(struct rpc_server *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct rpc_msg m = RPC_MSG_INIT;
	rpc_msg_reset(&m, RPC_TYPE_NOTE);
	rpc_put_str(&m, text);
	(void)rpc_wire_send(s->fd, &m); /* a parent that is gone is noticed at the answer */
	rpc_msg_free(&m);
}
