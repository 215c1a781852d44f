/*
 * succession_refuse: whom and what cannot be renewed, and what to do then.
 */
#include "core/day.h"
#include "enroll/run.h"

#include <string.h>

int enroll_refuse_revoked(const struct enroll_run *r, const struct store_credential *c, struct err *e)
{
	char when[DAY_SIZE] = "";
	if (c->revoked != 0)
		day_format(when, c->revoked);
	err_set(e, ERR_REVOKED, "certificate %s of %s was revoked%s%s%s%s%s, and is not renewed", c->cert_serial,
		c->user, when[0] != '\0' ? " on " : "", when, c->reason[0] != '\0' ? " (" : "", c->reason,
		c->reason[0] != '\0' ? ")" : "");
	return err_next(
	    e,
	    "index.txt of the PKI says when and why; if %s may get in again, `tokenroll enroll --replace %s` "
	    "makes a new key and a new certificate",
	    r->opt->user, r->opt->user);
}

static int nobody(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "nobody called %s is enrolled: there is nothing to %s", r->opt->user,
		cred_way_name(r->opt->way));
	return err_next(e,
			"enroll first: tokenroll %s; or correct the name (`tokenroll tokens` shows whose token is "
			"plugged in)",
			r->opt->user);
}

/* What the newest credential says that has ended; one that was only given up never was anything. */
static int refuse_ended(const struct enroll_run *r, const struct store_credential *c, struct err *e)
{
	return c->state == CRED_REVOKED ? enroll_refuse_revoked(r, c, e) : nobody(r, e);
}

int enroll_check_person(struct enroll_run *r, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	int ret = r->ports->store.find_last(r->store, r->opt->user, &found, &c, e);
	if (ret == 0 && !found)
		ret = nobody(r, e);
	else if (ret == 0 && c.state >= CRED_REVOKED)
		ret = refuse_ended(r, &c, e);
	store_credential_free(&c);
	return ret;
}

static int put_right_one_in(const struct enroll_run *r, const char *serial, struct err *e)
{
	if (r->opt->way == CRED_WAY_REKEY)
		return err_next(e, "put token %s in and run the same command; nothing was changed", serial);
	return err_next(
	    e,
	    "put token %s in and run the same command; or add --no-token to have the certificate issued now "
	    "and written later",
	    serial);
}

int enroll_refuse_token(struct enroll_run *r, struct err *e)
{
	struct store_credential own = {.id = 0}, here = {.id = 0};
	bool found = false, taken = false;
	int ret = r->ports->store.find_last(r->store, r->opt->user, &found, &own, e);
	if (ret == 0)
		ret = r->ports->store.find_by_token(r->store, &r->token_id, &taken, &here, e);
	if (ret == 0 && taken) {
		err_set(e, ERR_TOKEN_TAKEN, "token %s belongs to %s; that of %s is %s", r->token.serial, here.user,
			r->opt->user, own.token.serial);
		ret = put_right_one_in(r, own.token.serial, e);
	} else if (ret == 0) {
		err_set(e, ERR_NO_TOKEN, "the token of %s is %s; the one that is plugged in, %s, is another one",
			r->opt->user, own.token.serial,
			r->token.serial[0] != '\0' ? r->token.serial : "which is blank");
		ret = put_right_one_in(r, own.token.serial, e);
	}
	store_credential_free(&own);
	store_credential_free(&here);
	return ret;
}
