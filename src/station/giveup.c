/*
 * giveup: somebody whose token has died half way gets another one. The operator
 * says so; from when the new token has its plan the journal says it, too: of two
 * tokens on which one person's enrollment is under way, the one that was begun
 * later counts. The enrollment on the other one ends as `enroll --replace` ends
 * it.
 */
#include "station/station_impl.h"

#include "core/xalloc.h"
#include "store/history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* until: how long a certificate of this person is valid, 0 if none is. What was begun to replace one in use is not
 * given up here: that one would be revoked, too, and only --replace means that. */
bool giveup_is_half_done(const struct station *s, const struct store_credential *c, time_t until)
{
	if (c->way != CRED_WAY_ENROLL || c->state >= CRED_DELIVERED)
		return false;
	return c->state < CRED_ISSUED ? until == 0 || s->set.opt->replace : c->not_after > time(NULL);
}

int giveup_find(const struct station *s, const struct place *p, const char *user, bool *ret, char token[GIVEUP_TOKEN],
		struct err *e)
{
	struct store_credential c = {.id = 0};
	struct store_token t;
	bool found = false;
	time_t until = 0;
	*ret = false;
	station_token(p, &t);
	if (store_certified(s->set.store, user, time(NULL), &until, e) != 0 ||
	    store_find_elsewhere(s->set.store, user, &t, &found, &c, e) != 0)
		return -1;
	*ret = found && giveup_is_half_done(s, &c, until);
	snprintf(token, GIVEUP_TOKEN, "%s", c.token.serial);
	store_credential_free(&c);
	return 0;
}

static int refuse_given_up(const struct place *p, const struct store_credential *other, struct err *e)
{
	err_set(e, ERR_TOKEN_TAKEN, "token %s was given up: %s is being enrolled on token %s, and that is not finished",
		p->token.id, p->person.user, other->token.serial);
	return err_next(
	    e,
	    "put that token in; when it is done, this one is nobody's; if that one is lost or dead too, run "
	    "`tokenroll enroll %s --replace` with another one",
	    p->person.user);
}

/* The person has begun with this token. */
int giveup_resume(struct station *s, struct place *p, struct err *e)
{
	struct store_credential own = {.id = 0}, other = {.id = 0};
	struct store_token t;
	bool found = false, elsewhere = false;
	station_token(p, &t);
	int ret = store_find(s->set.store, p->person.user, &t, &found, &own, e);
	if (ret == 0)
		ret = store_find_elsewhere(s->set.store, p->person.user, &t, &elsewhere, &other, e);
	bool both = found && elsewhere && own.way == CRED_WAY_ENROLL && other.way == CRED_WAY_ENROLL &&
		    own.state < CRED_DELIVERED && other.state < CRED_DELIVERED;
	if (ret == 0 && both && other.id > own.id)
		ret = refuse_given_up(p, &other, e);
	p->gives_up = both && other.id < own.id;
	store_credential_free(&own);
	store_credential_free(&other);
	return ret;
}

/* Its key goes from it when a new one is proven. */
void giveup_tell_left(struct station *s, struct place *p)
{
	struct store_credential c = {.id = 0};
	struct store_token t;
	bool found = false;
	station_token(p, &t);
	if (place_has_owner(p) || p->token.id[0] == '\0' ||
	    store_find_leftover(s->set.store, &t, 0, &found, &c, NULL) != 0 || !found)
		return;
	char *text =
	    xasprintf("this token has what is left of an enrollment of %s that has ended: it is nobody's, and that is "
		      "deleted when the new key is proven",
		      c.user);
	station_tell(s, STATION_NOTE, p, text, NULL);
	free(text);
	store_credential_free(&c);
}

bool giveup_is_meant(const struct station *s, int64_t person)
{
	for (size_t i = 0; i < s->n_giving_up; i++) {
		if (s->giving_up[i] == person)
			return true;
	}
	return false;
}

static int check_place(const struct station *s, const struct place *p, struct err *e)
{
	const char *user = p->person.user;
	if (p->state != PLACE_FAILED || !p->half_done || !p->has_person || p->enroller != NULL) {
		err_set(e, ERR_USAGE, "nobody is half done at '%s'", p->name);
		return err_next(e, "put in the next token");
	}
	if (s->set.opt->pick) {
		err_set(e, ERR_USAGE, "put in another token first");
		return err_next(e, "Enter, and type %s where it asks whose it is", user);
	}
	if (p->person.wanted[0] != '\0') {
		err_set(e, ERR_TOKEN_TAKEN, "the roster has token %s for %s", p->person.wanted, user);
		return err_next(e, "take it out of %s's line, and start the station again with --pick", user);
	}
	return 0;
}

/* A line may be older than what has become of its person elsewhere. */
static int check_state(const struct station *s, const struct roster_person *p, struct err *e)
{
	struct roster_person now = {.id = 0};
	bool found = false;
	if (store_roster_person(s->set.store, p->id, &found, &now, e) != 0)
		return -1;
	bool over = !found || now.state == ROSTER_DONE || now.state == ROSTER_RUNNING;
	roster_person_free(&now);
	if (!over)
		return 0;
	err_set(e, ERR_USAGE, "%s is not half done any more", p->user);
	return err_next(e, "`tokenroll show %s` says which token is theirs", p->user);
}

int station_give_up(struct station *s, size_t place, struct err *e)
{
	if (place >= s->n_places) {
		err_set(e, ERR_USAGE, "there is no reader %zu", place + 1);
		return err_next(e, "choose one of those that are shown");
	}
	struct place *p = &s->places[place];
	if (check_place(s, p, e) != 0 || settle_check(s, &p->person, e) != 0 || check_state(s, &p->person, e) != 0 ||
	    store_roster_retry(s->set.store, p->person.id, e) != 0)
		return -1;
	s->giving_up = xrealloc(s->giving_up, s->n_giving_up + 1, sizeof *s->giving_up);
	s->giving_up[s->n_giving_up++] = p->person.id;
	s->fresh = true;
	p->half_done = false;
	/* one that is still in is not to be begun with again */
	if (!p->card)
		place_clear(s, p);
	return 0;
}

static bool is_of_token(enum err_code code)
{
	return code == ERR_REMOVED || code == ERR_TOKEN_FAILED || code == ERR_NO_TOKEN || code == ERR_PIN_LOCKED ||
	       code == ERR_PIN_WRONG || code == ERR_TOKEN_FULL || code == ERR_MODULE || code == ERR_PROOF ||
	       code == ERR_KEY_GONE;
}

/* What was made is to be taken back from the token that is gone. */
static const char *undo_way(const struct station *s)
{
	if (!s->set.view->can_ask)
		return "and choose the person for another one with --pick";
	return s->set.opt->pick ? "put in another one, Enter, and type the name" : "then r: the next token is theirs";
}

void giveup_advise(const struct station *s, struct place *p)
{
	char before[sizeof p->why.next];
	const char *user = p->person.user;
	bool removed = p->why.code == ERR_REMOVED || (!p->card && p->why.code == ERR_INTERRUPTED);
	if (!is_of_token(p->why.code) && !removed)
		return;
	snprintf(before, sizeof before, "%s",
		 removed ? "put the same token in again: it goes on where it stopped" : err_advice(&p->why));
	const char *then = before[0] != '\0' ? "; " : "";
	if (p->undoing)
		err_next(&p->why, "%s%sif it is lost or dead, run `tokenroll revoke %s`, %s", before, then, user,
			 undo_way(s));
	else if (s->set.view->can_ask && s->set.opt->pick)
		err_next(&p->why, "%s%sif it is lost or dead, put in another one, Enter, and type %s", before, then,
			 user);
	else if (s->set.view->can_ask && p->person.wanted[0] == '\0')
		err_next(&p->why, "%s%sif it is lost or dead, n gives it up: the next token is %s's", before, then,
			 user);
	else
		err_next(&p->why,
			 "%s%sif it is lost or dead, put in another one, and run `tokenroll enroll %s --replace`",
			 before, then, user);
}

void giveup_advise_free(struct place *p)
{
	if (!p->has_person)
		err_next(&p->why, "put it in again, or another one");
	else if (p->person.wanted[0] != '\0')
		err_next(&p->why, "put it in again: the roster has it for %s", p->person.user);
	else
		err_next(&p->why, "put it in again, or another one: nothing was begun on it, and %s is next in line",
			 p->person.user);
}
