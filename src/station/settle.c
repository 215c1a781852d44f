/*
 * settle: the roster is told what has become of somebody whose enrollment has
 * ended without a token. Where that cannot be written now, on a full disk or
 * to a database that another program keeps locked, it is kept here and tried
 * again, whatever becomes of the place and its token meanwhile.
 */
#include "station/station_impl.h"

#include "core/clock.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 5000 /* each try may wait for the database */

struct unsettled {
	int64_t person;
	char user[65];
	struct store_token token;
	bool put_back;
	enum roster_state back_as;
	char back_why[200];
	struct err why, trouble; /* trouble: why it could not be written last */
};

/* Whether the journal has begun with this person on this token: then it is this token that has to come back. */
static bool is_half_done(const struct station *s, const struct unsettled *u)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	if (u->token.serial[0] == '\0' || store_find(s->set.store, u->user, &u->token, &found, &c, NULL) != 0)
		return false;
	store_credential_free(&c);
	return found;
}

/* The person has failed, by the roster, and is in no line. */
static int go_back(struct station *s, const struct unsettled *u, bool keeps, struct err *e)
{
	enum err_code code = u->why.code;
	/* one that broke off with a token that was no particular one yet was nobody's fault: the person is next again
	 */
	bool again = !keeps && (code == ERR_REMOVED || code == ERR_INTERRUPTED || code == ERR_BUSY);
	int ret = again ? store_roster_retry(s->set.store, u->person, e) : 0;
	if (ret == 0 && u->put_back)
		ret = store_roster_put_back(s->set.store, u->person, u->back_as, u->back_why, e);
	return ret;
}

static int tell_roster(struct station *s, struct unsettled *u)
{
	struct err e = ERR_INIT;
	bool keeps = is_half_done(s, u);
	u->trouble = (struct err)ERR_INIT;
	if (store_roster_failed(s->set.store, u->person, keeps, &u->why, &u->trouble) != 0)
		return -1;
	if (go_back(s, u, keeps, &e) != 0)
		station_tell(s, STATION_NOTE, NULL, e.what, &e);
	s->fresh = true;
	return 0;
}

static void keep(struct station *s, const struct unsettled *u)
{
	if (s->n_unsettled == 0)
		s->settle_at = clock_ms() + AGAIN_MS;
	s->unsettled = xrealloc(s->unsettled, s->n_unsettled + 1, sizeof *s->unsettled);
	s->unsettled[s->n_unsettled++] = *u;
}

void settle_failed(struct station *s, struct place *p, const struct err *why)
{
	struct unsettled u = {.person = p->person.id, .put_back = p->put_back, .back_as = p->back_as, .why = *why};
	memcpy(u.user, p->person.user, sizeof u.user);
	memcpy(u.back_why, p->back_why, sizeof u.back_why);
	station_token(p, &u.token);
	p->half_done = is_half_done(s, &u);
	p->begun = false;
	if (tell_roster(s, &u) != 0)
		keep(s, &u);
}

/* Its person could not be begun with. */
static void begin_again(struct station *s, int64_t person)
{
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		if (p->state != PLACE_REFUSED || p->why.code != ERR_BUSY || !p->has_person || p->person.id != person)
			continue;
		if (p->enroller != NULL)
			p->again = true;
		else
			place_clear(s, p);
	}
}

static void try_all(struct station *s)
{
	for (size_t i = s->n_unsettled; i-- > 0;) {
		struct unsettled *u = &s->unsettled[i];
		int64_t person = u->person;
		/* each more could wait as long, and nobody is served meanwhile */
		if (tell_roster(s, u) != 0)
			break;
		*u = s->unsettled[--s->n_unsettled];
		begin_again(s, person);
	}
	s->settle_at = clock_ms() + AGAIN_MS;
}

void settle_turn(struct station *s)
{
	if (s->n_unsettled != 0 && clock_ms() >= s->settle_at)
		try_all(s);
}

int settle_check(const struct station *s, const struct roster_person *q, struct err *e)
{
	for (size_t i = 0; i < s->n_unsettled; i++) {
		const struct unsettled *u = &s->unsettled[i];
		if (u->person != q->id)
			continue;
		err_set(e, ERR_BUSY,
			"that the last try with %s has failed could not be written to the database yet: %s", q->user,
			u->trouble.what);
		return err_next(e, "%s%sleave the token in: it goes on by itself when that is mended", u->trouble.next,
				u->trouble.next[0] != '\0' ? "; " : "");
	}
	return 0;
}

void settle_free(struct station *s)
{
	free(s->unsettled);
}
