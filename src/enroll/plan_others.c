/* Who else has the token, or the name, when an enrollment is planned. */
#include "core/day.h"
#include "enroll/run.h"

#include <string.h>

static int refuse_owner(struct enroll_run *r, const struct store_credential *c, struct err *e)
{
	char until[DAY_SIZE] = "";
	day_format(until, c->not_after);
	if (c->state >= CRED_ISSUED)
		err_set(e, ERR_TOKEN_TAKEN, "token %s belongs to %s (certificate %s, until %s)", r->token.serial,
			c->user, c->cert_serial, until);
	else
		err_set(e, ERR_TOKEN_TAKEN, "an enrollment of %s is under way on token %s", c->user, r->token.serial);
	return err_next(e, "take another token for %s, or run `tokenroll %s` to go on with this one%s", r->opt->user,
			c->user, c->state < CRED_ISSUED ? ", or add --replace to give that up" : "");
}

/* How somebody else's credential on this token ends, if it may; CRED_STATE_COUNT if it stands. */
static enum cred_state owner_ends(const struct enroll_run *r, const struct store_credential *c, bool valid)
{
	if (c->state >= CRED_ISSUED)
		return valid ? CRED_STATE_COUNT : CRED_REVOKED;
	/* of one that was only planned there is nothing that anybody could miss */
	return c->state == CRED_PLANNED || r->opt->replace ? CRED_ABANDONED : CRED_STATE_COUNT;
}

/* A renewal that has nothing yet is not what counts, but the one that it is to take over from. */
static int take_older(struct enroll_run *r, struct store_credential *c, struct err *e)
{
	struct store_credential old = {.id = 0};
	bool found = false;
	if (!enroll_succeeds(c) || c->state >= CRED_ISSUED)
		return 0;
	if (r->ports->store.find_id(r->store, c->replaces, &found, &old, e) != 0)
		return -1;
	bool counts = found && old.state < CRED_REVOKED;
	store_credential_free(counts ? c : &old);
	if (counts)
		*c = old;
	return 0;
}

/* One other owner of this token. *ret_again when that one was ended and there may be another one behind it. */
static int settle_owner(struct enroll_run *r, struct store_credential *c, bool *ret_again, struct err *e)
{
	bool valid = true;
	if (take_older(r, c, e) != 0 || (c->state >= CRED_ISSUED && enroll_is_valid(r, c, &valid, e) != 0))
		return -1;
	enum cred_state how = owner_ends(r, c, valid);
	if (how == CRED_STATE_COUNT)
		return refuse_owner(r, c, e);
	*ret_again = true;
	return enroll_end(r, c, how, e);
}

/* Somebody else's token is never touched, unless that somebody's certificate has ended. */
int enroll_check_owner(struct enroll_run *r, struct err *e)
{
	bool again = true;
	int ret = 0;
	while (ret == 0 && again) {
		struct store_credential c = {.id = 0};
		bool found = false;
		again = false;
		ret = r->ports->store.find_by_token(r->store, &r->token_id, &found, &c, e);
		if (ret == 0 && found && strcmp(c.user, r->opt->user) != 0)
			ret = settle_owner(r, &c, &again, e);
		store_credential_free(&c);
	}
	return ret;
}

static int refuse_elsewhere(const struct store_credential *c, struct err *e)
{
	char until[DAY_SIZE];
	day_format(until, c->not_after);
	if (c->state >= CRED_ISSUED) {
		err_set(e, ERR_NAME_TAKEN, "%s has a valid certificate on token %s (%s, until %s)", c->user,
			c->token.serial, c->cert_serial, until);
		return err_next(e, "put that token in, or add --replace to revoke its certificate and use this token");
	}
	err_set(e, ERR_NAME_TAKEN, "an enrollment of %s was begun on token %s and is not finished", c->user,
		c->token.serial);
	return err_next(e,
			"put that token in and run the same command, or add --replace to give it up and use this one");
}

/* What a CA elsewhere has issued it alone can revoke, and only the admin can tell it. */
void enroll_note_revocation(struct enroll_run *r, const struct store_credential *old)
{
	if (r->opt->csr_only || r->opt->cert_file != NULL)
		enroll_note_replaced(r, old);
}

/* One credential of the user on another token. *ret_again when it was ended and there may be one behind it. */
static int settle_elsewhere(struct enroll_run *r, struct store_credential *c, bool *ret_again, struct err *e)
{
	bool valid = false;
	*ret_again = false;
	if (c->state >= CRED_ISSUED && enroll_is_valid(r, c, &valid, e) != 0)
		return -1;
	if ((valid || c->state < CRED_ISSUED) && !r->opt->replace)
		return refuse_elsewhere(c, e);
	/* a valid one is ended by the CA, when the new certificate replaces it */
	if (valid) {
		enroll_note_revocation(r, c);
		return 0;
	}
	/* a new token for one that was lost is the usual, and needs no question */
	bool revoked = false;
	if (c->state >= CRED_ISSUED && enroll_is_revoked(r, c, &revoked, e) != 0)
		return -1;
	*ret_again = true;
	return enroll_end(r, c, c->state >= CRED_ISSUED ? CRED_REVOKED : CRED_ABANDONED, e);
}

int enroll_check_elsewhere(struct enroll_run *r, struct err *e)
{
	bool again = true;
	int ret = 0;
	while (ret == 0 && again) {
		struct store_credential c = {.id = 0};
		again = false;
		bool found = false;
		ret = r->ports->store.find_elsewhere(r->store, r->opt->user, &r->token_id, &found, &c, e);
		if (ret == 0 && found)
			ret = settle_elsewhere(r, &c, &again, e);
		store_credential_free(&c);
	}
	return ret;
}

/* --replace is no advice where it would be refused, and the second one for somebody whose token the journal has lost.
 */
static int name_taken(const struct enroll_run *r, const struct ca_certificate *other, struct err *e)
{
	struct store_credential c = {.id = 0};
	const char *user = r->opt->user;
	char until[DAY_SIZE];
	bool known = false;
	if ((r->ports->ca.replaceable(r->signer, user, e) != 0 && e->code == ERR_NAME_TAKEN) ||
	    r->ports->store.find_last(r->store, user, &known, &c, e) != 0)
		return -1;
	store_credential_free(&c);
	day_format(until, other->not_after);
	err_set(e, ERR_NAME_TAKEN, "the CA has a valid certificate for %s already (%s, until %s)", user, other->serial,
		until);
	return known
		   ? -1
		   : err_next(e,
			      "is it on a token? Plug that one in and run `tokenroll adopt`. To give it up, or to give "
			      "%s another token, add --replace: the old certificate is revoked",
			      user);
}

/* A valid certificate of that name for another key than this one: easy-rsa made it, or an earlier inventory. An empty
 * key is none. Those that r->cred's has taken over from may be valid for a while. */
int enroll_check_name(struct enroll_run *r, const struct blob *spki, struct err *e)
{
	struct ca_certificate other = {.der = BLOB_INIT};
	bool found = false;
	if (r->opt->replace || !r->ca.has_key)
		return 0;
	if (enroll_find_issued(r, &r->cred, &found, &other, e) != 0)
		return -1;
	bool ours = spki->len != 0 && blob_equal(&other.spki, spki);
	int ret = 0;
	if (found && !ours)
		ret = name_taken(r, &other, e);
	ca_certificate_free(&other);
	return ret;
}
