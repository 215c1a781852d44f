#include "life/ended.h"

/* The newest one that has not ended. */
static int next(struct life *l, bool *ret_found, struct store_credential *ret, struct err *e)
{
	return l->ports->store.find_by_token(l->store, &l->id, ret_found, ret, e);
}

int life_has_certificate(struct life *l, bool *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	int got = next(l, &found, &c, e);
	/* a renewal that has none takes over from one that has */
	*ret = got == 0 && found && (c.state >= CRED_ISSUED || c.replaces != 0);
	store_credential_free(&c);
	return got;
}

static int note_removed(struct life *l, struct err *e)
{
	for (;;) {
		struct store_credential c = {.id = 0};
		bool found = false;
		int got = l->ports->store.find_leftover(l->store, &l->id, 0, &found, &c, e);
		if (got == 0 && found)
			got = l->ports->store.removed(l->store, &c, true, e);
		store_credential_free(&c);
		if (got != 0 || !found)
			return got;
	}
}

int life_end_credentials(struct life *l, life_end_fn *end, void *arg, struct err *e)
{
	bool more = true;
	int got = 0;
	while (got == 0 && more) {
		struct store_credential c = {.id = 0};
		enum cred_state last = CRED_ABANDONED;
		got = next(l, &more, &c, e);
		if (got == 0 && more && c.state >= CRED_ISSUED)
			got = end(arg, &c, &last, e);
		if (got == 0 && more && last != CRED_STATE_COUNT)
			got = l->ports->store.advance(l->store, &c, last, e);
		store_credential_free(&c);
	}
	return got == 0 ? note_removed(l, e) : got;
}
