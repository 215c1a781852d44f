#include "core/clock.h"
#include "core/rpc.h"
#include "core/rpc_wire.h"
#include "core/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void rpc_msg_reset(struct rpc_msg *m, uint16_t type)
{
	rpc_msg_free(m);
	m->type = type;
}

void rpc_msg_free(struct rpc_msg *m)
{
	for (unsigned i = 0; m->owns_secrets && i < m->n_secrets; i++)
		secret_free(&m->secrets[i]);
	free(m->body);
	memset(m, 0, sizeof *m);
}

static unsigned char *reserve(struct rpc_msg *m, size_t n)
{
	if (m->len + n > m->cap) {
		m->cap = (m->len + n) * 2;
		m->body = xrealloc(m->body, 1, m->cap);
	}
	unsigned char *place = m->body + m->len;
	m->len += n;
	return place;
}

static void put_be(unsigned char *p, uint64_t v, size_t n)
{
	while (n-- > 0) {
		p[n] = (unsigned char)v;
		v >>= 8;
	}
}

static uint64_t get_be(const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

void rpc_put_u32(struct rpc_msg *m, uint32_t v)
{
	put_be(reserve(m, 4), v, 4);
}

void rpc_put_u64(struct rpc_msg *m, uint64_t v)
{
	put_be(reserve(m, 8), v, 8);
}

void rpc_put_bytes(struct rpc_msg *m, const void *data, size_t len)
{
	rpc_put_u32(m, (uint32_t)len);
	if (len != 0)
		memcpy(reserve(m, len), data, len);
}

void rpc_put_blob(struct rpc_msg *m, const struct blob *b)
{
	rpc_put_bytes(m, b->data, b->len);
}

void rpc_put_str(struct rpc_msg *m, const char *s)
{
	rpc_put_bytes(m, s, s != NULL ? strlen(s) : 0);
}

void rpc_put_secret(struct rpc_msg *m, struct secret *s)
{
	if (m->n_secrets < RPC_SECRETS_MAX)
		m->secrets[m->n_secrets++] = s;
	else
		abort(); /* a mistake in our own code */
}

void rpc_give_secret(struct rpc_msg *m, struct secret **s)
{
	rpc_put_secret(m, *s);
	m->owns_secrets = true;
	*s = NULL;
}

/* The next n bytes of the body, or NULL and a bad message. */
static const unsigned char *take(struct rpc_msg *m, size_t n)
{
	if (m->bad || n > m->len - m->pos) {
		m->bad = true;
		return NULL;
	}
	const unsigned char *p = m->body + m->pos;
	m->pos += n;
	return p;
}

uint32_t rpc_get_u32(struct rpc_msg *m)
{
	const unsigned char *p = take(m, 4);
	return p != NULL ? (uint32_t)get_be(p, 4) : 0;
}

uint64_t rpc_get_u64(struct rpc_msg *m)
{
	const unsigned char *p = take(m, 8);
	return p != NULL ? get_be(p, 8) : 0;
}

static const unsigned char *take_field(struct rpc_msg *m, size_t *ret_len)
{
	*ret_len = rpc_get_u32(m);
	const unsigned char *p = take(m, *ret_len);
	if (p == NULL)
		*ret_len = 0;
	return p;
}

void rpc_get_blob(struct rpc_msg *m, struct blob *ret)
{
	size_t len;
	const unsigned char *p = take_field(m, &len);
	blob_set(ret, p, len);
}

void rpc_get_str(struct rpc_msg *m, char *ret, size_t size)
{
	size_t len;
	const unsigned char *p = take_field(m, &len);
	if (len >= size || (len != 0 && memchr(p, '\0', len) != NULL)) {
		m->bad = true;
		len = 0;
	}
	if (len != 0)
		memcpy(ret, p, len);
	ret[len] = '\0';
}

char *rpc_get_strdup(struct rpc_msg *m, size_t max)
{
	char *text = xcalloc(1, max + 1);
	rpc_get_str(m, text, max + 1);
	return xrealloc(text, 1, strlen(text) + 1);
}

bool rpc_msg_done(const struct rpc_msg *m)
{
	return !m->bad && m->pos == m->len;
}

/* ---- the wire ---- */

static int send_bytes(int fd, const void *data, size_t len)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int rpc_wire_send(int fd, const struct rpc_msg *m)
{
	unsigned char head[8];
	put_be(head, m->len, 4);
	put_be(head + 4, m->type, 2);
	put_be(head + 6, m->n_secrets, 2);
	if (send_bytes(fd, head, sizeof head) != 0 || send_bytes(fd, m->body, m->len) != 0)
		return -1;
	for (unsigned i = 0; i < m->n_secrets; i++) {
		unsigned char len[4];
		put_be(len, m->secrets[i]->len, 4);
		if (send_bytes(fd, len, sizeof len) != 0 ||
		    send_bytes(fd, m->secrets[i]->bytes, m->secrets[i]->len) != 0)
			return -1;
	}
	return 0;
}

static enum rpc_wire wait_readable(int fd, int64_t deadline, rpc_wire_stop_fn *stop)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();
		if (deadline >= 0 && left < 0)
			return RPC_WIRE_TIMEOUT;
		if (stop != NULL && stop())
			return RPC_WIRE_STOPPED;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		/* a signal between the check above and poll is seen a fifth of a second later */
		int step = stop != NULL && (left < 0 || left > 200) ? 200 : (int)left;
		int n = poll(&p, 1, step);
		if (n > 0)
			return RPC_WIRE_OK;
		if (n < 0 && errno != EINTR)
			return RPC_WIRE_CLOSED;
	}
}

static enum rpc_wire recv_bytes(int fd, void *data, size_t len, int64_t deadline, rpc_wire_stop_fn *stop)
{
	char *p = data;
	while (len > 0) {
		enum rpc_wire w = wait_readable(fd, deadline, stop);
		if (w != RPC_WIRE_OK)
			return w;
		ssize_t n = recv(fd, p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return RPC_WIRE_CLOSED;
		p += n;
		len -= (size_t)n;
	}
	return RPC_WIRE_OK;
}

static enum rpc_wire recv_secret(int fd, struct secret *s, int64_t deadline, rpc_wire_stop_fn *stop)
{
	unsigned char len[4];
	enum rpc_wire w = recv_bytes(fd, len, sizeof len, deadline, stop);
	if (w != RPC_WIRE_OK)
		return w;
	size_t n = (size_t)get_be(len, 4);
	if (n > SECRET_MAX)
		return RPC_WIRE_NONSENSE;
	s->len = n;
	return recv_bytes(fd, s->bytes, n, deadline, stop);
}

enum rpc_wire rpc_wire_recv(int fd, struct rpc_msg *m, int64_t deadline, rpc_wire_stop_fn *stop)
{
	unsigned char head[8];
	rpc_msg_reset(m, 0);
	enum rpc_wire w = recv_bytes(fd, head, sizeof head, deadline, stop);
	if (w != RPC_WIRE_OK)
		return w;
	size_t len = (size_t)get_be(head, 4);
	unsigned n_secrets = (unsigned)get_be(head + 6, 2);
	if (len > RPC_BODY_MAX || n_secrets > RPC_SECRETS_MAX)
		return RPC_WIRE_NONSENSE;
	m->type = (uint16_t)get_be(head + 4, 2);
	m->owns_secrets = true;
	m->body = xcalloc(1, len);
	m->cap = m->len = len;
	w = recv_bytes(fd, m->body, len, deadline, stop);
	for (unsigned i = 0; w == RPC_WIRE_OK && i < n_secrets; i++) {
		m->secrets[m->n_secrets++] = secret_new();
		w = recv_secret(fd, m->secrets[i], deadline, stop);
	}
	return w;
}
