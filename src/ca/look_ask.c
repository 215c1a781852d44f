/*
 * look_ask: the calls of look.h in the parent.
 */
#include "ca/look.h"
#include "ca/signer_wire.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 120000 /* an index on a slow disk */
#define ROWS_MAX 65536

static int bad_answer(struct err *e)
{
	return err_set(e, ERR_CA_FAILED, "the signer process gave an answer that cannot be read");
}

int signer_look_begin(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		      struct err *e)
{
	struct signer *s = xcalloc(1, sizeof *s);
	struct rpc_msg in = RPC_MSG_INIT;
	s->timeout_ms = LOOK_MS;
	int status = rpc_peer_start(&s->peer, "signer", verbose, e);
	if (status == 0) {
		const char *const paths[] = {cfg->pki, cfg->cert, cfg->key, cfg->crl, cfg->chain};
		rpc_peer_on_note(s->peer, note, note_arg);
		rpc_msg_reset(&in, SIGNER_LOOK);
		for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
			rpc_put_str(&in, paths[i]);
		status = rpc_send(s->peer, &in, e);
	}
	rpc_msg_free(&in);
	if (status == 0)
		*ret = s;
	else
		signer_stop(&s);
	return status;
}

static struct ca_crl_dates get_dates(struct rpc_msg *m)
{
	struct ca_crl_dates d = {.there = rpc_get_u32(m) != 0};
	d.this_update = (time_t)rpc_get_u64(m);
	d.next_update = (time_t)rpc_get_u64(m);
	return d;
}

static void get_trouble(struct rpc_msg *m, struct err *ret)
{
	uint32_t code = rpc_get_u32(m);
	ret->code = code < ERR_CODE_COUNT ? (enum err_code)code : ERR_CA_FAILED;
	rpc_get_str(m, ret->what, sizeof ret->what);
	rpc_get_str(m, ret->native, sizeof ret->native);
	rpc_get_str(m, ret->next, sizeof ret->next);
}

int signer_look_end(struct signer *s, struct ca_look *ret, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	struct ca_look l = {.subject = ""};
	int status = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (status == 0) {
		rpc_get_str(&out, l.subject, sizeof l.subject);
		rpc_get_str(&out, l.pki, sizeof l.pki);
		l.not_after = (time_t)rpc_get_u64(&out);
		l.has_key = rpc_get_u32(&out) != 0;
		l.has_index = rpc_get_u32(&out) != 0;
		l.publishes = rpc_get_u32(&out) != 0;
		l.outdated = rpc_get_u32(&out) != 0;
		l.made = get_dates(&out);
		l.published = get_dates(&out);
		signer_get_served(&out, &l.served);
		get_trouble(&out, &l.no_index);
		get_trouble(&out, &l.no_crl);
		status = rpc_msg_done(&out) ? 0 : bad_answer(e);
	}
	if (status == 0)
		*ret = l;
	rpc_msg_free(&out);
	return status;
}

int signer_rows_begin(struct signer *s, uint64_t from, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_ROWS);
	rpc_put_u64(&in, from);
	int status = rpc_send(s->peer, &in, e);
	rpc_msg_free(&in);
	return status;
}

static void get_row(struct rpc_msg *m, struct ca_row *ret)
{
	rpc_get_str(m, ret->serial, sizeof ret->serial);
	ret->status = (char)rpc_get_u32(m);
	ret->not_after = (time_t)rpc_get_u64(m);
	ret->revoked = (time_t)rpc_get_u64(m);
}

/* ret->next is where this piece began, and is moved on. */
int signer_rows_end(struct signer *s, struct ca_rows *ret, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	struct ca_rows r = {.list = NULL};
	int status = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (status == 0) {
		r.n = rpc_get_u32(&out);
		r.more = rpc_get_u32(&out) != 0;
		if (r.n > ROWS_MAX || (r.n == 0 && r.more))
			status = bad_answer(e);
	}
	if (status == 0) {
		r.list = xcalloc(r.n, sizeof *r.list);
		for (size_t i = 0; i < r.n; i++)
			get_row(&out, &r.list[i]);
		status = rpc_msg_done(&out) ? 0 : bad_answer(e);
	}
	rpc_msg_free(&out);
	r.next = ret->next + r.n;
	if (status == 0)
		*ret = r;
	else
		ca_rows_free(&r);
	return status;
}

static void get_detail(struct rpc_msg *m, struct ca_detail *ret)
{
	ret->found = rpc_get_u32(m) != 0;
	rpc_get_str(m, ret->name, sizeof ret->name);
	rpc_get_str(m, ret->subject, sizeof ret->subject);
	rpc_get_str(m, ret->reason, sizeof ret->reason);
	rpc_get_str(m, ret->purpose, sizeof ret->purpose);
	rpc_get_blob(m, &ret->cert);
	rpc_get_blob(m, &ret->spki);
	rpc_get_blob(m, &ret->request);
}

int signer_details(struct signer *s, const char (*serials)[CA_SERIAL_HEX_MAX], size_t n, struct ca_detail *ret,
		   size_t *ret_n, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	size_t got = 0;
	rpc_msg_reset(&in, SIGNER_DETAILS);
	rpc_put_u32(&in, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		rpc_put_str(&in, serials[i]);
	int status = rpc_call(s->peer, &in, &out, s->timeout_ms, e);
	while (status == 0 && got < n && !out.bad && out.pos < out.len) {
		ret[got] = (struct ca_detail){.found = false};
		get_detail(&out, &ret[got++]);
	}
	if (status == 0 && (!rpc_msg_done(&out) || (got == 0 && n != 0)))
		status = bad_answer(e);
	for (size_t i = 0; status != 0 && i < got; i++)
		ca_detail_free(&ret[i]);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	if (status == 0)
		*ret_n = got;
	return status;
}
