#include "enroll/seal.h"
#include "store/escrow.h"

enum escrow_kind seal_kind(enum profile_secret which)
{
	return which == PROFILE_PUK ? ESCROW_PUK : ESCROW_SO_PIN;
}

int seal_value(const struct seal *s, enum profile_secret which, const struct secret *value, int64_t *ret_id,
	       struct err *e)
{
	struct blob cms = BLOB_INIT;
	int ret = escrow_seal(&cms, s->recovery, s->id, seal_kind(which), value, e);
	if (ret == 0)
		ret = s->port->escrow_put(s->store, s->id, seal_kind(which), &cms, recovery_names(s->recovery), ret_id,
					  e);
	blob_free(&cms);
	return ret;
}

int seal_random(const struct seal *s, enum profile_secret which, struct secret *ret, int64_t *ret_id, struct err *e)
{
	struct profile_limits limits;
	profile_limits_of(&limits, s->profile, which, s->token->pin_min, s->token->pin_max);
	return profile_pin_random(&limits, ret, e) != 0 ? -1 : seal_value(s, which, ret, ret_id, e);
}

static int nothing_there(const struct seal *s, enum profile_secret which, struct err *e)
{
	const char *name = s->profile->pin[which].name;
	err_set(e, ERR_ESCROW, "there is no %s of token %s in escrow", name, s->id->serial);
	return err_next(e, "give it with %s, or take another token",
			which == PROFILE_PUK ? "--puk-file" : "--so-pin-file");
}

int seal_open(const struct seal *s, enum profile_secret which, struct recover *key, struct secret *ret,
	      int64_t *ret_pending, struct err *e)
{
	struct store_escrow *list = NULL;
	size_t n = 0;
	*ret_pending = 0;
	int got = s->port->escrow_list(s->store, s->id, seal_kind(which), &list, &n, e);
	if (got == 0 && n == 0)
		got = nothing_there(s, which, e);
	if (got == 0 && list[0].state == ESCROW_PENDING) {
		*ret_pending = list[0].id;
		if (n > 1)
			recover_note(key, "the newest value in escrow was never confirmed: if the token refuses it, "
					  "`tokenroll escrow show` has the one before");
	}
	if (got == 0)
		got = recover_open(key, &list[0], s->id, ret, e);
	store_escrow_free(&list, n);
	return got;
}
