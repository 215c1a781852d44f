/*
 * ahead: `renew --no-token`. The request that the journal has kept is signed
 * once more; the certificate waits in the journal, as issued, until the token
 * is plugged in and the same command without --no-token goes on.
 */
#include "enroll/lost.h"
#include "enroll/run.h"

#include <string.h>

static int no_request(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "no request of %s is kept, so nothing can be issued without token %s", r->opt->user,
		r->cred.token.serial);
	return err_next(e, "put the token in, and run the same command without --no-token");
}

static int refuse_pending(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_KEY_EXISTS, "a rekeying of %s on token %s is not finished (%s)", r->opt->user,
		r->cred.token.serial, cred_state_name(r->cred.state));
	return err_next(e, "put the token in and run `tokenroll rekey %s`", r->opt->user);
}

/* The newest one that counts, and what is known of its token. */
static int find(struct enroll_run *r, struct err *e)
{
	bool found = false;
	if (enroll_check_person(r, e) != 0 ||
	    r->ports->store.find_last(r->store, r->opt->user, &found, &r->cred, e) != 0)
		return -1;
	r->known = found;
	enroll_remember_token(r);
	if (r->ports->store.claim_token(r->store, &r->token_id, e) != 0 ||
	    lost_check(&r->ports->store, r->store, &r->token_id, e) != 0)
		return -1;
	return r->cred.way == CRED_WAY_REKEY && r->cred.state < CRED_DELIVERED ? refuse_pending(r, e) : 0;
}

/* The journal tells by this that it waits for its token, and was not cut off while that was plugged in. */
static void leave_for_token(struct enroll_run *r)
{
	r->cred.module[0] = '\0';
}

/* The kept request of the one that is replaced. */
static int plan(struct enroll_run *r, struct err *e)
{
	struct blob csr = r->cred.csr, proof = r->cred.attestation;
	if (enroll_check_successor(r, e) != 0)
		return -1;
	if (csr.len == 0)
		return no_request(r, e);
	r->cred.csr = r->cred.attestation = (struct blob)BLOB_INIT;
	int ret = enroll_new_renewal(r, e);
	leave_for_token(r);
	r->cred.csr = csr;
	r->cred.attestation = proof;
	return ret;
}

static int check_issued(struct enroll_run *r, struct err *e)
{
	bool valid = false;
	if (enroll_is_valid(r, &r->cred, &valid, e) != 0)
		return -1;
	if (valid)
		return 0;
	err_set(e, ERR_REVOKED, "certificate %s, which was issued for the renewal of %s, does not count any more",
		r->cred.cert_serial, r->opt->user);
	return err_next(e,
			"it was revoked, or has expired: put the token in and run the same command without --no-token");
}

/* A run with the token that was cut off may not have got as far as to its own request. */
static int resume(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	const struct store_credential *old = &r->result->old;
	if (c->state >= CRED_ISSUED) {
		r->result->already = true;
		return check_issued(r, e);
	}
	if (enroll_complete_plan(r, e) != 0)
		return -1;
	if (c->csr.len == 0) {
		blob_set(&c->csr, old->csr.data, old->csr.len);
		blob_set(&c->attestation, old->attestation.data, old->attestation.len);
	}
	leave_for_token(r);
	return c->csr.len != 0 ? 0 : no_request(r, e);
}

static int issue(struct enroll_run *r, struct err *e)
{
	r->ui->begin(r->ui->arg, "certificate");
	int ret = enroll_plan_commit(r, e);
	if (ret == 0 && r->cred.state < CRED_REQUESTED)
		ret = r->ports->store.advance(r->store, &r->cred, CRED_REQUESTED, e);
	if (ret == 0)
		ret = enroll_step_issue(r, e);
	char detail[80];
	snprintf(detail, sizeof detail, "serial %s", r->cred.cert_serial);
	enroll_step_end(r, ret, detail, e);
	return ret;
}

int enroll_issue_ahead(struct enroll_run *r, struct err *e)
{
	if (r->ports->ca.start(&r->signer, &r->cfg->ca, r->opt->verbose, r->ui->note, r->ui->arg, e) != 0 ||
	    r->ports->store.open(&r->store, r->cfg, e) != 0 ||
	    r->ports->store.claim_user(r->store, r->opt->user, e) != 0 || find(r, e) != 0 ||
	    r->ports->ca.open(r->signer, &r->ca, e) != 0)
		return -1;
	bool pending = enroll_is_pending(&r->cred);
	if (pending)
		enroll_read_old(r);
	if ((pending ? resume(r, e) : plan(r, e)) != 0)
		return -1;
	r->result->waits = true;
	if (r->result->already)
		return 0;
	/* so that all that would keep it from being issued shows with the passphrase */
	if (r->ports->ca.subject(r->signer, r->opt->user, &r->subject, e) != 0 || enroll_unlock_end(r, e) != 0 ||
	    issue(r, e) != 0)
		return -1;
	return enroll_revoke_due(r, e) == 0 ? r->ports->ca.publish(r->signer, r->opt->user, e) : -1;
}
