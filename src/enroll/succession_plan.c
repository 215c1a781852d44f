/*
 * succession_plan: what is to be done for `renew` and `rekey`, and for a
 * renewal or rekeying that was cut off: whoever comes next goes on with it,
 * also `tokenroll USER`, unless that would stand in the way of what is asked
 * for now.
 */
#include "core/day.h"
#include "core/xalloc.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

static const char *word(const struct store_credential *c)
{
	return c->way == CRED_WAY_REKEY ? "rekeying" : "renewal";
}

static bool is_rekey(const struct enroll_run *r)
{
	return r->opt->way == CRED_WAY_REKEY;
}

static void note(struct enroll_run *r, const char *what)
{
	char text[256];
	snprintf(text, sizeof text, "a %s of %s was begun before (%s): %s", word(&r->cred), r->cred.user,
		 cred_state_name(r->cred.state), what);
	r->ui->note(r->ui->arg, text);
}

static int key_gone(const struct enroll_run *r, struct err *e)
{
	if (r->shared)
		return enroll_refuse_shared(r, e);
	err_set(e, ERR_KEY_GONE, "the key of certificate %s of %s is no longer on token %s",
		r->cred.cert_serial[0] != '\0' ? r->cred.cert_serial : r->result->old.cert_serial, r->cred.user,
		r->token.serial);
	if (enroll_needs_setup(r))
		return err_next(e, "`tokenroll enroll --replace %s` sets the token up and makes a new key",
				r->opt->user);
	return err_next(e, "run `tokenroll rekey %s`, which makes a new one; nothing was changed", r->opt->user);
}

/* What was begun cannot have its end, or is not what is wanted now, and nothing of it is in use yet. */
static bool is_unwanted(const struct enroll_run *r)
{
	const struct store_credential *c = &r->cred;
	const struct enroll_options *opt = r->opt;
	if (c->state >= CRED_ISSUED)
		return false;
	if (opt->way == CRED_WAY_ENROLL ? opt->replace : opt->way != c->way)
		return true;
	if (c->way != CRED_WAY_REKEY)
		return false;
	return (opt->key_type != KEYTYPE_NONE && opt->key_type != (enum keytype)c->key_type) || enroll_is_stale(r);
}

enum verdict {
	GO_ON,
	GIVE_UP, /* nothing of it is in use */
	REVOKED, /* its certificate does not count any more */
	PAST     /* it is in use, and is taken over from */
};

static int judge_validity(struct enroll_run *r, enum verdict *ret, struct err *e)
{
	bool valid = true, revoked = false;
	if (r->cred.state < CRED_ISSUED)
		return 0;
	if (enroll_take_renewal(r, e) != 0 || enroll_is_valid(r, &r->cred, &valid, e) != 0)
		return -1;
	if (valid)
		return 0;
	*ret = REVOKED;
	/* somebody may have done that because this user is to stay out */
	if (enroll_is_revoked(r, &r->cred, &revoked, e) != 0)
		return -1;
	return revoked && !r->opt->replace ? r->ui->confirm_revoked(r->ui->arg, r->cred.cert_serial, e) : 0;
}

static int judge_key(struct enroll_run *r, enum verdict *ret, bool *ret_finished, struct err *e)
{
	bool there = true;
	if (enroll_complete_plan(r, e) != 0 || enroll_resume_from(r, ret_finished, &there, e) != 0)
		return -1;
	if (there)
		return 0;
	bool makes_new = is_rekey(r) || (r->opt->way == CRED_WAY_ENROLL && r->opt->replace);
	if (r->cred.way == CRED_WAY_REKEY && r->cred.state < CRED_ISSUED)
		*ret = GIVE_UP;
	else if (makes_new)
		*ret = PAST;
	else
		return key_gone(r, e);
	return 0;
}

static int judge(struct enroll_run *r, enum verdict *ret, bool *ret_finished, struct err *e)
{
	*ret = GO_ON;
	if (judge_validity(r, ret, e) != 0)
		return -1;
	if (*ret != GO_ON)
		return 0;
	if (is_unwanted(r)) {
		*ret = GIVE_UP;
		return 0;
	}
	if (is_rekey(r) && r->cred.way == CRED_WAY_RENEW) {
		*ret = PAST;
		return 0;
	}
	return judge_key(r, ret, ret_finished, e);
}

static int refuse_options(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_KEY_EXISTS, "a %s of %s on token %s is not finished (%s)", word(&r->cred), r->opt->user,
		r->token.serial, cred_state_name(r->cred.state));
	return err_next(e, "bring it to its end first: tokenroll %s %s", cred_way_name(r->cred.way), r->opt->user);
}

static int end_it(struct enroll_run *r, enum cred_state how, struct err *e)
{
	bool found = false;
	note(r, how == CRED_REVOKED ? "its certificate does not count any more" : "it is given up");
	if (r->ports->store.advance(r->store, &r->cred, how, e) != 0)
		return -1;
	store_credential_free(&r->cred);
	r->cred = (struct store_credential){.id = 0};
	return r->ports->store.find(r->store, r->opt->user, &r->token_id, &found, &r->cred, e);
}

/* The token that it has waited for is here. */
static int take_up(struct enroll_run *r, struct err *e)
{
	if (r->cred.module[0] != '\0')
		return 0;
	memcpy(r->cred.module, r->module, sizeof r->cred.module);
	return r->ports->store.advance(r->store, &r->cred, r->cred.state, e);
}

int enroll_settle_pending(struct enroll_run *r, bool *ret_going, bool *ret_finished, struct err *e)
{
	*ret_going = false;
	while (enroll_is_pending(&r->cred)) {
		enum verdict v;
		if (r->opt->csr_only || r->opt->cert_file != NULL)
			return refuse_options(r, e);
		enroll_read_old(r);
		if (judge(r, &v, ret_finished, e) != 0)
			return -1;
		if (v == GO_ON && r->opt->way != r->cred.way)
			note(r, "it is gone on with");
		if (v == GO_ON && r->cred.state >= CRED_ISSUED)
			enroll_note_wishes(r);
		*ret_going = v == GO_ON;
		if (v == GO_ON)
			return take_up(r, e);
		if (v == PAST)
			return 0;
		if (end_it(r, v == REVOKED ? CRED_REVOKED : CRED_ABANDONED, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- a new one */

static int refuse_half_done(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_KEY_EXISTS, "the enrollment of %s on token %s is not finished (%s)", r->opt->user,
		r->cred.token.serial, cred_state_name(r->cred.state));
	return err_next(e, "bring it to its end first: tokenroll %s", r->opt->user);
}

static int no_key(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_CA_PKI, "the CA's private key %s is not on this machine: nothing can be issued here",
		r->cfg->ca.key);
	if (is_rekey(r))
		return err_next(e, "`tokenroll enroll --csr-only --replace %s` makes a new key here, and its request",
				r->opt->user);
	return err_next(
	    e,
	    "have the request of %s signed once more where the CA is, as `easyrsa renew` of 3.1.1 and later "
	    "does, then run `tokenroll enroll --cert FILE %s`",
	    r->opt->user, r->opt->user);
}

/* One that has expired is what renewals are for. */
static int check_old(struct enroll_run *r, struct err *e)
{
	bool valid = false, revoked = false;
	const struct store_credential *c = &r->cred;
	if (enroll_is_valid(r, c, &valid, e) != 0 ||
	    (!valid && r->ports->ca.revoked(r->signer, c->cert_serial, &revoked, e) != 0))
		return -1;
	return revoked ? enroll_refuse_revoked(r, c, e) : 0;
}

static int refuse_renewed(const struct enroll_run *r, const char *serial, struct err *e)
{
	err_set(e, ERR_NAME_TAKEN, "the CA has renewed the certificate of %s itself: %s, for the key on token %s",
		r->opt->user, serial, r->token_id.serial);
	return err_next(e, "run `tokenroll %s` first, which puts that one on the token", r->opt->user);
}

/* The serial of one that `easyrsa renew` made of the kept request, "" if there is none: a renewal takes that one. */
static int find_renewed(struct enroll_run *r, const char *known, char ret[CA_SERIAL_HEX_MAX], struct err *e)
{
	struct ca_certificate other = {.der = BLOB_INIT};
	bool found = false;
	ret[0] = '\0';
	if (r->ports->ca.find(r->signer, r->opt->user, known, &found, &other, e) != 0)
		return -1;
	if (found && blob_equal(&other.spki, &r->cred.spki))
		memcpy(ret, other.serial, CA_SERIAL_HEX_MAX);
	ca_certificate_free(&other);
	return ret[0] != '\0' && is_rekey(r) ? refuse_renewed(r, ret, e) : 0;
}

/* Whether the CA would issue one beside those of this user that the journal knows. */
static int check_beside(struct enroll_run *r, struct err *e)
{
	struct store_credential next = {.id = 0};
	char renewed[CA_SERIAL_HEX_MAX];
	char *serials = NULL;
	snprintf(next.user, sizeof next.user, "%s", r->opt->user);
	if (r->ports->store.serials_beside(r->store, &next, &serials, e) != 0)
		return -1;
	int ret = find_renewed(r, serials, renewed, e);
	char *all = ret == 0 ? xasprintf("%s %s", serials, renewed) : NULL;
	if (ret == 0)
		ret = r->ports->ca.renewable(r->signer, r->opt->user, all, e);
	free(all);
	free(serials);
	return ret;
}

int enroll_check_successor(struct enroll_run *r, struct err *e)
{
	if (r->cred.state < CRED_DELIVERED && !enroll_is_pending(&r->cred))
		return refuse_half_done(r, e);
	if (!r->ca.has_key)
		return no_key(r, e);
	return check_old(r, e) != 0 ? -1 : check_beside(r, e);
}

static int plan_renew(struct enroll_run *r, struct err *e)
{
	bool there = false;
	if (enroll_client_check(r, e) != 0 || enroll_key_is_there(r, &there, e) != 0)
		return -1;
	return there ? enroll_new_renewal(r, e) : key_gone(r, e);
}

/* The old key stays as long as the new one is not proven, so there has to be room for both. */
static int plan_rekey(struct enroll_run *r, struct err *e)
{
	int64_t old = r->cred.id;
	if (enroll_plan_new(r, e) != 0)
		return -1;
	r->cred.way = CRED_WAY_REKEY;
	r->cred.replaces = old;
	return 0;
}

int enroll_plan_succession(struct enroll_run *r, bool *ret_finished, struct err *e)
{
	bool found = false, going = false;
	if (r->ports->store.find(r->store, r->opt->user, &r->token_id, &found, &r->cred, e) != 0)
		return -1;
	r->known = found;
	if (!found)
		return enroll_refuse_token(r, e);
	if (enroll_settle_pending(r, &going, ret_finished, e) != 0)
		return -1;
	if (going)
		return 0;
	/* what was ended had nothing before it that counts */
	if (r->cred.id == 0)
		return enroll_check_person(r, e);
	if (enroll_check_successor(r, e) != 0)
		return -1;
	return is_rekey(r) ? plan_rekey(r, e) : plan_renew(r, e);
}
