#include "core/clock.h"
#include "core/rpc.h"
#include "core/rpc_wire.h"
#include "core/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GUEST_MS 3000 /* for the rest of a call, and for taking an answer */
#define REST_MS 2     /* until it is looked again whether the rest of a call has come */

struct rpc_guest {
	int fd;
	int64_t until; /* clock_ms: the rest of its call is waited for; 0: it has not begun one */
};

static bool is_for_guests(const struct rpc_server *s, uint16_t type)
{
	for (size_t i = 0; i < s->n_guest_calls; i++) {
		if (s->guest_calls[i] == type)
			return true;
	}
	return false;
}

static const struct rpc_op *find_op(const struct rpc_op *ops, size_t n_ops, const struct rpc_msg *in)
{
	for (size_t i = 0; i < n_ops; i++) {
		if (ops[i].type == in->type && in->n_secrets <= ops[i].n_secrets)
			return &ops[i];
	}
	return NULL;
}

/* One who does not listen must not stop the others. */
static int send_msg(const struct rpc_server *s, const struct rpc_msg *m)
{
	return rpc_wire_send(s->fd, m, s->guest ? clock_ms() + GUEST_MS : -1);
}

static int answer(struct rpc_server *s, const struct rpc_op *op, struct rpc_msg *in)
{
	struct err e = ERR_INIT;
	struct rpc_msg out = RPC_MSG_INIT;
	rpc_msg_reset(&out, RPC_TYPE_REPLY);
	if (op == NULL) {
		err_set(&e, ERR_FAILED, "a call of unknown type %u", in->type);
		rpc_wire_put_err(&out, &e);
	} else if (op->run(s, in, &out, &e) != 0) {
		if (s->explain != NULL)
			s->explain(s, &e);
		rpc_wire_put_err(&out, &e);
	}
	int ret = send_msg(s, &out);
	rpc_msg_free(&out);
	return ret;
}

void rpc_serve_also(struct rpc_server *s, int fd)
{
	s->guests = xrealloc(s->guests, s->n_guests + 1, sizeof *s->guests);
	s->guests[s->n_guests++] = (struct rpc_guest){.fd = fd};
}

static void drop_guest(struct rpc_server *s, size_t i)
{
	close(s->guests[i].fd);
	memmove(s->guests + i, s->guests + i + 1, (s->n_guests - i - 1) * sizeof *s->guests);
	s->n_guests--;
}

/* Waits for a call and returns where it comes from: 0 is the parent, i + 1 guest i. They take turns: one that asks
 * again and again does not keep the others waiting. */
static size_t next_caller(const struct rpc_server *s, int parent, size_t last)
{
	size_t n = s->n_guests + 1;
	struct pollfd *p = xcalloc(n, sizeof *p);
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = i == 0 ? parent : s->guests[i - 1].fd, .events = POLLIN};
	while (poll(p, n, -1) < 0 && errno == EINTR)
		;
	size_t at = last + 1 < n ? last + 1 : 0;
	for (size_t i = 0; i < n && p[at].revents == 0; i++)
		at = at + 1 < n ? at + 1 : 0;
	free(p);
	return at;
}

/* One that stops in the middle of a call must not stop the others: they have their turns until the rest is there, or is
 * late. */
static bool waits_for_rest(struct rpc_guest *g)
{
	int64_t now = clock_ms();
	if (rpc_wire_whole(g->fd)) {
		g->until = now + GUEST_MS;
		return false;
	}
	if (g->until == 0)
		g->until = now + GUEST_MS;
	if (now >= g->until) {
		g->until = now + 1; /* for what is there */
		return false;
	}
	nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000L}, NULL);
	return true;
}

static bool serve_parent(struct rpc_server *s, const struct rpc_op *ops, size_t n_ops, struct rpc_msg *in)
{
	return rpc_wire_recv(s->fd, in, -1, NULL) == RPC_WIRE_OK && answer(s, find_op(ops, n_ops, in), in) == 0;
}

static bool serve_guest(struct rpc_server *s, struct rpc_guest *g, const struct rpc_op *ops, size_t n_ops,
			struct rpc_msg *in)
{
	if (waits_for_rest(g))
		return true;
	int64_t until = g->until;
	g->until = 0;
	s->fd = g->fd;
	s->guest = true;
	bool served = rpc_wire_recv(s->fd, in, until, NULL) == RPC_WIRE_OK &&
		      answer(s, is_for_guests(s, in->type) ? find_op(ops, n_ops, in) : NULL, in) == 0;
	s->guest = false;
	return served;
}

int rpc_serve(struct rpc_server *s, const struct rpc_op *ops, size_t n_ops)
{
	struct rpc_msg in = RPC_MSG_INIT;
	const int parent = s->fd;
	size_t caller = 0;
	for (;;) {
		caller = next_caller(s, parent, caller);
		s->fd = parent;
		bool served = caller == 0 ? serve_parent(s, ops, n_ops, &in)
					  : serve_guest(s, &s->guests[caller - 1], ops, n_ops, &in);
		rpc_msg_reset(&in, 0); /* its secrets do not wait for the next call */
		if (!served && caller == 0)
			break;
		if (!served)
			drop_guest(s, caller - 1);
	}
	while (s->n_guests > 0)
		drop_guest(s, s->n_guests - 1);
	free(s->guests);
	s->guests = NULL;
	s->fd = parent;
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
	(void)send_msg(s, &m); /* a parent that is gone is noticed at the answer */
	rpc_msg_free(&m);
}
