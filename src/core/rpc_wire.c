#include "core/rpc_wire.h"
#include "core/clock.h"
#include "core/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define HEAD_BYTES ((size_t)8)

/* Of a longer frame no more may fit into the socket before it is read. */
#define WHOLE_MAX ((size_t)64 << 10)

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

/* Waits until the other end has taken some of what it was sent before. */
static int wait_writable(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t left = deadline - clock_ms();
	if (left <= 0)
		return -1;
	return poll(&p, 1, (int)left) < 0 && errno != EINTR ? -1 : 0;
}

static int send_some(int fd, struct msghdr *msg, int64_t deadline, size_t *ret_n)
{
	for (;;) {
		ssize_t n = sendmsg(fd, msg, MSG_NOSIGNAL | (deadline >= 0 ? MSG_DONTWAIT : 0));
		if (n >= 0) {
			*ret_n = (size_t)n;
			return 0;
		}
		if (errno == EAGAIN ? deadline < 0 || wait_writable(fd, deadline) != 0 : errno != EINTR)
			return -1;
	}
}

static int send_bytes(int fd, const void *data, size_t len, int64_t deadline)
{
	struct iovec iov = {.iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	/* the type predates const; nothing is written to it */
	memcpy(&iov.iov_base, &data, sizeof data);
	while (iov.iov_len > 0) {
		size_t n;
		if (send_some(fd, &msg, deadline, &n) != 0)
			return -1;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= n;
	}
	return 0;
}

/* The head, and with it the descriptor. */
static int send_head(int fd, unsigned char head[HEAD_BYTES], const struct rpc_msg *m, int64_t deadline)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = head, .iov_len = HEAD_BYTES};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	size_t n;
	if (!m->has_fd)
		return send_bytes(fd, head, HEAD_BYTES, deadline);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &m->fd, sizeof(int));
	if (send_some(fd, &msg, deadline, &n) != 0)
		return -1;
	return send_bytes(fd, head + n, HEAD_BYTES - n, deadline);
}

static int send_frame(int fd, const struct rpc_msg *m, int64_t deadline)
{
	unsigned char head[HEAD_BYTES];
	put_be(head, m->len, 4);
	put_be(head + 4, m->type, 2);
	put_be(head + 6, m->n_secrets, 2);
	if (send_head(fd, head, m, deadline) != 0 || send_bytes(fd, m->body, m->len, deadline) != 0)
		return -1;
	for (unsigned i = 0; i < m->n_secrets; i++) {
		unsigned char len[4];
		put_be(len, m->secrets[i]->len, 4);
		if (send_bytes(fd, len, sizeof len, deadline) != 0 ||
		    send_bytes(fd, m->secrets[i]->bytes, m->secrets[i]->len, deadline) != 0)
			return -1;
	}
	return 0;
}

int rpc_wire_send(int fd, const struct rpc_msg *m, int64_t deadline)
{
	if (send_frame(fd, m, deadline) == 0)
		return 0;
	(void)shutdown(fd, SHUT_RDWR);
	return -1;
}

void rpc_wire_put_err(struct rpc_msg *m, const struct err *e)
{
	rpc_msg_reset(m, RPC_TYPE_ERROR);
	rpc_put_u32(m, e->code);
	rpc_put_str(m, e->what);
	rpc_put_str(m, e->native);
	rpc_put_str(m, e->next);
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

static void keep_fd(struct rpc_msg *m, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
			continue;
		memcpy(&m->fd, CMSG_DATA(c), sizeof(int));
		m->has_fd = m->owns_fd = true;
	}
}

/* There is room for one descriptor; the kernel closes those beyond. */
static enum rpc_wire recv_head(int fd, unsigned char head[HEAD_BYTES], struct rpc_msg *m, int64_t deadline,
			       rpc_wire_stop_fn *stop)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = head, .iov_len = HEAD_BYTES};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	enum rpc_wire w = wait_readable(fd, deadline, stop);
	if (w != RPC_WIRE_OK)
		return w;
	ssize_t n;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return RPC_WIRE_CLOSED;
	keep_fd(m, &msg);
	return recv_bytes(fd, head + n, HEAD_BYTES - (size_t)n, deadline, stop);
}

static bool is_frame(const unsigned char head[HEAD_BYTES])
{
	return get_be(head, 4) <= RPC_BODY_MAX && get_be(head + 6, 2) <= RPC_SECRETS_MAX;
}

enum rpc_wire rpc_wire_recv(int fd, struct rpc_msg *m, int64_t deadline, rpc_wire_stop_fn *stop)
{
	unsigned char head[HEAD_BYTES];
	rpc_msg_reset(m, 0);
	enum rpc_wire w = recv_head(fd, head, m, deadline, stop);
	if (w != RPC_WIRE_OK)
		return w;
	if (!is_frame(head))
		return RPC_WIRE_NONSENSE;
	size_t len = (size_t)get_be(head, 4);
	unsigned n_secrets = (unsigned)get_be(head + 6, 2);
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

/* At least, by its head: a secret's own length is not known yet. */
static size_t frame_bytes(const unsigned char head[HEAD_BYTES])
{
	size_t len = HEAD_BYTES + (size_t)get_be(head, 4) + 4 * (size_t)get_be(head + 6, 2);
	return len < WHOLE_MAX ? len : WHOLE_MAX;
}

bool rpc_wire_whole(int fd)
{
	unsigned char head[HEAD_BYTES];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int have = 0;
	if (poll(&p, 1, 0) <= 0)
		return false;
	/* nothing more comes */
	if ((p.revents & ~POLLIN) != 0 || ioctl(fd, FIONREAD, &have) != 0 || have <= 0)
		return true;
	return (size_t)have >= HEAD_BYTES &&
	       (recv(fd, head, HEAD_BYTES, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)HEAD_BYTES || !is_frame(head) ||
		(size_t)have >= frame_bytes(head));
}
