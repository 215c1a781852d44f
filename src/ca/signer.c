#include "ca/signer.h"

#include "ca/signer_impl.h"
#include "ca/signer_wire.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MS 60000 /* what a call may take besides waiting for the PKI's lock and for easy-rsa */

int signer_call(struct signer *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	return rpc_call(s->peer, in, out, s->timeout_ms, e);
}

int signer_bad_answer(struct err *e)
{
	return err_set(e, ERR_CA_FAILED, "the signer process gave an answer that cannot be read");
}

int signer_timeout_ms(const struct config_ca *cfg)
{
	return WORK_MS + (int)(cfg->lock_wait > 3600 ? 3600 : cfg->lock_wait) * 1000;
}

int signer_start_as(struct signer **ret, enum signer_op op, const struct config_ca *cfg, bool verbose,
		    rpc_note_fn *note, void *note_arg, struct err *e)
{
	struct signer *s = xcalloc(1, sizeof *s);
	struct rpc_msg in = RPC_MSG_INIT;
	s->timeout_ms = signer_timeout_ms(cfg);
	int status = rpc_peer_start(&s->peer, config_key_on_hsm(cfg) ? "hsm-signer" : "signer", verbose, e);
	if (status == 0) {
		rpc_peer_on_note(s->peer, note, note_arg);
		rpc_msg_reset(&in, op);
		signer_put_config(&in, cfg);
		status = rpc_send(s->peer, &in, e);
	}
	rpc_msg_free(&in);
	if (status == 0)
		*ret = s;
	else
		signer_stop(&s);
	return status;
}

int signer_start(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		 struct err *e)
{
	return signer_start_as(ret, SIGNER_OPEN, cfg, verbose, note, note_arg, e);
}

int signer_open(struct signer *s, struct ca_info *ret, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	struct ca_info info = {.subject = ""};
	int status = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (status == 0) {
		rpc_get_str(&out, info.subject, sizeof info.subject);
		rpc_get_str(&out, info.pki, sizeof info.pki);
		info.not_after = (time_t)rpc_get_u64(&out);
		info.has_key = rpc_get_u32(&out) != 0;
		info.needs_passphrase = rpc_get_u32(&out) != 0;
		rpc_get_blob(&out, &info.chain_pem);
		signer_get_hsm(&out, &info.hsm);
		s->published = info.published = rpc_get_u32(&out);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		*ret = info;
	else
		ca_info_free(&info);
	rpc_msg_free(&out);
	return status;
}

int signer_unlock_begin(struct signer *s, struct secret *passphrase, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_UNLOCK);
	if (passphrase != NULL)
		rpc_put_secret(&in, passphrase);
	int status = rpc_send(s->peer, &in, e);
	rpc_msg_free(&in);
	return status;
}

int signer_unlock_end(struct signer *s, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int status = rpc_wait(s->peer, &out, s->timeout_ms, e);
	if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	rpc_msg_free(&out);
	return status;
}

int signer_subject(struct signer *s, const char *user, struct blob *ret_name, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct blob name = BLOB_INIT;
	rpc_msg_reset(&in, SIGNER_SUBJECT);
	rpc_put_str(&in, user);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		rpc_get_blob(&out, &name);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		blob_take(ret_name, name.data, name.len);
	else
		blob_free(&name);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_take_certificate(struct rpc_msg *out, struct ca_certificate *ret, struct err *e)
{
	struct ca_certificate c = {.serial = ""};
	signer_get_certificate(out, &c);
	if (rpc_msg_done(out)) {
		*ret = c;
		return 0;
	}
	ca_certificate_free(&c);
	return signer_bad_answer(e);
}

int signer_find_other(struct signer *s, const char *user, const char *except, bool *ret_found,
		      struct ca_certificate *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_FIND);
	rpc_put_str(&in, user);
	rpc_put_str(&in, except);
	int status = signer_call(s, &in, &out, e);
	bool found = status == 0 && rpc_get_u32(&out) != 0;
	if (found)
		status = signer_take_certificate(&out, ret, e);
	else if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	if (status == 0)
		*ret_found = found;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_find(struct signer *s, const char *user, bool *ret_found, struct ca_certificate *ret, struct err *e)
{
	return signer_find_other(s, user, "", ret_found, ret, e);
}

static void put_proof(struct rpc_msg *m, const struct ca_proof *p)
{
	static const struct blob none = BLOB_INIT;
	rpc_put_blob(m, p->attestation != NULL ? p->attestation : &none);
	rpc_put_str(m, p->token_serial);
}

int signer_take_issued(struct rpc_msg *out, struct ca_issued *ret, struct err *e)
{
	ret->existed = rpc_get_u32(out) != 0;
	ret->shortened = rpc_get_u32(out) != 0;
	rpc_get_str(out, ret->replaced, sizeof ret->replaced);
	rpc_get_str(out, ret->attested, sizeof ret->attested);
	return signer_take_certificate(out, &ret->cert, e);
}

int signer_issue(struct signer *s, const struct ca_request *req, struct ca_issued *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct ca_issued issued = {.replaced = ""};
	rpc_msg_reset(&in, SIGNER_ISSUE);
	rpc_put_str(&in, req->user);
	rpc_put_blob(&in, req->csr);
	rpc_put_u64(&in, (uint64_t)req->days);
	rpc_put_u32(&in, req->replace);
	rpc_put_str(&in, req->beside);
	rpc_put_bytes(&in, req->serial, sizeof req->serial);
	put_proof(&in, &req->proof);
	int status = signer_call(s, &in, &out, e);
	if (status == 0)
		status = signer_take_issued(&out, &issued, e);
	if (status == 0)
		*ret = issued;
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_check(struct signer *s, const char *user, const struct blob *spki, const struct blob *cert,
		 struct ca_certificate *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_CHECK);
	rpc_put_str(&in, user);
	rpc_put_blob(&in, spki);
	rpc_put_blob(&in, cert);
	int status = signer_call(s, &in, &out, e);
	if (status == 0)
		status = signer_take_certificate(&out, ret, e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_attest(struct signer *s, const char *user, const struct blob *spki, const struct ca_proof *proof,
		  char ret_attested[CA_ATTESTED_MAX], struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	char attested[CA_ATTESTED_MAX] = "";
	rpc_msg_reset(&in, SIGNER_ATTEST);
	rpc_put_str(&in, user);
	rpc_put_blob(&in, spki);
	put_proof(&in, proof);
	int status = signer_call(s, &in, &out, e);
	if (status == 0) {
		rpc_get_str(&out, attested, sizeof attested);
		status = rpc_msg_done(&out) ? 0 : signer_bad_answer(e);
	}
	if (status == 0)
		memcpy(ret_attested, attested, sizeof attested);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	return status;
}

int signer_call_empty(struct signer *s, struct rpc_msg *in, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int status = signer_call(s, in, &out, e);
	if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	rpc_msg_free(in);
	rpc_msg_free(&out);
	return status;
}

/* A call that takes one text and answers nothing. */
static int call_about(struct signer *s, enum signer_op op, const char *text, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, op);
	rpc_put_str(&in, text);
	return signer_call_empty(s, &in, e);
}

int signer_settle(struct signer *s, const char *serial, struct err *e)
{
	return call_about(s, SIGNER_SETTLE, serial, e);
}

int signer_call_yes_no(struct signer *s, struct rpc_msg *in, bool *ret, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int status = signer_call(s, in, &out, e);
	bool yes = status == 0 && rpc_get_u32(&out) != 0;
	if (status == 0 && !rpc_msg_done(&out))
		status = signer_bad_answer(e);
	if (status == 0)
		*ret = yes;
	rpc_msg_free(in);
	rpc_msg_free(&out);
	return status;
}

int signer_revoked(struct signer *s, const char *serial, bool *ret, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_REVOKED);
	rpc_put_str(&in, serial);
	return signer_call_yes_no(s, &in, ret, e);
}

int signer_revoke(struct signer *s, const char *user, const char *serial, const char *reason, bool *ret_already,
		  struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_REVOKE);
	rpc_put_str(&in, user);
	rpc_put_str(&in, serial);
	rpc_put_str(&in, reason);
	return signer_call_yes_no(s, &in, ret_already, e);
}

int signer_replaceable(struct signer *s, const char *user, struct err *e)
{
	return call_about(s, SIGNER_REPLACEABLE, user, e);
}

int signer_renewable(struct signer *s, const char *user, const char *beside, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	rpc_msg_reset(&in, SIGNER_RENEWABLE);
	rpc_put_str(&in, user);
	rpc_put_str(&in, beside);
	return signer_call_empty(s, &in, e);
}

int signer_publish(struct signer *s, const char *user, struct err *e)
{
	return call_about(s, SIGNER_PUBLISH, user, e);
}

void signer_dismiss(struct signer *s)
{
	if (s != NULL)
		rpc_peer_dismiss(s->peer);
}

void signer_stop(struct signer **s)
{
	if (s == NULL || *s == NULL)
		return;
	rpc_peer_stop(&(*s)->peer);
	free(*s);
	*s = NULL;
}

void ca_info_free(struct ca_info *i)
{
	blob_free(&i->chain_pem);
}

void ca_certificate_free(struct ca_certificate *c)
{
	blob_free(&c->der);
	blob_free(&c->spki);
}
