/*
 * succession: `renew` and `rekey`. A credential takes over from another one of
 * the same person on the same token. What is before it in the journal and on
 * the token stays as it is, and connects, until the new one is proven and what names it was handed over:
 *
 *   renewal    the new certificate is written beside the old one, for the same key
 *   rekeying   a second key is made, and its certificate written
 *   proof      it signs, and has its name for OpenVPN
 *   bundle     only then the older certificate, or key, goes from the token, the older credential is superseded,
 *              and when the overlap is over its certificate is revoked
 *
 * Where a token has one place for a key's certificate, the new one takes the old one's place when it is written. That
 * is sound, because the CA has issued it: the VPN server takes whichever of the two is there. A PIV card exchanges them
 * at once; on a SmartCard-HSM the old one is deleted just before, because OpenSC takes none beside it, and what was cut
 * off there is written again by the same command. Key and CKA_ID stay as they are.
 */
#include "core/day.h"
#include "core/xalloc.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S (24L * 60 * 60)

bool enroll_succeeds(const struct store_credential *c)
{
	return c->way == CRED_WAY_RENEW || c->way == CRED_WAY_REKEY;
}

bool enroll_is_pending(const struct store_credential *c)
{
	return enroll_succeeds(c) && c->state < CRED_DELIVERED;
}

void enroll_read_old(struct enroll_run *r)
{
	struct store_credential old = {.id = 0};
	bool found = false;
	if (!enroll_succeeds(&r->cred) ||
	    r->ports->store.find_id(r->store, r->cred.replaces, &found, &old, NULL) != 0 || !found)
		return;
	store_credential_free(&r->result->old);
	r->result->old = old;
}

/* What a renewal has from the one that it takes over from. */
static void take_key(struct store_credential *to, const struct store_credential *from)
{
	to->key_type = from->key_type;
	blob_set(&to->cka_id, from->cka_id.data, from->cka_id.len);
	blob_set(&to->spki, from->spki.data, from->spki.len);
	memcpy(to->key_attributes, from->key_attributes, sizeof to->key_attributes);
}

int enroll_new_renewal(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	struct store_credential n = {.state = CRED_PLANNED, .way = CRED_WAY_RENEW, .replaces = c->id};
	memcpy(n.user, c->user, sizeof n.user);
	n.token = r->token_id;
	memcpy(n.module, r->module, sizeof n.module);
	take_key(&n, c);
	if (enroll_propose_serial(&n, e) != 0) {
		store_credential_free(&n);
		return -1;
	}
	store_credential_free(c);
	*c = n;
	r->fresh = true;
	r->from = CRED_KEYED;
	return 0;
}

/* A run was cut off between the plan of a renewal and its key, which is there already. */
int enroll_complete_plan(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	if (c->way != CRED_WAY_RENEW || c->state != CRED_PLANNED)
		return 0;
	if (c->spki.len == 0)
		take_key(c, &r->result->old);
	return r->ports->store.advance(r->store, c, CRED_KEYED, e);
}

static bool has_one_place(const struct enroll_run *r)
{
	const struct profile_key *k = &r->profile->key;
	return k->id == PROFILE_ID_FIXED || k->certificate_follows;
}

/* Whether the token still has something that only the older one needs. A key goes with its certificate. */
static bool has_older(const struct enroll_run *r)
{
	const struct store_credential *c = &r->cred;
	return c->way == CRED_WAY_REKEY || (c->way == CRED_WAY_RENEW && !has_one_place(r));
}

int enroll_prepare_take_over(struct enroll_run *r, struct err *e)
{
	return has_older(r) ? enroll_open_token(r, e) : 0;
}

static int remove_older(struct enroll_run *r, struct err *e)
{
	const struct store_credential *c = &r->cred;
	if (enroll_open_token(r, e) != 0)
		return -1;
	if (c->way == CRED_WAY_REKEY)
		return enroll_remove_leftovers(r, e);
	return r->ports->token.certificate_write(r->worker, &c->cka_id, c->user, &c->cert, false, e);
}

static bool is_superseded(const struct enroll_run *r)
{
	return r->result->old.state > CRED_DELIVERED;
}

/* Which key is left over the journal knows only when it is written down. */
static int take_over(struct enroll_run *r, struct err *e)
{
	time_t revoke_at = time(NULL) + r->cfg->ca.overlap * DAY_S;
	bool first = r->cred.way == CRED_WAY_REKEY;
	if (first && r->ports->store.take_over(r->store, &r->cred, revoke_at, e) != 0)
		return -1;
	if (has_older(r) && remove_older(r, e) != 0)
		return -1;
	return first ? 0 : r->ports->store.take_over(r->store, &r->cred, revoke_at, e);
}

/* Whether all of it was done by a run that broke off behind it. */
static int is_taken_over(struct enroll_run *r, bool *ret, struct err *e)
{
	struct store_credential left = {.id = 0};
	bool found = false;
	*ret = false;
	if (!r->cred.handed_over || !is_superseded(r))
		return 0;
	int got = r->ports->store.find_leftover(r->store, &r->token_id, 0, &found, &left, e);
	*ret = !found;
	store_credential_free(&left);
	return got;
}

int enroll_take_over(struct enroll_run *r, struct err *e)
{
	bool done = false;
	if (!enroll_is_pending(&r->cred))
		return 0;
	if (is_taken_over(r, &done, e) != 0)
		return -1;
	if (done)
		return 0;
	bool shown = has_older(r);
	if (shown)
		r->ui->begin(r->ui->arg, r->cred.way == CRED_WAY_REKEY ? "old key" : "old certificate");
	int ret = take_over(r, e);
	if (shown)
		enroll_step_end(r, ret, "deleted from the token", e);
	return ret;
}

static bool is_something_due(struct enroll_run *r)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	/* if the journal cannot be read now, that shows when it is asked in earnest */
	(void)r->ports->store.find_due(r->store, time(NULL), 0, &found, &c, NULL);
	store_credential_free(&c);
	return found;
}

bool enroll_will_revoke(struct enroll_run *r)
{
	if (!enroll_succeeds(&r->cred) || !r->ca.has_key)
		return false;
	bool takes_over = enroll_is_pending(&r->cred) && !is_superseded(r);
	return (takes_over && r->cfg->ca.overlap == 0) || is_something_due(r);
}

int enroll_revoke_due(struct enroll_run *r, struct err *e)
{
	if (!enroll_succeeds(&r->cred))
		return 0;
	if (!r->ca.has_key) {
		enroll_read_old(r);
		if (r->result->old.revoke_at != 0)
			enroll_note_replaced(r, &r->result->old);
		return 0;
	}
	if (!is_something_due(r))
		return 0;
	const struct due due = {.ports = r->ports,
				.store = r->store,
				.signer = r->signer,
				.user = r->opt->user,
				.note = r->ui->note,
				.note_arg = r->ui->arg};
	char detail[64];
	if (enroll_unlock_end(r, e) != 0)
		return -1;
	r->ui->begin(r->ui->arg, "revocation");
	int ret = due_revoke(&due, &r->result->n_due, e);
	snprintf(detail, sizeof detail, "%zu replaced certificate%s", r->result->n_due,
		 r->result->n_due == 1 ? "" : "s");
	enroll_step_end(r, ret, detail, e);
	return ret;
}
