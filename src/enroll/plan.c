#include "core/day.h"
#include "enroll/lost.h"
#include "enroll/run.h"
#include "enroll/why.h"

#include <openssl/rand.h>
#include <string.h>

#define PLAN_HOLDS_S (24 * 60 * 60)

int enroll_end(struct enroll_run *r, struct store_credential *c, enum cred_state how, struct err *e)
{
	return r->ports->store.advance(r->store, c, how, e);
}

/* A new key for who has one already is as that one was: some old client may have wanted it. */
static enum keytype wanted_key_type(const struct enroll_run *r)
{
	if (r->opt->key_type != KEYTYPE_NONE)
		return r->opt->key_type;
	return (enum keytype)(r->opt->way == CRED_WAY_REKEY ? r->cred.key_type : r->cfg->token.key_type);
}

/* Its profile says so; what a token only lists is found out by asking it. */
static int type_not_made(const struct enroll_run *r, enum keytype type, struct err *e)
{
	char has[128];
	keytype_names(r->profile->key.types, has, sizeof has);
	err_set(e, ERR_UNSUPPORTED, "a token of this kind (%s) does not make keys of type %s that work with OpenVPN",
		r->profile->name, keytype_name(type));
	return err_next(e, "it makes %s: add --key-type, or take another token", has);
}

/* Asked before a key is made that the token could not make, or the CA would not sign. */
static int check_key_type(const struct enroll_run *r, struct err *e)
{
	enum keytype type = wanted_key_type(r);
	unsigned token_makes = r->profile->key.types;
	if (token_makes != 0 && (token_makes & KEYTYPE_BIT(type)) == 0)
		return type_not_made(r, type, e);
	if ((r->cfg->ca.key_types & KEYTYPE_BIT(type)) != 0)
		return 0;
	err_set(e, ERR_CA_REFUSED, "keys of type %s are not among [ca] key-types", keytype_name(type));
	return err_next(e, "choose another --key-type, or allow it in %s", r->cfg->path);
}

/* What --cert needs and is not there: the key for which the certificate was requested. */
static int no_request(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_USAGE, "there is no key on token %s for which a certificate of %s was requested",
		r->token.serial, r->opt->user);
	return err_next(e, "put the right token in, or run it with --csr-only first and have that request signed");
}

/* Asked before a key is made that the CA would have no proof for. */
static int check_proof(const struct enroll_run *r, struct err *e)
{
	if (!r->cfg->ca.require_attestation || r->profile->key.attestation != PROFILE_ATTEST_NONE)
		return 0;
	err_set(
	    e, ERR_CA_REFUSED,
	    "[ca] require-attestation is set, and a token of this kind (%s) cannot prove that a key was made inside it",
	    r->profile->name);
	return err_next(e, "take a token that can, such as a YubiKey; nothing was changed");
}

/* Of a card that is in the wrong reader another module is told than of one that no module can make keys on. */
static int check_makes_keys(const struct enroll_run *r, struct err *e)
{
	const struct profile_key *k = &r->profile->key;
	if (k->generate != PROFILE_NOBODY && k->certificate != PROFILE_NOBODY)
		return 0;
	err_set(e, ERR_UNSUPPORTED, "no %s through %s on a token of this kind (%s)",
		k->generate == PROFILE_NOBODY ? "keys can be made" : "certificates can be written", r->module,
		r->profile->name);
	const struct profile *card = discover_card_profile(r->discovery, r->token.reader);
	if (card != NULL && card != r->profile && !profile_looks_at(card, r->token.reader))
		return why_not_looked_at(card, r->token.reader, e);
	return err_next(e, "take another token, or name the module of its maker with --module or [token] module; "
			   "nothing was changed");
}

/* What has to be so before anything is given up or made for a new key. */
static int check_new(const struct enroll_run *r, struct err *e)
{
	if (r->opt->cert_file != NULL)
		return no_request(r, e);
	if (check_makes_keys(r, e) != 0 || check_key_type(r, e) != 0 || check_proof(r, e) != 0 ||
	    enroll_client_check(r, e) != 0)
		return -1;
	return enroll_id_check(r, e);
}

int enroll_propose_serial(struct store_credential *c, struct err *e)
{
	if (RAND_bytes(c->serial, sizeof c->serial) != 1)
		return err_openssl(e, ERR_FAILED, "the random generator failed");
	/* a positive INTEGER of 16 bytes without a leading zero byte, as easy-rsa 3.2 wants serials */
	c->serial[0] = (unsigned char)((c->serial[0] & 0x7f) | 0x40);
	return 0;
}

int enroll_plan_new(struct enroll_run *r, struct err *e)
{
	if (check_new(r, e) != 0)
		return -1;
	struct store_credential *c = &r->cred;
	enum keytype type = wanted_key_type(r);
	store_credential_free(c);
	*c = (struct store_credential){.state = CRED_PLANNED};
	snprintf(c->user, sizeof c->user, "%s", r->opt->user);
	c->token = r->token_id;
	c->key_type = type;
	memcpy(c->module, r->module, sizeof c->module);
	if (enroll_propose_serial(c, e) != 0)
		return -1;
	r->fresh = true;
	r->from = CRED_PLANNED;
	return 0;
}

int enroll_plan_commit(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	if (c->id != 0)
		return 0;
	/* the key of a renewal is there already */
	if (c->way == CRED_WAY_RENEW)
		return r->ports->store.plan(r->store, c, e) != 0 ? -1
								 : r->ports->store.advance(r->store, c, CRED_KEYED, e);
	if (enroll_id_choose(r, &c->cka_id, e) != 0 || enroll_id_mark(r, &c->earlier, e) != 0)
		return -1;
	return r->ports->store.plan(r->store, c, e);
}

int enroll_key_is_there(struct enroll_run *r, bool *ret, struct err *e)
{
	struct worker_key key = WORKER_KEY_INIT;
	*ret = false;
	/* somebody has cleared the token */
	if (enroll_needs_setup(r))
		return 0;
	if (enroll_open_token(r, e) != 0)
		return -1;
	int got = r->ports->token.key_find(r->worker, &r->cred.cka_id, &r->cred.spki, &key, e);
	*ret = key.found && blob_equal(&key.spki, &r->cred.spki);
	/* some tokens change it */
	if (*ret)
		blob_set(&r->cred.cka_id, key.cka_id.data, key.cka_id.len);
	r->shared = *ret && key.shared;
	*ret = *ret && !key.shared;
	worker_key_free(&key);
	return got;
}

int enroll_refuse_gone(const struct enroll_run *r, struct err *e)
{
	if (r->shared)
		return enroll_refuse_shared(r, e);
	err_set(e, ERR_KEY_GONE, "the key of certificate %s is no longer on token %s", r->cred.cert_serial,
		r->token.serial);
	return err_next(e, "add --replace to revoke that certificate and make a new key");
}

/* The key that is given up does not count any more: a certificate that the CA has for it stands in the way. */
static int give_up_and_plan(struct enroll_run *r, enum cred_state how, struct err *e)
{
	static const struct blob none = BLOB_INIT;
	if (check_new(r, e) != 0 || enroll_check_name(r, &none, e) != 0 || enroll_end(r, &r->cred, how, e) != 0)
		return -1;
	return enroll_plan_new(r, e);
}

/* The CA may have revoked it because this user is to stay out: then only somebody who knows better lets them in. */
static int plan_after_end(struct enroll_run *r, struct err *e)
{
	bool revoked = false;
	if (check_new(r, e) != 0 || enroll_is_revoked(r, &r->cred, &revoked, e) != 0)
		return -1;
	if (revoked && !r->opt->replace && r->ui->confirm_revoked(r->ui->arg, r->cred.cert_serial, e) != 0)
		return -1;
	return give_up_and_plan(r, CRED_REVOKED, e);
}

/*
 * Where the CKA_ID is a place's and no random number, a key that is there now need not be the one that a plan was for:
 * only soon after it was made is that taken for granted. Else another place is chosen, and this one left as it is.
 */
static bool may_be_anothers(const struct enroll_run *r)
{
	time_t age = time(NULL) - r->cred.changed;
	return r->profile->key.id == PROFILE_ID_FIXED && (age < 0 || age > PLAN_HOLDS_S);
}

bool enroll_is_stale(const struct enroll_run *r)
{
	return r->cred.state == CRED_PLANNED && may_be_anothers(r);
}

/* Whether a new key is to take the place of what is finished. What is under way is brought to its end first. */
static bool is_given_up(const struct enroll_run *r)
{
	return r->cred.state == CRED_DELIVERED && r->opt->replace && r->opt->cert_file == NULL;
}

int enroll_resume_from(struct enroll_run *r, bool *ret_finished, bool *ret_there, struct err *e)
{
	struct store_credential *c = &r->cred;
	*ret_there = true;
	*ret_finished = c->state == CRED_DELIVERED;
	bool made = c->handed_over && !enroll_needs_setup(r) && enroll_is_delivered(r);
	r->from = made ? CRED_DELIVERED : c->state;
	if (c->state < CRED_KEYED || (r->from == CRED_DELIVERED && !enroll_needs_setup(r)))
		return 0;
	if (enroll_key_is_there(r, ret_there, e) != 0)
		return -1;
	/* some tokens only say that they have written: what the proof does not find is written again */
	if (c->state == CRED_WRITTEN && r->from == CRED_WRITTEN)
		r->from = CRED_ISSUED;
	/* the request costs nothing to make again, and the CA's DN may have been corrected since */
	if (c->state == CRED_REQUESTED && r->opt->cert_file == NULL)
		r->from = CRED_KEYED;
	return 0;
}

/* What the journal says was begun on this very token. */
static int plan_resume(struct enroll_run *r, bool *ret_finished, struct err *e)
{
	struct store_credential *c = &r->cred;
	bool valid = true, there = true;
	if (c->state >= CRED_ISSUED && !is_given_up(r) && enroll_take_renewal(r, e) != 0)
		return -1;
	if (c->state >= CRED_ISSUED && enroll_is_valid(r, c, &valid, e) != 0)
		return -1;
	if (!valid)
		return plan_after_end(r, e);
	if (is_given_up(r)) {
		enroll_note_revocation(r, c);
		return enroll_plan_new(r, e);
	}
	if (c->state < CRED_ISSUED && r->opt->key_type != KEYTYPE_NONE &&
	    r->opt->key_type != (enum keytype)c->key_type) {
		enroll_note_void(r);
		return give_up_and_plan(r, CRED_ABANDONED, e);
	}
	if (enroll_is_stale(r))
		return give_up_and_plan(r, CRED_ABANDONED, e);
	if (c->state >= CRED_ISSUED)
		enroll_note_wishes(r);
	if (enroll_resume_from(r, ret_finished, &there, e) != 0)
		return -1;
	if (there)
		return 0;
	if (c->state < CRED_ISSUED)
		return give_up_and_plan(r, CRED_ABANDONED, e);
	return r->opt->replace ? enroll_plan_new(r, e) : enroll_refuse_gone(r, e);
}

/* Asked before anything is given up or made for a new key. What is under way is brought to its end first. */
static int check_replaceable(const struct enroll_run *r, struct err *e)
{
	const struct store_credential *c = &r->cred;
	bool under_way = c->state >= CRED_ISSUED && c->state < CRED_DELIVERED;
	if (!r->opt->replace || under_way || !r->ca.has_key || r->opt->csr_only || r->opt->cert_file != NULL)
		return 0;
	return r->ports->ca.replaceable(r->signer, r->opt->user, e);
}

static int refuse_second(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_KEY_EXISTS, "%s has a certificate for the key on token %s already (%s)", r->opt->user,
		r->token.serial, r->cred.cert_serial);
	return err_next(e, "run `tokenroll %s` to finish or check it, or add --replace for a new key", r->opt->user);
}

static int refuse_older(const struct enroll_run *r, struct err *e)
{
	char until[DAY_SIZE];
	day_format(until, r->cred.not_after);
	err_set(e, ERR_KEY_EXISTS,
		"%s is no renewal: %s has a certificate for the key on token %s that is at least as new (%s, until %s)",
		r->opt->cert_file, r->opt->user, r->token.serial, r->cred.cert_serial, until);
	return err_next(e, "run `tokenroll %s` to finish or check it, or name the file of a newer one", r->opt->user);
}

/* Looked at before a PIN is asked for. One that is on the token, or on its way there, is the same command again; one
 * that has come after it is a renewal. */
static int check_certificate(struct enroll_run *r, struct err *e)
{
	struct ca_certificate cert = {.der = BLOB_INIT};
	bool renews = true;
	if (r->cred.state < CRED_REQUESTED)
		return no_request(r, e);
	int ret = enroll_read_certificate(r, &cert, e);
	if (ret == 0 && r->cred.state >= CRED_ISSUED && !blob_equal(&cert.der, &r->cred.cert))
		ret = enroll_renews(r, &cert, &renews, e);
	if (ret == 0 && !renews)
		ret = refuse_older(r, e);
	ca_certificate_free(&cert);
	return ret;
}

static int check_options(struct enroll_run *r, struct err *e)
{
	if (r->opt->cert_file != NULL)
		return check_certificate(r, e);
	/* --replace gives up what is finished; what is under way is brought to its end first */
	bool second = r->opt->csr_only && r->cred.state >= CRED_ISSUED;
	return second && !(r->opt->replace && r->cred.state == CRED_DELIVERED) ? refuse_second(r, e) : 0;
}

/* [ca] key need not say which token it is on: the signer knows. */
static int check_not_hsm(const struct enroll_run *r, struct err *e)
{
	const struct ca_hsm_info *hsm = &r->ca.hsm;
	if (hsm->name[0] == '\0' || strcmp(hsm->serial, r->token.serial) != 0 ||
	    strcmp(hsm->manufacturer, r->token.manufacturer) != 0 || strcmp(hsm->model, r->token.model) != 0)
		return 0;
	err_set(e, ERR_FOREIGN, "token %s \"%s\" is the CA's HSM, and nobody gets that", r->token.serial,
		r->token.label);
	return err_next(e, "put the employee's token in, and name that with --serial or --reader");
}

int enroll_plan(struct enroll_run *r, bool *ret_finished, struct err *e)
{
	enum place_use use = r->opt->csr_only ? PLACE_REQUEST : PLACE_BUNDLE;
	bool found = false, going = false;
	if (r->ports->handover.place(r->cfg->bundle.dir, r->opt->user, use, e) != 0)
		return -1;
	if (!enroll_is_blank(r) && r->ports->store.claim_token(r->store, &r->token_id, e) != 0)
		return -1;
	if (lost_check(&r->ports->store, r->store, &r->token_id, e) != 0 ||
	    r->ports->ca.open(r->signer, &r->ca, e) != 0 || check_not_hsm(r, e) != 0)
		return -1;
	/* before a PIN is asked for, and before anything that was begun is given up */
	if (r->courier != NULL && r->ports->handover.check(r->courier, e) != 0)
		return -1;
	if (r->opt->way != CRED_WAY_ENROLL)
		return enroll_plan_succession(r, ret_finished, e);
	if (r->ports->store.find(r->store, r->opt->user, &r->token_id, &found, &r->cred, e) != 0 ||
	    enroll_settle_pending(r, &going, ret_finished, e) != 0)
		return -1;
	if (going)
		return 0;
	found = r->cred.id != 0;
	if (check_replaceable(r, e) != 0 || enroll_check_owner(r, e) != 0 || check_options(r, e) != 0 ||
	    enroll_check_elsewhere(r, e) != 0 || enroll_check_name(r, &r->cred.spki, e) != 0)
		return -1;
	r->known = found;
	return found ? plan_resume(r, ret_finished, e) : enroll_plan_new(r, e);
}
