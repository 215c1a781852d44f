/*
 * assign: whose a token becomes. A token that is in use, was somebody else's,
 * or would have to be treated with care stays as it is, and the others go on.
 */
#include "station/station_impl.h"

#include "core/day.h"

#include <string.h>
#include <strings.h>
#include <time.h>

static const char *name_of(const struct desk_token *t)
{
	return t->id[0] != '\0' ? t->id : "without a serial number";
}

static int refuse_person(const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	switch (q->state) {
	case ROSTER_DONE:
		err_set(e, ERR_TOKEN_TAKEN, "token %s is done: it is %s's", name_of(&p->token), q->user);
		return err_next(e, "pull it out, and put in the next one");
	case ROSTER_RUNNING:
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

int assign_check(const struct station *s, const struct place *p, struct err *e)
{
	const struct desk_token *t = &p->token;
	char day[DAY_SIZE] = "";
	if (t->lost != 0) {
		day_format(day, t->lost);
		err_set(e, ERR_TOKEN_LOST, "token %s is reported lost since %s", name_of(t), day);
		return err_next(e, "`tokenroll found --serial %s` takes it back into stock", t->id);
	}
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

int assign_find(struct station *s, struct place *p, bool *ret_found, struct err *e)
{
	size_t n = 0, all = 0;
	struct roster_person found = {.id = 0};
	*ret_found = false;
	if (p->token.id[0] != '\0' &&
	    store_roster_by_token(s->set.store, s->set.roster, p->token.id, ret_found, &p->person, e) != 0)
		return -1;
	if (*ret_found || p->token.owner[0] == '\0')
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
	const struct roster_counts *c = &s->counts;
	if (c->left == 0) {
		err_set(e, ERR_NO_TOKEN, "everybody on the roster has a token");
		return err_next(e, "pull it out");
	}
	err_set(
	    e, ERR_NO_TOKEN,
	    "nobody is in line for just any token: %lld of those left are at work, held, skipped or failed, or wait "
	    "for tokens of their own",
	    (long long)c->left);
	return err_next(e, "pull it out; retry puts somebody who has failed in line again");
}

static int begin(struct station *s, struct place *p, struct err *e)
{
	struct store_token id;
	if (p->token.owner[0] != '\0' && strcmp(p->token.owner, p->person.user) != 0)
		return refuse_owner(p, e);
	station_token(p, &id);
	if (store_roster_begin(s->set.store, p->person.id, &id, p->name, e) != 0)
		return -1;
	p->has_person = p->begun = true;
	s->fresh = true;
	return 0;
}

int assign_token(struct station *s, struct place *p, struct err *e)
{
	bool found = false;
	if (assign_find(s, p, &found, e) != 0)
		return -1;
	p->has_person = found;
	if (found && roster_is_undoing(&p->person))
		return refuse_undoing(p, e);
	if (found && (p->person.withdrawn || p->person.state == ROSTER_DONE || p->person.state == ROSTER_RUNNING ||
		      p->person.state == ROSTER_HELD || p->person.state == ROSTER_SKIPPED))
		return refuse_person(p, e);
	if (!found && p->token.owner[0] != '\0')
		return refuse_owner(p, e);
	if (assign_check(s, p, e) != 0)
		return -1;
	if (found)
		return begin(s, p, e);
	if (s->set.opt->pick)
		return 1;
	if (store_roster_next(s->set.store, s->set.roster, &found, &p->person, e) != 0)
		return -1;
	return found ? begin(s, p, e) : nobody_left(s, e);
}

static int check_person(struct station *s, const struct place *p, struct err *e)
{
	const struct roster_person *q = &p->person;
	if (roster_is_undoing(q) && !undo_is_over(s, q))
		return refuse_undoing(p, e);
	if (q->wanted[0] != '\0' && strcasecmp(q->wanted, p->token.id) != 0) {
		err_set(e, ERR_TOKEN_TAKEN, "the roster has token %s for %s, not %s", q->wanted, q->user,
			name_of(&p->token));
		return err_next(e, "put that one in");
	}
	return q->withdrawn || q->state == ROSTER_DONE || q->state == ROSTER_RUNNING ? refuse_person(p, e) : 0;
}

int assign_person(struct station *s, struct place *p, int64_t person, struct err *e)
{
	bool found = false;
	roster_person_free(&p->person);
	if (store_roster_person(s->set.store, person, &found, &p->person, e) != 0)
		return -1;
	if (!found)
		return err_set(e, ERR_USAGE, "there is no such person on the roster");
	if (check_person(s, p, e) == 0 && begin(s, p, e) == 0)
		return 0;
	roster_person_free(&p->person);
	return -1;
}
