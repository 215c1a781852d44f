/*
 * owner: somebody else's token is never touched, unless that somebody's
 * certificate has ended.
 */
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
	return r->ports->store.advance(r->store, c, how, e);
}

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
