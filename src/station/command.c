/*
 * command: what the operator wants, and what a view shows of the whole.
 */
#include "station/station_impl.h"

#include "core/clock.h"
#include "core/rpc.h"
#include "station/letters.h"
#include "station/teller.h"

#define OBEY_MS 2000 /* how long those have that are to end at once */

const struct place *station_places(const struct station *s, size_t *ret_n)
{
	*ret_n = s->n_places;
	return s->places;
}

const struct roster_counts *station_counts(const struct station *s)
{
	return &s->counts;
}

const struct err *station_trouble(const struct station *s)
{
	return s->has_trouble ? &s->trouble : NULL;
}

const struct err *station_letter_trouble(const struct station *s)
{
	return s->letter_why.code != ERR_NONE ? &s->letter_why : NULL;
}

bool station_is_stopping(const struct station *s)
{
	return s->stopping;
}

bool station_is_breaking_off(const struct station *s)
{
	return s->now;
}

const char *station_printing(const struct station *s)
{
	return s->printing != NULL ? s->printing_user : NULL;
}

bool station_is_telling(const struct station *s)
{
	return teller_is_busy(s);
}

bool station_published(const struct station *s)
{
	return s->published;
}

time_t station_since(const struct station *s)
{
	return s->since;
}

size_t station_busy(const struct station *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_places; i++)
		n += s->places[i].enroller != NULL;
	return n;
}

/* Of the time since the station was started: the pauses between two tokens are a part of the work. */
double station_per_hour(const struct station *s)
{
	int64_t ms = clock_ms() - s->began;
	return s->done < 2 || ms <= 0 ? -1 : (double)s->done * 3600000.0 / (double)ms;
}

int64_t station_time_left_s(const struct station *s)
{
	double rate = station_per_hour(s);
	return rate <= 0 ? -1 : (int64_t)((double)s->counts.left / rate * 3600.0);
}

int station_next(struct station *s, struct roster_person *ret, size_t n, size_t *ret_n, struct err *e)
{
	return store_roster_in_line(s->set.store, s->set.roster, ret, n, ret_n, e);
}

int station_search(struct station *s, const char *typed, struct roster_person *ret, size_t n, size_t *ret_n,
		   size_t *ret_all, struct err *e)
{
	return store_roster_search(s->set.store, s->set.roster, typed, ret, n, ret_n, ret_all, e);
}

bool station_picks(const struct station *s)
{
	return s->set.opt->pick;
}

bool place_was_finished(const struct place *p)
{
	return p->token.owner[0] != '\0' && (!p->token.unfinished || p->token.renewing);
}

/* What was to be done there, it is in no state for. */
static int not_now(struct err *e, const char *what, const struct place *p, const char *next)
{
	err_set(e, ERR_USAGE, "%s at '%s'", what, p->name);
	return err_next(e, "%s", next);
}

static struct place *get(struct station *s, size_t place, struct err *e)
{
	if (place < s->n_places)
		return &s->places[place];
	err_set(e, ERR_USAGE, "there is no reader %zu", place + 1);
	err_next(e, "choose one of those that are shown");
	return NULL;
}

int station_pick(struct station *s, size_t place, int64_t person, bool give_up, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	if (p->state != PLACE_PICK || p->stopping)
		return not_now(e, "no token waits for a person", p, "put one in that is nobody's yet");
	if (assign_person(s, p, person, give_up, e) != 0)
		return -1;
	serve_order(s, p);
	return 0;
}

int station_gives_up(const struct station *s, size_t place, int64_t person, bool *ret, char token[GIVEUP_TOKEN],
		     struct err *e)
{
	struct roster_person q = {.id = 0};
	bool found = false;
	*ret = false;
	if (store_roster_person(s->set.store, person, &found, &q, e) != 0)
		return -1;
	bool may = found && !q.withdrawn && q.state != ROSTER_DONE && q.state != ROSTER_RUNNING && place < s->n_places;
	int got = may ? giveup_find(s, &s->places[place], q.user, ret, token, e) : 0;
	roster_person_free(&q);
	return got;
}

int station_answer(struct station *s, size_t place, struct secret *pin, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	if (p->state != PLACE_ASKING || p->stopping)
		return not_now(e, "nobody waits for a PIN", p, "put the token in again, and it is asked for once more");
	p->state = PLACE_WORKING;
	serve_secret(p, pin);
	return 0;
}

/* Whoever was at this place may have got a token at another one since. */
static int line_up(struct station *s, const struct place *p, struct err *e)
{
	struct roster_person now = {.id = 0};
	bool found = false;
	if (store_roster_person(s->set.store, p->person.id, &found, &now, e) != 0)
		return -1;
	/* `tokenroll revoke` has ended what a lost token could not */
	bool undoing = found && roster_is_undoing(&now), over = undoing && undo_is_over(s, &now);
	bool waits =
	    found && (!undoing || over) && !now.withdrawn && now.state != ROSTER_DONE && now.state != ROSTER_RUNNING;
	/* one who has begun with this token keeps it */
	bool keeps = !over && now.reserved[0] != '\0' && now.state != ROSTER_HELD && now.state != ROSTER_SKIPPED;
	roster_person_free(&now);
	return waits && !keeps ? store_roster_retry(s->set.store, p->person.id, e) : 0;
}

int station_retry(struct station *s, size_t place, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	if (!place_is_red(p))
		return not_now(e, "nothing has failed", p, "leave the token in, or put one in");
	if (p->has_person && line_up(s, p, e) != 0)
		return -1;
	station_forget_wrong_pin(s, p->token.id);
	p->pin_trusted = p->pin_trusted || p->why.code == ERR_PIN_NEEDED || p->why.code == ERR_PIN_WRONG;
	s->fresh = true;
	if (p->enroller != NULL)
		p->again = true;
	else
		place_clear(s, p);
	return 0;
}

/* What is under way for the person is broken off first; if it comes to its end all the same, they are done. */
static int put_back(struct station *s, size_t place, enum roster_state st, const char *why, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	if (!p->has_person || p->state == PLACE_DONE || p->undoing || p->may_pull)
		return not_now(e, "nobody who could be put back is", p,
			       "take back what is done with undo, while the token is in");
	if (settle_check(s, &p->person, e) != 0)
		return -1;
	/* of one that has failed the roster is told already, also while its enroller is still ending */
	if (!p->begun && store_roster_put_back(s->set.store, p->person.id, st, why, e) != 0)
		return -1;
	p->put_back = s->fresh = true;
	p->back_as = st;
	snprintf(p->back_why, sizeof p->back_why, "%s", why);
	if (p->begun)
		place_stop(p);
	return 0;
}

int station_skip(struct station *s, size_t place, struct err *e)
{
	return put_back(s, place, ROSTER_SKIPPED, "", e);
}

int station_hold(struct station *s, size_t place, const char *why, struct err *e)
{
	return put_back(s, place, ROSTER_HELD, why, e);
}

/* What is being taken back has to be seen to its end. */
static int check_hold(struct station *s, const struct roster_person *q, struct err *e)
{
	if (q->state == ROSTER_DONE)
		return err_set(e, ERR_USAGE, "%s has token %s by now, and is not held", q->user, q->token.serial);
	if (q->withdrawn)
		return err_set(e, ERR_USAGE, "%s is not on the roster any more", q->user);
	if (roster_is_undoing(q) && !undo_is_over(s, q))
		return err_set(e, ERR_USAGE, "what was made for %s is still being taken back", q->user);
	if (settle_check(s, q, e) != 0)
		return -1;
	if (q->state == ROSTER_RUNNING)
		return err_set(e, ERR_USAGE, "%s's token in '%s' is all but finished, and is not broken off", q->user,
			       q->reader);
	return 0;
}

int station_hold_person(struct station *s, int64_t person, const char *why, struct err *e)
{
	struct roster_person q = {.id = 0};
	bool found = false;
	if (store_roster_person(s->set.store, person, &found, &q, e) != 0)
		return -1;
	int ret = found ? check_hold(s, &q, e) : err_set(e, ERR_USAGE, "there is no such person on the roster");
	if (ret == 0)
		ret = store_roster_put_back(s->set.store, person, ROSTER_HELD, why, e);
	s->fresh = true;
	roster_person_free(&q);
	return ret;
}

static int refuse_older(const struct place *p, struct err *e)
{
	err_set(e, ERR_USAGE, "what %s has on token %s was there before, and is not undone here", p->person.user,
		p->token.id);
	return err_next(e, "`tokenroll wipe --serial %s` empties it, and revokes the certificate", p->token.id);
}

int station_undo(struct station *s, size_t place, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	bool undone = p->state == PLACE_DONE || (p->undoing && place_is_red(p));
	if (!undone || p->enroller != NULL || !p->card)
		return not_now(e, "there is no token that was just done", p,
			       "`tokenroll wipe` empties one that was done before, and revokes the certificate");
	if (!p->undoing && place_was_finished(p))
		return refuse_older(p, e);
	return place_undo(s, p, e);
}

int station_reprint(struct station *s, size_t place, struct err *e)
{
	struct place *p = get(s, place, e);
	if (p == NULL)
		return -1;
	if (p->state != PLACE_DONE)
		return not_now(e, "nobody was done whose letter could be printed again", p,
			       "print it while the token that it is about is in");
	return letters_reprint(s, p, e);
}

void station_stop(struct station *s, bool now)
{
	s->stopping = true;
	s->now = s->now || now;
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		bool looks = p->state == PLACE_LOOKING && !p->undoing;
		bool waits = p->state == PLACE_PICK || p->state == PLACE_ASKING || looks;
		p->again = false;
		if (s->now || waits)
			place_stop(p);
	}
	station_tell(s, STATION_STOPS, NULL,
		     s->now ? "what is under way is broken off, and can be gone on with later"
			    : "what is under way is finished",
		     NULL);
}

/* Asked twice an enroller kills its worker, and can still say how far it came. */
static void stop_at_once(struct station *s)
{
	s->kill_at = clock_ms() + OBEY_MS;
	for (size_t i = 0; i < s->n_places; i++) {
		if (s->places[i].enroller != NULL)
			rpc_peer_interrupt(s->places[i].enroller);
	}
	station_tell(s, STATION_STOPS, NULL, "what is under way is ended at once, and can be gone on with later", NULL);
}

void station_stop_more(struct station *s)
{
	if (s->ending)
		s->hurried = true;
	else if (!s->now)
		station_stop(s, s->stopping);
	else if (s->kill_at == 0)
		stop_at_once(s);
}
