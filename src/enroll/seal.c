#include "enroll/seal.h"
#include "store/escrow.h"

#include <string.h>

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
		ret = s->port->escrow_put(s->store, s->id, seal_kind(which), &cms, recipients_names(s->recovery),
					  ret_id, e);
	blob_free(&cms);
	return ret;
}

int seal_random(const struct seal *s, enum profile_secret which, struct secret *ret, int64_t *ret_id, struct err *e)
{
	struct profile_limits limits;
	profile_limits_of(&limits, s->profile, which, s->token->pin_min, s->token->pin_max);
	return profile_pin_random(&limits, ret, e) != 0 ? -1 : seal_value(s, which, ret, ret_id, e);
}

static bool same_name(const struct store_token *a, const struct store_token *b)
{
	return strcmp(a->serial, b->serial) == 0 && strcmp(a->model, b->model) == 0 &&
	       strcmp(a->manufacturer, b->manufacturer) == 0;
}

static int move(const struct seal *s, enum profile_secret which, const struct secret *value, int64_t *id, struct err *e)
{
	struct blob cms = BLOB_INIT;
	int ret = escrow_seal(&cms, s->recovery, s->id, seal_kind(which), value, e);
	if (ret == 0)
		ret = s->port->escrow_move(s->store, *id, s->id, seal_kind(which), &cms, recipients_names(s->recovery),
					   id, e);
	blob_free(&cms);
	return ret;
}

int seal_taken(const struct seal *s, enum profile_secret which, const struct secret *value,
	       const struct store_token *before, int64_t id, struct err *e)
{
	if (s->recovery != NULL && !same_name(before, s->id) && move(s, which, value, &id, e) != 0)
		return -1;
	return s->port->escrow_confirm(s->store, id, e);
}

/* Whether what is in escrow as this secret always takes the place of a factory's. An SO PIN may also be one that a
 * blank token was to get by C_InitToken. */
static bool replaces_factory(const struct profile *p, enum profile_secret which)
{
	return which == PROFILE_PUK || p->init.how != PROFILE_HOW_INIT_TOKEN || p->init.leaves_factory;
}

static int settle(const struct seal *s, enum profile_secret which, struct err *e)
{
	struct store_escrow *list = NULL;
	size_t n = 0;
	int got = s->port->escrow_list(s->store, s->id, seal_kind(which), &list, &n, e);
	bool only =
	    got == 0 && n != 0 && list[0].state == ESCROW_PENDING && (n == 1 || list[1].state != ESCROW_PENDING);
	if (only)
		got = s->port->escrow_confirm(s->store, list[0].id, e);
	store_escrow_free(&list, n);
	return got;
}

int seal_settle(const struct seal *s, const struct p11_pin_state pins[PROFILE_PIN_COUNT], struct err *e)
{
	static const enum profile_secret sealed[] = {PROFILE_SO_PIN, PROFILE_PUK};
	for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
		if (pins[sealed[i]].factory == P11_FACTORY_NO && replaces_factory(s->profile, sealed[i]) &&
		    settle(s, sealed[i], e) != 0)
			return -1;
	}
	return 0;
}

int seal_pending(const struct seal *s, enum profile_secret which, time_t *ret_since, struct err *e)
{
	struct store_escrow *list = NULL;
	size_t n = 0;
	int got = s->port->escrow_list(s->store, s->id, seal_kind(which), &list, &n, e);
	*ret_since = got == 0 && n != 0 && list[0].state == ESCROW_PENDING ? list[0].created : 0;
	store_escrow_free(&list, n);
	return got;
}

static int nothing_there(const struct seal *s, enum profile_secret which, struct err *e)
{
	const char *name = s->profile->pin[which].name;
	err_set(e, ERR_ESCROW, "there is no %s of token %s in escrow", name, s->id->serial);
	return err_next(e, "give it with %s, or take another token",
			which == PROFILE_PUK ? "--puk-file" : "--so-pin-file");
}

int seal_refused(const struct seal *s, int64_t id, const struct err *e)
{
	if (id != 0 && err_is_secret_refused(e))
		(void)s->port->escrow_withdraw(s->store, id, NULL);
	return -1;
}

int seal_exists(const struct seal *s, enum profile_secret which, bool *ret, struct err *e)
{
	struct store_escrow *list = NULL;
	size_t n = 0;
	int got = s->port->escrow_list(s->store, s->id, seal_kind(which), &list, &n, e);
	*ret = got == 0 && n != 0 && list[0].state != ESCROW_REPLACED;
	store_escrow_free(&list, n);
	return got;
}

int seal_find_first(const struct seal *s, bool *ret, struct store_token *ret_as, struct err *e)
{
	struct seal blank = *s;
	time_t since = 0;
	*ret_as = *s->id;
	if (seal_exists(s, PROFILE_SO_PIN, ret, e) != 0)
		return -1;
	if (*ret)
		return 0;
	ret_as->serial[0] = '\0';
	blank.id = ret_as;
	if (seal_pending(&blank, PROFILE_SO_PIN, &since, e) != 0)
		return -1;
	*ret = since != 0;
	if (!*ret)
		*ret_as = *s->id;
	return 0;
}

int seal_open(const struct seal *s, enum profile_secret which, struct recover *key, struct secret *ret,
	      int64_t *ret_pending, struct err *e)
{
	struct store_escrow *list = NULL;
	size_t n = 0;
	*ret_pending = 0;
	int got = s->port->escrow_list(s->store, s->id, seal_kind(which), &list, &n, e);
	if (got == 0 && (n == 0 || list[0].state == ESCROW_REPLACED))
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
