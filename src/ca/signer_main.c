/*
 * signer_main: the signer process. It reads its calls from RPC_FD and passes
 * them to ca.h. It runs no vendor's code: OpenSSL reads no configuration, so
 * no engine and no provider is loaded, and the environment is dropped. With
 * the CA's key on an HSM it runs that HSM's module and no other, which keeps
 * the environment that it is configured by.
 */
#include "ca/ca.h"
#include "ca/checkpoint.h"
#include "ca/confine.h"
#include "ca/hsm.h"
#include "ca/look.h"
#include "ca/pki.h"
#include "ca/signer_serve.h"
#include "ca/signer_wire.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SERIALS_BYTES_MAX 65536

/* how long a call into an HSM's module may still take once the parent is dead */
#define ORPHAN_SECONDS 30

int signer_bad_call(struct err *e)
{
	return err_set(e, ERR_FAILED, "the signer process got a call that cannot be read");
}

int signer_the_ca(const struct rpc_server *s, struct ca **ret, struct err *e)
{
	*ret = ((struct signer_state *)s->state)->ca;
	return *ret != NULL && !(*ret)->looks_only
		   ? 0
		   : err_set(e, ERR_FAILED, "the signer process has not opened the PKI");
}

/* The user comes first in most calls; it becomes a file name, so it is looked at here once more. */
static int begin(const struct rpc_server *s, struct rpc_msg *in, char user[CA_USER_MAX], struct ca **ret, struct err *e)
{
	rpc_get_str(in, user, CA_USER_MAX);
	if (in->bad)
		return signer_bad_call(e);
	return config_check_user(user, e) == 0 ? signer_the_ca(s, ret, e) : -1;
}

void signer_note(void *arg, const char *text)
{
	rpc_note(arg, "%s", text);
}

/* Before any of an HSM's code runs, this process is shut off. */
static int open_all(struct rpc_server *s, const struct config_ca *cfg, struct ca_info *ret, struct err *e)
{
	struct signer_state *st = s->state;
	struct pathset writes = PATHSET_INIT;
	void *hsm = NULL;
	bool on_hsm = st->port != NULL && config_key_on_hsm(cfg);
	int got = on_hsm ? st->port->prepare(&hsm, cfg, &writes, e) : 0;
	if (got == 0)
		got = ca_open(&st->ca, cfg, signer_note, s, ret, e);
	if (got == 0) {
		(void)ca_confine(st->ca, cfg, &writes); /* a kernel without it is no reason not to issue */
		if (on_hsm)
			ca_hsm_open(st->ca, st->port, hsm, ret);
	} else if (hsm != NULL) {
		st->port->close(&hsm);
	}
	pathset_free(&writes);
	return got;
}

void signer_put_info(struct rpc_msg *out, const struct ca_info *info)
{
	rpc_put_str(out, info->subject);
	rpc_put_str(out, info->pki);
	rpc_put_u64(out, (uint64_t)info->not_after);
	rpc_put_u32(out, info->has_key);
	rpc_put_u32(out, info->needs_passphrase);
	rpc_put_blob(out, &info->chain_pem);
	signer_put_hsm(out, &info->hsm);
	rpc_put_u32(out, info->published);
}

static int op_open(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct config_ca cfg;
	struct signer_state *st = s->state;
	signer_get_config(in, &cfg);
	int ret =
	    rpc_msg_done(in) && cfg.pki != NULL && st->ca == NULL && st->creation == NULL ? 0 : signer_bad_call(e);
	if (ret == 0)
		ret = open_all(s, &cfg, &st->info, e);
	if (ret == 0)
		signer_put_info(out, &st->info);
	signer_config_free(&cfg);
	return ret;
}

static int op_unlock(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca *ca = NULL;
	(void)out;
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	if (signer_the_ca(s, &ca, e) != 0)
		return -1;
	if (in->n_secrets == 0 && ca_is_unlocked(ca))
		return ca_check_ready(ca, e);
	return ca_unlock(ca, in->n_secrets > 0 ? in->secrets[0] : NULL, e);
}

static int op_subject(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct blob name = BLOB_INIT;
	struct ca *ca = NULL;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	int ret = rpc_msg_done(in) ? ca_subject(ca, user, &name, e) : signer_bad_call(e);
	if (ret == 0)
		rpc_put_blob(out, &name);
	blob_free(&name);
	return ret;
}

static int op_find(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct ca_certificate c = {.serial = ""};
	struct ca *ca = NULL;
	bool found = false;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	char *except = rpc_get_strdup(in, SERIALS_BYTES_MAX);
	int ret = rpc_msg_done(in) ? ca_find_other(ca, user, except, &found, &c, e) : signer_bad_call(e);
	free(except);
	if (ret == 0) {
		rpc_put_u32(out, found);
		if (found)
			signer_put_certificate(out, &c);
	}
	ca_certificate_free(&c);
	return ret;
}

static void get_proof(struct rpc_msg *in, struct blob *ret_attestation, char ret_serial[CA_TOKEN_SERIAL_MAX],
		      struct ca_proof *ret)
{
	rpc_get_blob(in, ret_attestation);
	rpc_get_str(in, ret_serial, CA_TOKEN_SERIAL_MAX);
	*ret = (struct ca_proof){.attestation = ret_attestation, .token_serial = ret_serial};
}

static int op_issue(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX], token_serial[CA_TOKEN_SERIAL_MAX];
	struct blob csr = BLOB_INIT, serial = BLOB_INIT, attestation = BLOB_INIT;
	struct ca_request req = {.user = user, .csr = &csr};
	struct ca_issued issued = {.replaced = ""};
	struct ca *ca = NULL;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	rpc_get_blob(in, &csr);
	req.days = (long)rpc_get_u64(in);
	req.replace = rpc_get_u32(in) != 0;
	char *beside = rpc_get_strdup(in, SERIALS_BYTES_MAX);
	req.beside = beside;
	rpc_get_blob(in, &serial);
	get_proof(in, &attestation, token_serial, &req.proof);
	int ret = rpc_msg_done(in) && serial.len == sizeof req.serial ? 0 : signer_bad_call(e);
	if (ret == 0) {
		memcpy(req.serial, serial.data, sizeof req.serial);
		ret = ca_issue(ca, &req, &issued, e);
	}
	if (ret == 0)
		signer_put_issued(out, &issued);
	ca_certificate_free(&issued.cert);
	free(beside);
	blob_free(&csr);
	blob_free(&serial);
	blob_free(&attestation);
	return ret;
}

static int op_attest(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX], token_serial[CA_TOKEN_SERIAL_MAX], attested[CA_ATTESTED_MAX] = "";
	struct blob spki = BLOB_INIT, attestation = BLOB_INIT;
	struct ca_proof proof;
	struct ca *ca = NULL;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	rpc_get_blob(in, &spki);
	get_proof(in, &attestation, token_serial, &proof);
	int ret = rpc_msg_done(in) ? ca_attest(ca, user, &spki, &proof, attested, e) : signer_bad_call(e);
	if (ret == 0)
		rpc_put_str(out, attested);
	blob_free(&spki);
	blob_free(&attestation);
	return ret;
}

static int op_check(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct blob spki = BLOB_INIT, cert = BLOB_INIT;
	struct ca_certificate c = {.serial = ""};
	struct ca *ca = NULL;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	rpc_get_blob(in, &spki);
	rpc_get_blob(in, &cert);
	int ret = rpc_msg_done(in) ? ca_check(ca, user, &spki, &cert, &c, e) : signer_bad_call(e);
	if (ret == 0)
		signer_put_certificate(out, &c);
	ca_certificate_free(&c);
	blob_free(&spki);
	blob_free(&cert);
	return ret;
}

static int op_settle(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char serial[CA_SERIAL_HEX_MAX];
	struct ca *ca = NULL;
	(void)out;
	rpc_get_str(in, serial, sizeof serial);
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	return signer_the_ca(s, &ca, e) == 0 ? ca_settle(ca, serial, e) : -1;
}

static int op_revoked(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char serial[CA_SERIAL_HEX_MAX];
	struct ca *ca = NULL;
	bool revoked = false;
	rpc_get_str(in, serial, sizeof serial);
	if (!rpc_msg_done(in))
		return signer_bad_call(e);
	if (signer_the_ca(s, &ca, e) != 0 || ca_revoked(ca, serial, &revoked, e) != 0)
		return -1;
	rpc_put_u32(out, revoked);
	return 0;
}

static int op_revoke(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct ca *ca = NULL;
	bool already = false;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	/* a person typed them: ca_revoke says what is wrong with one that is too long */
	char *serial = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX), *reason = rpc_get_strdup(in, SIGNER_TYPED_BYTES_MAX);
	int ret = rpc_msg_done(in) ? ca_revoke(ca, user, serial, reason, &already, e) : signer_bad_call(e);
	if (ret == 0)
		rpc_put_u32(out, already);
	free(reason);
	free(serial);
	return ret;
}

static int op_replaceable(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct ca *ca = NULL;
	(void)out;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	return rpc_msg_done(in) ? ca_replaceable(ca, user, e) : signer_bad_call(e);
}

static int op_renewable(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct ca *ca = NULL;
	(void)out;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	char *beside = rpc_get_strdup(in, SERIALS_BYTES_MAX);
	int ret = rpc_msg_done(in) ? ca_renewable(ca, user, beside, e) : signer_bad_call(e);
	free(beside);
	return ret;
}

static int op_publish(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	char user[CA_USER_MAX];
	struct ca *ca = NULL;
	(void)out;
	if (begin(s, in, user, &ca, e) != 0)
		return -1;
	return rpc_msg_done(in) ? ca_publish(ca, user, e) : signer_bad_call(e);
}

static int op_checkpoint(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_checkpoint c = {.record = 0};
	struct blob cms = BLOB_INIT;
	struct ca *ca = NULL;
	signer_get_checkpoint(in, &c);
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_checkpoint(ca, &c, &cms, e);
	if (ret == 0) {
		signer_put_checkpoint(out, &c);
		rpc_put_blob(out, &cms);
	}
	blob_free(&cms);
	return ret;
}

static int op_checkpoint_check(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_checkpoint c = {.record = 0};
	struct blob cms = BLOB_INIT;
	struct ca *ca = NULL;
	rpc_get_blob(in, &cms);
	int ret = rpc_msg_done(in) ? signer_the_ca(s, &ca, e) : signer_bad_call(e);
	if (ret == 0)
		ret = ca_checkpoint_check(ca, &cms, &c, e);
	if (ret == 0)
		signer_put_checkpoint(out, &c);
	blob_free(&cms);
	return ret;
}

static const struct rpc_op ops[] = {
    {SIGNER_OPEN, 0, op_open},
    {SIGNER_UNLOCK, 1, op_unlock},
    {SIGNER_SUBJECT, 0, op_subject},
    {SIGNER_FIND, 0, op_find},
    {SIGNER_ISSUE, 0, op_issue},
    {SIGNER_CHECK, 0, op_check},
    {SIGNER_SETTLE, 0, op_settle},
    {SIGNER_REVOKED, 0, op_revoked},
    {SIGNER_PUBLISH, 0, op_publish},
    {SIGNER_REPLACEABLE, 0, op_replaceable},
    {SIGNER_ATTEST, 0, op_attest},
    {SIGNER_REVOKE, 0, op_revoke},
    {SIGNER_CHECKPOINT, 0, op_checkpoint},
    {SIGNER_CHECKPOINT_CHECK, 0, op_checkpoint_check},
    {SIGNER_RENEWABLE, 0, op_renewable},
    {SIGNER_LOOK, 0, look_op_open},
    {SIGNER_ROWS, 0, look_op_rows},
    {SIGNER_DETAILS, 0, look_op_details},
    {SIGNER_KNOWN, 0, signer_op_known},
    {SIGNER_REVOKE_SERIAL, 0, signer_op_revoke_serial},
    {SIGNER_CRL, 0, signer_op_crl},
    {SIGNER_PUBLISH_FRESH, 0, signer_op_publish_fresh},
    {SIGNER_PUBLISHED, 0, signer_op_published},
    {SIGNER_CRL_STATE, 0, signer_op_crl_state},
    {SIGNER_SERVER, 0, signer_op_server},
    {SIGNER_ADMIT, 0, signer_op_admit},
    {SIGNER_JOIN, 0, signer_op_join},
    {SIGNER_DERIVE, 0, signer_op_derive},
    {SIGNER_GROUND, 0, signer_op_ground},
    {SIGNER_CREATE, 1, signer_op_create},
};

/* What an enrollment at a station needs: it gets no key that is derived from the CA's, and lets nobody else in. */
static const uint16_t guest_calls[] = {
    SIGNER_JOIN,   SIGNER_UNLOCK,  SIGNER_SUBJECT,   SIGNER_FIND,      SIGNER_ISSUE,         SIGNER_CHECK,
    SIGNER_SETTLE, SIGNER_REVOKED, SIGNER_PUBLISH,   SIGNER_KNOWN,     SIGNER_REPLACEABLE,   SIGNER_ATTEST,
    SIGNER_REVOKE, SIGNER_CRL,     SIGNER_RENEWABLE, SIGNER_PUBLISHED, SIGNER_REVOKE_SERIAL, SIGNER_PUBLISH_FRESH,
};

/* What OpenSSL would take for code to load goes in any case. */
static int drop_environment(const struct ca_hsm_port *hsm)
{
	static const char *const of_openssl[] = {"OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_ENGINES",
						 "OPENSSL_MODULES"};
	if (hsm == NULL)
		return clearenv();
	for (size_t i = 0; i < sizeof of_openssl / sizeof *of_openssl; i++)
		unsetenv(of_openssl[i]);
	return 0;
}

int signer_main(const struct ca_hsm_port *hsm)
{
	struct err e = ERR_INIT;
	struct signer_state st = {.port = hsm};
	struct rpc_server s = {.fd = RPC_FD,
			       .state = &st,
			       .guest_calls = guest_calls,
			       .n_guest_calls = sizeof guest_calls / sizeof *guest_calls};
	if (process_harden(&e) != 0 || drop_environment(hsm) != 0 ||
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		fprintf(stderr, "signer: %s\n", e.what);
		return EXIT_FAILURE;
	}
	/* the parent decides when to stop: only waiting for a lock is broken off, never a change in its middle; but an
	 * HSM's module may hang */
	process_catch_term(hsm != NULL ? ORPHAN_SECONDS : 0);
	int status = rpc_serve(&s, ops, sizeof ops / sizeof *ops);
	ca_creation_free(&st.creation);
	ca_info_free(&st.info);
	ca_close(&st.ca);
	return status;
}
