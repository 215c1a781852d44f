#include "enroll/worker_state.h"

static const char *name_of(struct rpc_server *s, enum profile_secret which)
{
	return worker_state(s)->profile->pin[which].name;
}

/* "6 to 8 digits", of the user PIN: nobody here can check what is entered there. */
static void rule_of(struct rpc_server *s, const struct p11_token_info *t, enum profile_secret which, char *ret,
		    size_t size)
{
	struct profile_limits limits;
	profile_limits_of(&limits, worker_state(s)->profile, which, t->pin_min, t->pin_max);
	profile_limits_text(ret, size, &limits);
}

void worker_tell_login(struct rpc_server *s, enum profile_who who)
{
	rpc_note(s, "enter the %s on the reader", name_of(s, who == PROFILE_SO ? PROFILE_SO_PIN : PROFILE_PIN));
}

/* What allows it, and the new one. */
static void tell_new_pin(struct rpc_server *s, const struct p11_token_info *t, const char *key)
{
	char rule[128];
	rule_of(s, t, PROFILE_PIN, rule, sizeof rule);
	rpc_note(s, "enter on the reader: the %s of token %s, then its new %s (%s), twice", key, t->serial,
		 name_of(s, PROFILE_PIN), rule);
}

void worker_tell_change(struct rpc_server *s, const struct p11_token_info *t, enum profile_operation what)
{
	char old[80];
	snprintf(old, sizeof old, "old %s", name_of(s, PROFILE_PIN));
	tell_new_pin(s, t, what == PROFILE_UNBLOCK ? name_of(s, PROFILE_SO_PIN) : old);
}

void worker_tell_init(struct rpc_server *s)
{
	rpc_note(s, "enter on the reader: the blank token's new %s, twice; keep it, nobody else knows it",
		 name_of(s, PROFILE_SO_PIN));
}

void worker_tell_reset(struct rpc_server *s, const struct p11_token_info *t)
{
	rpc_note(s, "enter on the reader: the %s of token %s", name_of(s, PROFILE_SO_PIN), t->serial);
}

void worker_tell_init_pin(struct rpc_server *s, const struct p11_token_info *t)
{
	tell_new_pin(s, t, name_of(s, PROFILE_SO_PIN));
}
