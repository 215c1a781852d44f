/*
 * assign: whose a token becomes. A token that is in use, was somebody else's,
 * or would have to be treated with care stays as it is, and the others go on.
 */
#include "station/station_impl.h"

#include "core/day.h"
#include "store/history.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define SKIPPED_AT_ONCE 100 /* the other readers wait meanwhile */

static const char *name_of(const struct desk_token *t)
{
	return t->id[0] != '\0' ? t->id : "without a serial number";
}

static bool is_this(const struct place *p, const char *serial)
{
	return serial[0] != '\0' && strcasecmp(serial, p->token.id) == 0;
}

static int refuse_owner(const struct place *p, struct err *e)
{
	const struct desk_token *t = &p->token;
	char day[DAY_SIZE] = "";
	if (t->not_after != 0)
		day_format(day, t->not_after);
	err_set(e, ERR_TOKEN_TAKEN, "token %s is %s's%s%s%s", name_of(t), t->owner,
		t->unfinished ? ", whose enrollment is not finished" : "", day[0] != '\0' ? ", valid until " : "", day);
	return err_next(e, "pull it out; `tokenroll show %s` tells more, `tokenroll wipe --serial %s` frees it",
			t->owner, t->id);
}

/* The token is that person's, or the roster names it for them. */
static int refuse_done(const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	bool had = is_this(p, q->token.serial);
	if (place_is_theirs(p) && !had)
		return refuse_owner(p, e);
	if (place_is_theirs(p)) {
		err_set(e, ERR_TOKEN_TAKEN, "token %s is done: it is %s's", name_of(&p->token), q->user);
		return err_next(e, "pull it out, and put in the next one");
	}
	if (had)
		err_set(e, ERR_TOKEN_TAKEN, "token %s was done for %s, and is not %s's any more", name_of(&p->token),
			q->user, q->user);
	else
		err_set(e, ERR_TOKEN_TAKEN, "the roster has token %s for %s, who has token %s already",
			name_of(&p->token), q->user, q->token.serial);
	return err_next(e,
			"`tokenroll %s%s` gives it to %s; for others, take it out of %s's line and start the station "
			"again",
			q->user, had ? "" : " --replace", q->user, q->user);
}

static int refuse_person(const struct station *s, const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	switch (q->state) {
	case ROSTER_DONE:
		return refuse_done(p, e);
	case ROSTER_RUNNING:
		if (settle_check(s, q, e) != 0)
			return -1;
		err_set(e, ERR_BUSY, "%s, to whom token %s belongs, is being enrolled at another reader", q->user,
			name_of(&p->token));
		return err_next(e, "pull it out until that is done");
	case ROSTER_SKIPPED:
		err_set(e, ERR_TOKEN_TAKEN, "token %s is for %s, who is skipped", name_of(&p->token), q->user);
		return err_next(e, "retry lets %s go on", q->user);
	case ROSTER_HELD:
		err_set(e, ERR_TOKEN_TAKEN, "token %s is for %s, who is held: %s", name_of(&p->token), q->user,
			q->why[0] != '\0' ? q->why : "no reason was given");
		return err_next(e, "retry lets %s go on", q->user);
	default:
		err_set(e, ERR_TOKEN_TAKEN, "token %s is for %s, who is not on the roster any more", name_of(&p->token),
			q->user);
		return err_next(e, "pull it out, or put %s on the roster and start the station again", q->user);
	}
}

/* That token has to be emptied first. */
static int refuse_undoing(const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	err_set(e, ERR_TOKEN_TAKEN, "what was made for %s on token %s is being taken back, and that is not over",
		q->user, q->token.serial);
	return err_next(e,
			"put that token in, and it goes on; if it is gone, run `tokenroll revoke %s`, and choose the "
			"person with --pick",
			q->user);
}

static int check_lost(const struct desk_token *t, struct err *e)
{
	char day[DAY_SIZE] = "";
	if (t->lost == 0)
		return 0;
	day_format(day, t->lost);
	err_set(e, ERR_TOKEN_LOST, "token %s is reported lost since %s", name_of(t), day);
	return err_next(e, "`tokenroll found --serial %s` takes it back into stock", t->id);
}

int assign_check(const struct station *s, const struct place *p, struct err *e)
{
	const struct desk_token *t = &p->token;
	if (check_lost(t, e) != 0)
		return -1;
	if ((t->token.flags & WORKER_TOKEN_PIN_LOCKED) != 0) {
		err_set(e, ERR_PIN_LOCKED, "the PIN of token %s is locked", name_of(t));
		return err_next(e, "`tokenroll unblock --serial %s` gives it a new one; then put it in again", t->id);
	}
	if ((t->token.flags & WORKER_TOKEN_PIN_LAST_TRY) != 0 || t->pin_tries == 1) {
		err_set(e, ERR_PIN_LAST_TRY, "token %s has one PIN try left, which the station does not spend",
			name_of(t));
		return err_next(e, "`tokenroll unblock --serial %s` gives it a new PIN; then put it in again", t->id);
	}
	if (station_pin_was_wrong(s, t->id)) {
		err_set(e, ERR_PIN_WRONG, "token %s has refused its PIN, which is not sent again by itself",
			name_of(t));
		return err_next(e, "retry sends it once more; `tokenroll unblock --serial %s` gives it a new one",
				t->id);
	}
	if (pins_check(s, p, e) != 0)
		return -1;
	if ((t->token.flags & WORKER_TOKEN_READ_ONLY) != 0)
		return err_set(e, ERR_TOKEN_READ_ONLY, "token %s is write-protected", name_of(t));
	if (t->foreign != 0 && !s->set.opt->allow_foreign) {
		err_set(e, ERR_FOREIGN, "token %s holds %u object%s that tokenroll did not make%s%s%s", name_of(t),
			(unsigned)t->foreign, t->foreign == 1 ? "" : "s", t->foreign_label[0] != '\0' ? ", \"" : "",
			t->foreign_label, t->foreign_label[0] != '\0' ? "\"" : "");
		return err_next(e,
				"take another one; with --allow-foreign the station puts ours beside them and leaves "
				"them alone");
	}
	return 0;
}

static int refuse_begun(const struct store_credential *c, struct err *e)
{
	err_set(e, ERR_NAME_TAKEN, "an enrollment of %s was begun on token %s and is not finished", c->user,
		c->token.serial);
	return err_next(e,
			"put that token in; if it is lost or dead, put in another one, and run `tokenroll enroll %s "
			"--replace`",
			c->user);
}

static int refuse_certified(const char *user, const char *serial, time_t until, struct err *e)
{
	char day[DAY_SIZE];
	day_format(day, until);
	err_set(e, ERR_NAME_TAKEN, "%s has a valid certificate%s%s, until %s", user,
		serial[0] != '\0' ? " on token " : "", serial, day);
	return err_next(e,
			"`tokenroll revoke %s` ends it, if %s is to get another token here; --replace does that for "
			"everybody, when the new one is made",
			user, user);
}

/* Whether this person has another token, or has begun with one: that is given up by nothing but a word for it. */
static int check_elsewhere(const struct station *s, const struct place *p, struct err *e)
{
	const char *user = p->person.user;
	struct store_credential c = {.id = 0};
	struct store_token t;
	bool found = false;
	time_t now = time(NULL), until = 0;
	if (place_is_theirs(p))
		return 0;
	station_token(p, &t);
	if (store_certified(s->set.store, user, now, &until, e) != 0 ||
	    store_find_elsewhere(s->set.store, user, &t, &found, &c, e) != 0)
		return -1;
	int ret = 0;
	if (found && giveup_is_half_done(s, &c, until))
		ret = p->gives_up ? 0 : refuse_begun(&c, e);
	else if (found && (c.state < CRED_ISSUED || (c.state < CRED_PROVEN && c.not_after > now)))
		ret = refuse_begun(&c, e);
	else if (until != 0 && !s->set.opt->replace)
		ret = refuse_certified(user, found ? c.token.serial : "", until, e);
	store_credential_free(&c);
	return ret;
}

/* What cannot be read is told by whoever begins. */
static bool has_another(const struct station *s, const struct place *p)
{
	struct err why = ERR_INIT;
	return check_elsewhere(s, p, &why) != 0 && why.code == ERR_NAME_TAKEN;
}

/* Whether the token is for the person that the roster knows with it. Who only tried it is tried once more, but not
 * where that cannot end well or the operator wants it otherwise; and one that was emptied since is anybody's. */
static bool is_for(const struct station *s, const struct place *p)
{
	const struct roster_person *q = &p->person;
	if (place_is_theirs(p) || roster_is_undoing(q))
		return true;
	if (q->withdrawn)
		return false;
	if (q->state == ROSTER_RUNNING || is_this(p, q->wanted))
		return true;
	if (q->state == ROSTER_DONE)
		return false;
	if (is_this(p, q->reserved))
		return !has_another(s, p);
	return (q->state == ROSTER_WAITING || q->state == ROSTER_FAILED) && (q->front || !s->set.opt->pick) &&
	       check_elsewhere(s, p, NULL) == 0;
}

static int find_by_token(struct station *s, struct place *p, bool *ret_found, struct err *e)
{
	if (p->token.id[0] == '\0')
		return 0;
	if (store_roster_by_token(s->set.store, s->set.roster, p->token.id, ret_found, &p->person, e) != 0)
		return -1;
	if (!*ret_found || is_for(s, p))
		return 0;
	roster_person_free(&p->person);
	*ret_found = false;
	return 0;
}

/* A person found by their token, or the owner that the inventory knows. */
int assign_find(struct station *s, struct place *p, bool *ret_found, struct err *e)
{
	size_t n = 0, all = 0;
	struct roster_person found = {.id = 0};
	*ret_found = false;
	if (find_by_token(s, p, ret_found, e) != 0)
		return -1;
	if (*ret_found || !place_has_owner(p))
		return 0;
	if (store_roster_search(s->set.store, s->set.roster, p->token.owner, &found, 1, &n, &all, e) != 0)
		return -1;
	if (n == 1 && all == 1 && strcmp(found.user, p->token.owner) == 0) {
		p->person = found;
		*ret_found = true;
		return 0;
	}
	roster_person_free(&found);
	return 0;
}

static int nobody_left(const struct station *s, struct err *e)
{
	struct roster_counts c;
	/* those that are shown may be older */
	if (store_roster_count(s->set.store, s->set.roster, &c, e) != 0)
		return -1;
	if (c.left == 0) {
		err_set(e, ERR_NO_TOKEN, "everybody on the roster has a token");
		return err_next(e, "pull it out");
	}
	err_set(
	    e, ERR_NO_TOKEN,
	    "nobody is in line for just any token: %lld of those left are at work, held, skipped or failed, or wait "
	    "for tokens of their own",
	    (long long)c.left);
	return err_next(e, "pull it out; retry puts somebody who has failed in line again");
}

/* One who has begun with this token goes on with it. */
static int check_wanted(const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	if (q->wanted[0] == '\0' || is_this(p, q->wanted) || (place_is_theirs(p) && p->token.unfinished))
		return 0;
	if (!place_is_theirs(p)) {
		err_set(e, ERR_TOKEN_TAKEN, "the roster has token %s for %s, not %s", q->wanted, q->user,
			name_of(&p->token));
		return err_next(e, "put that one in");
	}
	err_set(e, ERR_TOKEN_TAKEN, "token %s is %s's, but the roster has token %s for %s", name_of(&p->token), q->user,
		q->wanted, q->user);
	return err_next(
	    e,
	    "to keep this one, take the other out of %s's line and start the station again; else `tokenroll "
	    "revoke %s`, and put the other in",
	    q->user, q->user);
}

static int begin(struct station *s, struct place *p, struct err *e)
{
	struct store_token id;
	if (place_has_owner(p) && !place_is_theirs(p))
		return refuse_owner(p, e);
	if (check_wanted(p, e) != 0 || check_elsewhere(s, p, e) != 0)
		return -1;
	if (place_is_theirs(p) && giveup_resume(s, p, e) != 0)
		return -1;
	station_token(p, &id);
	if (store_roster_begin(s->set.store, p->person.id, &id, p->name, e) != 0)
		return -1;
	p->has_person = p->begun = true;
	s->fresh = true;
	return 0;
}

static void tell_skipped(struct station *s, struct place *p, const struct err *why)
{
	char text[900];
	snprintf(text, sizeof text, "%s is skipped in this run: %s; %s", p->person.user, why->what, why->next);
	station_tell(s, STATION_NOTE, p, text, NULL);
}

/* Not in this run: the next one asks anew. */
static int skip_next(struct station *s, struct place *p, const struct err *why, struct err *e)
{
	if (store_roster_put_back(s->set.store, p->person.id, ROSTER_SKIPPED, why->what, e) != 0)
		return -1;
	tell_skipped(s, p, why);
	roster_person_free(&p->person);
	s->fresh = true;
	return 0;
}

static bool is_in_journal(const struct station *s, const struct place *p)
{
	struct store_credential c = {.id = 0};
	struct store_token t;
	bool found = false;
	station_token(p, &t);
	if (store_find(s->set.store, p->person.user, &t, &found, &c, NULL) != 0)
		return true;
	store_credential_free(&c);
	return found;
}

bool assign_pass_on(struct station *s, struct place *p, const struct err *why)
{
	bool in_line = p->begun && !p->undoing && !s->set.opt->pick && !is_this(p, p->person.wanted);
	if (why->code != ERR_NAME_TAKEN || !in_line || is_in_journal(s, p))
		return false;
	p->put_back = true;
	p->back_as = ROSTER_SKIPPED;
	snprintf(p->back_why, sizeof p->back_why, "%s", why->what);
	settle_failed(s, p, why);
	tell_skipped(s, p, why);
	p->put_back = p->has_person = false;
	p->state = PLACE_EMPTY;
	p->again = true;
	return true;
}

/* The next in line to whom a token can be given. */
static int find_next(struct station *s, struct place *p, bool *ret_found, struct err *e)
{
	for (int skipped = 0; skipped < SKIPPED_AT_ONCE; skipped++) {
		struct err why = ERR_INIT;
		if (store_roster_next(s->set.store, s->set.roster, ret_found, &p->person, e) != 0)
			return -1;
		p->gives_up = *ret_found && giveup_is_meant(s, p->person.id);
		if (!*ret_found || check_elsewhere(s, p, &why) == 0)
			return 0;
		if (why.code != ERR_NAME_TAKEN) {
			*e = why;
			return -1;
		}
		/* the operator was told that this token is theirs */
		if (p->gives_up) {
			*e = why;
			return -1;
		}
		if (skip_next(s, p, &why, e) != 0)
			return -1;
	}
	err_set(e, ERR_BUSY, "the next %d in line have certificates already, and are skipped", SKIPPED_AT_ONCE);
	return err_next(e, "retry goes on with who is behind them");
}

/* Nothing can begin for them now. Who was skipped because this token is theirs already goes on with it. */
static bool is_out(const struct place *p)
{
	const struct roster_person *q = &p->person;
	bool waits_for_it = q->state == ROSTER_SKIPPED && q->why[0] != '\0' && place_is_theirs(p);
	return q->withdrawn || (q->state != ROSTER_WAITING && q->state != ROSTER_FAILED && !waits_for_it);
}

int assign_token(struct station *s, struct place *p, struct err *e)
{
	bool found = false;
	if (check_lost(&p->token, e) != 0 || assign_find(s, p, &found, e) != 0)
		return -1;
	p->has_person = found;
	if (found && roster_is_undoing(&p->person))
		return refuse_undoing(p, e);
	if (place_has_owner(p) && !(found && place_is_theirs(p)))
		return refuse_owner(p, e);
	if (found && is_out(p))
		return refuse_person(s, p, e);
	if (assign_check(s, p, e) != 0)
		return -1;
	if (found)
		return begin(s, p, e);
	if (s->set.opt->pick)
		return 1;
	if (find_next(s, p, &found, e) != 0)
		return -1;
	return found ? begin(s, p, e) : nobody_left(s, e);
}

static int check_person(struct station *s, const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	if (roster_is_undoing(q) && !undo_is_over(s, q))
		return refuse_undoing(p, e);
	if (q->withdrawn) {
		err_set(e, ERR_TOKEN_TAKEN, "%s is not on the roster any more", q->user);
	} else if (q->state == ROSTER_DONE) {
		err_set(e, ERR_TOKEN_TAKEN, "%s has token %s already", q->user, q->token.serial);
	} else if (q->state == ROSTER_RUNNING) {
		if (settle_check(s, q, e) != 0)
			return -1;
		err_set(e, ERR_BUSY, "%s is getting another token now, in '%s'", q->user, q->reader);
	} else {
		return 0;
	}
	return err_next(e, "say who else gets this one, or pull it out");
}

int assign_person(struct station *s, struct place *p, int64_t person, bool give_up, struct err *e)
{
	bool found = false;
	p->gives_up = give_up;
	roster_person_free(&p->person);
	if (store_roster_person(s->set.store, person, &found, &p->person, e) != 0)
		return -1;
	if (!found) {
		err_set(e, ERR_USAGE, "there is no such person on the roster");
		return err_next(e, "type or scan who else gets this one");
	}
	if (check_person(s, p, e) == 0 && begin(s, p, e) == 0)
		return 0;
	p->gives_up = false;
	roster_person_free(&p->person);
	return -1;
}
