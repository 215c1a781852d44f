#include "core/xalloc.h"
#include "enroll/same.h"
#include "enroll/seal.h"
#include "life/life.h"
#include "life/objects.h"

#include <stdlib.h>
#include <string.h>

/* Until a renewal or rekeying is proven, the one that it takes over from is what its owner connects with. */
static int read_renewed(struct life *l, const struct store_credential *c, struct life_seen *ret, struct err *e)
{
	struct store_credential old = {.id = 0};
	bool found = false, takes_over = c->way == CRED_WAY_RENEW || c->way == CRED_WAY_REKEY;
	if (!takes_over || c->state >= CRED_DELIVERED)
		return 0;
	ret->renewing = true;
	ret->renewal = c->state;
	ret->renewal_way = c->way;
	int got = c->state < CRED_PROVEN ? l->ports->store.find_id(l->store, c->replaces, &found, &old, e) : 0;
	if (got == 0 && found && old.state < CRED_REVOKED) {
		ret->state = old.state;
		ret->not_after = old.not_after;
	}
	store_credential_free(&old);
	return got;
}

static int read_owner(struct life *l, const struct store_token *id, struct life_seen *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	int got = l->ports->store.find_by_token(l->store, id, &found, &c, e);
	if (got == 0 && found) {
		memcpy(ret->owner, c.user, sizeof ret->owner);
		ret->state = c.state;
		ret->not_after = c.not_after;
		got = read_renewed(l, &c, ret, e);
	}
	store_credential_free(&c);
	return got == 0 ? l->ports->store.token_lost(l->store, id, &ret->lost, e) : got;
}

static int read_token(struct life *l, const struct enroll_candidate *c, const struct store_token *id,
		      struct life_seen *ret, struct err *e)
{
	const struct enroll_token_port *token = &l->ports->token;
	token->know(c->worker, (c->token.flags & WORKER_TOKEN_IN_HARDWARE) != 0 ? c->token.reader : NULL, c->profile);
	if (token->pins(c->worker, &c->token, false, ret->pins, e) != 0)
		return -1;
	if (ret->pins[PROFILE_PIN].unset)
		ret->token.flags &= ~(unsigned)WORKER_TOKEN_INITIALIZED;
	if ((ret->token.flags & WORKER_TOKEN_INITIALIZED) == 0)
		return 0;
	return token->open(c->worker, &c->token, NULL, e) != 0
		   ? -1
		   : life_list_objects(l, id, c->worker, &ret->objects, &ret->n_objects, e);
}

static int mark_ours(struct life *l, const struct store_token *id, struct life_seen *s, struct err *e)
{
	s->ours = xcalloc(s->n_objects, sizeof *s->ours);
	for (size_t i = 0; i < s->n_objects; i++) {
		if (life_is_ours(l, id, &s->objects[i], &s->ours[i], e) != 0)
			return -1;
	}
	return 0;
}

/* What is in escrow for it and was never confirmed, after that is settled which the token tells. */
static int look_into_escrow(struct life *l, const struct store_token *id, struct life_seen *s, struct err *e)
{
	const struct seal seal = {.port = &l->ports->store, .store = l->store, .id = id, .profile = s->profile};
	if (seal_settle(&seal, s->pins, e) != 0)
		return -1;
	return seal_pending(&seal, PROFILE_SO_PIN, &s->pending[PROFILE_SO_PIN], e) != 0
		   ? -1
		   : seal_pending(&seal, PROFILE_PUK, &s->pending[PROFILE_PUK], e);
}

/* What cannot be found out of one token is told with it; the others are looked at all the same. */
static int look_at(struct life *l, const struct enroll_candidate *c, struct life_seen *ret, struct err *e)
{
	struct store_token id;
	*ret = (struct life_seen){.token = c->token, .module = c->module, .profile = c->profile};
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++)
		ret->pins[i].tries = -1;
	if ((c->token.flags & (WORKER_TOKEN_UNREADABLE | WORKER_TOKEN_UNKNOWN)) != 0)
		return 0;
	same_identify(&c->token, c->profile, &id);
	bool read = read_token(l, c, &id, ret, &ret->trouble) == 0;
	if (look_into_escrow(l, &id, ret, e) != 0)
		return -1;
	if (!read)
		return read_owner(l, &id, ret, e);
	return read_owner(l, &id, ret, e) != 0 ? -1 : mark_ours(l, &id, ret, e);
}

static void note_no_modules(struct life *l, const struct err *why)
{
	const struct err *unused;
	const char *name = discover_failed(l->discovery, &unused);
	char text[1200];
	snprintf(text, sizeof text, "module %s could not be used: %s", name != NULL ? name : "of the token", why->what);
	l->ui->note(l->ui->arg, text);
}

int life_look(struct life *l, struct life_seen_all *ret, struct err *e)
{
	struct enroll_candidate *list = NULL;
	size_t n = 0;
	memset(ret, 0, sizeof *ret);
	if (life_start(l, e) != 0)
		return -1;
	/* no module works: the readers may still tell why */
	if (discover_end(l->discovery, &list, &n, &ret->no_modules) != 0)
		note_no_modules(l, &ret->no_modules);
	ret->readers = discover_readers(l->discovery, &ret->n_readers, &ret->no_readers);
	ret->troubles = xcalloc(ret->n_readers, sizeof(struct err *));
	for (size_t i = 0; i < ret->n_readers; i++)
		ret->troubles[i] = discover_trouble(l->discovery, ret->readers[i].name);
	ret->profiles = discover_profiles(l->discovery);
	ret->list = xcalloc(n, sizeof *ret->list);
	for (size_t i = 0; i < n; i++) {
		if (!same_is_called(&list[i].token, l->opt->serial, NULL, NULL))
			continue;
		if (look_at(l, &list[i], &ret->list[ret->n++], e) != 0)
			return -1;
	}
	return 0;
}

void life_seen_free(struct life_seen_all *s)
{
	for (size_t i = 0; i < s->n; i++) {
		p11_listed_free(&s->list[i].objects, s->list[i].n_objects);
		free(s->list[i].ours);
	}
	free(s->list);
	free(s->troubles);
	s->list = NULL;
	s->troubles = NULL;
	s->n = 0;
}
