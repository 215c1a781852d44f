/*
 * signer_share: one signer for several processes that enroll. It is asked for
 * its passphrase once, and answers them one after the other; each has a socket
 * of its own, which its parent has handed in.
 */
#include "ca/signer_impl.h"
#include "ca/signer_serve.h"

#include "core/xalloc.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the process */

/* It has the key for hours then, so it must not be swapped out. What it gets later is locked, too, unless that could
 * fail at a limit: then a piece of memory would be missing in the middle of a certificate. */
static bool lock_memory(void)
{
	struct rlimit limit = {0, 0};
	bool bounded = geteuid() != 0 && (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY);
	return mlockall(bounded ? MCL_CURRENT : MCL_CURRENT | MCL_FUTURE) == 0;
}

int signer_op_admit(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct signer_state *st = s->state;
	struct ca *ca = NULL;
	int fd = rpc_take_fd(in);
	int ret = rpc_msg_done(in) && fd >= 0 ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!st->locked && !lock_memory())
		rpc_note(
		    s, "the signer's memory cannot be locked, so the CA key may be written to a swap partition: raise "
		       "the limit of locked memory (ulimit -l, LimitMEMLOCK= in a unit)");
	st->locked = true;
	rpc_serve_also(s, fd);
	(void)out;
	return 0;
}

int signer_op_join(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	const struct signer_state *st = s->state;
	struct ca *ca = NULL;
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_refresh(ca, e);
	if (ret == 0) {
		struct ca_info now = st->info; /* borrowed */
		now.published = ca_published(ca);
		now.needs_passphrase = now.needs_passphrase && !ca_is_unlocked(ca);
		signer_put_info(out, &now);
	}
	return ret;
}

int signer_op_derive(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char purpose[64];
	struct ca *ca = NULL;
	struct secret *key = secret_new();
	rpc_get_str(in, purpose, sizeof purpose);
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_derive(ca, purpose, key, e);
	if (ret == 0)
		rpc_give_secret(out, &key);
	secret_free(&key);
	return ret;
}

/* ---- the handle */

int signer_admit_begin(struct signer *s, int *ret_fd, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a socket for the signer");
	rpc_msg_reset(&in, SIGNER_ADMIT);
	rpc_put_fd(&in, pair[1]);
	int ret = rpc_send(s->peer, &in, e);
	rpc_msg_free(&in);
	close(pair[1]);
	if (ret == 0)
		*ret_fd = pair[0];
	else
		close(pair[0]);
	return ret;
}

int signer_admit_end(struct signer *s, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int ret = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (ret == 0 && !rpc_msg_done(&out))
		ret = signer_bad_answer(e);
	rpc_msg_free(&out);
	return ret;
}

int signer_fd(const struct signer *s)
{
	return rpc_peer_fd(s->peer);
}

int signer_join(struct signer **ret, int fd, const struct config_ca *cfg, rpc_note_fn *note, void *note_arg,
		struct err *e)
{
	struct signer *s = xcalloc(1, sizeof *s);
	struct rpc_msg in = RPC_MSG_INIT;
	s->timeout_ms = signer_timeout_ms(cfg);
	rpc_peer_adopt(&s->peer, "signer", fd);
	rpc_peer_on_note(s->peer, note, note_arg);
	rpc_msg_reset(&in, SIGNER_JOIN);
	int status = rpc_send(s->peer, &in, e);
	rpc_msg_free(&in);
	if (status == 0)
		*ret = s;
	else
		signer_stop(&s);
	return status;
}

int signer_derive(struct signer *s, const char *purpose, struct secret *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_DERIVE);
	rpc_put_str(&in, purpose);
	int got = signer_call(s, &in, &out, e);
	if (got == 0 && (!rpc_msg_done(&out) || out.n_secrets != 1))
		got = signer_bad_answer(e);
	if (got == 0)
		got = secret_set(ret, out.secrets[0]->bytes, out.secrets[0]->len, e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return got;
}
