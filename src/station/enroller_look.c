/*
 * enroller_look: which token is at the place, whose it is, and what else is on
 * it, before the station says who gets it. Needs no PIN.
 */
#include "station/enroller.h"

#include "enroll/same.h"
#include "life/life.h"

#include <string.h>

static int no_secret(void *arg, enum life_ask what, const struct worker_token *t, const struct profile *p,
		     const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	(void)arg;
	(void)what;
	(void)t;
	(void)p;
	(void)limits;
	(void)ret;
	return err_set(e, ERR_SECRET_NEEDED, "looking at a token asks for nothing");
}

static void no_note(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* The CKA_ID that the owner's unfinished enrollment was about to use: a key that has it was made by a run that was cut
 * off before it could write down more. */
static int find_begun(struct life *l, const struct store_token *id, struct blob *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	int got = l->ports->store.find_by_token(l->store, id, &found, &c, e);
	if (got == 0 && found && c.state < CRED_KEYED)
		blob_set(ret, c.cka_id.data, c.cka_id.len);
	store_credential_free(&c);
	return got;
}

/* A key or certificate that somebody else put on it; not what its maker did. */
static void count_foreign(const struct life_seen *s, const struct blob *begun, struct desk_token *ret)
{
	for (size_t i = 0; i < s->n_objects; i++) {
		const struct p11_listed *o = &s->objects[i];
		if (s->ours[i] || o->nobodys || (begun->len != 0 && blob_equal(&o->id, begun)))
			continue;
		if (ret->foreign++ == 0)
			snprintf(ret->foreign_label, sizeof ret->foreign_label, "%s", o->label);
	}
}

static int take(struct life *l, const struct life_seen *s, struct desk_token *ret, struct err *e)
{
	struct blob begun = BLOB_INIT;
	struct store_token id;
	same_identify(&s->token, s->profile, &id);
	*ret = (struct desk_token){.token = s->token,
				   .unfinished = s->owner[0] != '\0' && (s->state < CRED_DELIVERED || s->renewing),
				   .renewing = s->renewing,
				   .not_after = s->not_after,
				   .lost = s->lost,
				   .pin_tries = s->pins[PROFILE_PIN].tries};
	snprintf(ret->id, sizeof ret->id, "%s", id.serial);
	snprintf(ret->owner, sizeof ret->owner, "%s", s->owner);
	int got = find_begun(l, &id, &begun, e);
	if (got == 0 && s->ours != NULL)
		count_foreign(s, &begun, ret);
	blob_free(&begun);
	return got;
}

static int nothing_there(const struct enroller *n, const struct life_seen_all *all, struct err *e)
{
	const char *where = n->task.reader[0] != '\0' ? n->task.reader : n->task.serial;
	for (size_t i = 0; i < all->n_readers; i++) {
		if (all->troubles[i] == NULL || strcmp(all->readers[i].name, where) != 0)
			continue;
		if (e != NULL)
			*e = *all->troubles[i];
		return -1;
	}
	if (all->no_modules.code != ERR_NONE) {
		if (e != NULL)
			*e = all->no_modules;
		return -1;
	}
	err_set(e, ERR_NO_TOKEN, "no module shows a token in '%s'", where);
	return err_next(e, "put it in the other way round, or another one; `tokenroll tokens` says what is in there");
}

static bool is_unknown(const struct life_seen *s)
{
	return (s->token.flags & (WORKER_TOKEN_UNKNOWN | WORKER_TOKEN_UNREADABLE)) != 0;
}

static bool is_at_place(const struct enroller *n, const struct life_seen *s)
{
	const struct desk_task *t = &n->task;
	return !is_unknown(s) && (t->reader[0] == '\0' || strcmp(t->reader, s->token.reader) == 0) &&
	       (t->serial[0] == '\0' || strcmp(t->serial, s->token.serial) == 0);
}

static int take_found(struct life *l, const struct life_seen *s, struct desk_token *ret, struct err *e)
{
	if (s->trouble.code == ERR_NONE)
		return take(l, s, ret, e);
	if (e != NULL)
		*e = s->trouble;
	return -1;
}

int enroller_look(struct enroller *n, struct err *e)
{
	const struct desk_task *t = &n->task;
	const struct life_options opt = {.reader = enroller_given(t->reader),
					 .serial = enroller_given(t->serial),
					 .module = enroller_given(t->module),
					 .verbose = t->verbose};
	const struct life_ui ui = {.secret = no_secret, .note = no_note};
	struct life life = {.ports = &enroll_ports_real, .cfg = n->cfg, .opt = &opt, .ui = &ui};
	struct life_seen_all all;
	const struct life_seen *found = NULL;
	int ret = life_look(&life, &all, e);
	for (size_t i = 0; ret == 0 && found == NULL && i < all.n; i++)
		found = is_at_place(n, &all.list[i]) ? &all.list[i] : NULL;
	if (ret == 0)
		ret = found != NULL ? take_found(&life, found, &n->seen, e) : nothing_there(n, &all, e);
	life_seen_free(&all);
	life_close(&life);
	return ret;
}
