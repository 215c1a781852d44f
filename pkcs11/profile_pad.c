#include "pkcs11/profile.h"

/* Whether an argument is a secret as it is. */
static bool is_plain(const struct profile_template *t)
{
	const struct profile_piece *p = &t->piece[0];
	return t->n == 1 && p->kind == PROFILE_SECRET_BYTES && !p->hex && p->len == 0;
}

bool profile_pad_takes(const struct profile *p, enum profile_operation what)
{
	const struct profile_call *c = &p->call[what];
	bool sets = c->how == PROFILE_HOW_SET_PIN && is_plain(&c->old);
	bool ret = (sets || c->how == PROFILE_HOW_INIT_PIN) && is_plain(&c->new);
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++)
		ret = ret && ((c->needs & 1u << i) == 0 || p->pin[i].pad);
	return ret;
}
