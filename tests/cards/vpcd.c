#include "vpcd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int vpcd_insert(uint16_t port)
{
	const struct sockaddr_in reader = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), saved;

	if (fd != -1 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    connect(fd, (const struct sockaddr *)&reader, sizeof(reader)) == 0)
		return fd;
	saved = errno;
	if (fd != -1)
		close(fd);
	errno = saved;
	return -1;
}

void vpcd_pull(int *fd, bool answering)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	const uint8_t beginning[2] = {0, 2};

	if (*fd == -1)
		return;
	if (answering)
		send(*fd, beginning, sizeof(beginning), MSG_NOSIGNAL);
	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(*fd);
	*fd = -1;
}

/* vpcd sends the length and the bytes one by one; without an acknowledgement at once the second waits 40 ms. */
static int receive_exactly(int fd, void *p, size_t n)
{
	const int on = 1;
	uint8_t *to = p;

	while (n > 0) {
		ssize_t got;

		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		got = recv(fd, to, n, 0);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

int vpcd_receive(int fd, struct buf *ret)
{
	uint8_t length[2];

	if (receive_exactly(fd, length, sizeof(length)) == -1)
		return -1;
	buf_clear(ret);
	buf_resize(ret, (size_t)length[0] << 8 | length[1]);
	return ret->failed ? -1 : receive_exactly(fd, ret->p, ret->n);
}

int vpcd_answer(int fd, struct bytes answer)
{
	struct buf message = {0};
	int rc;

	buf_put_u16(&message, (uint16_t)answer.n);
	buf_put_bytes(&message, answer);
	rc = message.failed || send(fd, message.p, message.n, MSG_NOSIGNAL) != (ssize_t)message.n ? -1 : 0;
	buf_free(&message);
	return rc;
}
