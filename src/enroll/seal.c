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
