#include "core/rpc.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
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
	if (m->owns_fd)
		close(m->fd);
	free(m->body);
	*m = (struct rpc_msg)RPC_MSG_INIT;
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

void rpc_put_fd(struct rpc_msg *m, int fd)
{
	m->has_fd = true;
	m->fd = fd;
}

int rpc_take_fd(struct rpc_msg *m)
{
	m->owns_fd = false;
	return m->has_fd ? m->fd : -1;
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
