/*
 * undo: what was made for somebody is taken back. The roster says so from the
 * operator's yes until it is over; if the token is pulled out meanwhile, or the
 * station killed, that goes on when the token is seen again.
 */
#include "station/station_impl.h"

#include "core/err.h"
#include "station/letters.h"
#include "station/teller.h"

#include <string.h>
#include <strings.h>

bool undo_is_over(struct station *s, const struct roster_person *q)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	if (store_find_last(s->set.store, q->user, &found, &c, NULL) != 0)
		return false;
	/* one that has not ended is found before those that have */
	bool over = found && (c.state >= CRED_REVOKED || strcmp(c.cert_serial, q->cert_serial) != 0);
	store_credential_free(&c);
	return over;
}

/* Who is in line again gets another token, or this one once more. */
void undo_finish(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	if (store_roster_retry(s->set.store, p->person.id, &e) != 0) {
		place_fail(s, p, PLACE_FAILED, &e);
		return;
	}
	pinback_end(s, p);
	if (!p->pin_left)
		letters_forget(s, p);
	p->state = PLACE_UNDONE;
	s->fresh = true;
	station_tell(s, STATION_UNDONE, p, NULL, NULL);
}

/* The enroller was cut off behind its work, before it could say so. */
static void was_over(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_FAILED, "token %s is empty already", p->token.id);
	rpc_peer_refuse(p->enroller, &e);
	teller_note(s); /* nobody was told of it yet */
	undo_finish(s, p);
}

/* The token must be the one that was done here. */
void undo_order(struct station *s, struct place *p, const struct desk_token *seen)
{
	struct err e = ERR_INIT;
	bool same = strcmp(seen->id, p->token.id) == 0;
	if (same && strcmp(seen->owner, p->person.user) == 0) {
		if (pinback_look(s, p, &e) == 0)
			serve_order(s, p);
		else
			serve_refuse(s, p, &e);
	} else if (same && seen->owner[0] == '\0' && undo_is_over(s, &p->person)) {
		was_over(s, p);
	} else {
		err_set(&e, ERR_TOKEN_TAKEN, "token %s is not the one that %s was given here", seen->id,
			p->person.user);
		serve_refuse(s, p, &e);
	}
}

/* By the person, and by the token that they were given: they may have an older one. */
static bool is_of_undo(struct station *s, struct place *p)
{
	bool found = false;
	if (assign_find(s, p, &found, NULL) != 0 || !found)
		return false;
	bool is = roster_is_undoing(&p->person) && strcasecmp(p->person.token.serial, p->token.id) == 0;
	if (!is)
		roster_person_free(&p->person);
	return is;
}

/* Somebody else's by now: emptied and given away with another command. */
static void let_go(struct station *s, struct place *p)
{
	if (undo_is_over(s, &p->person) && store_roster_retry(s->set.store, p->person.id, NULL) == 0)
		letters_forget(s, p);
	s->fresh = true;
	roster_person_free(&p->person);
}

bool undo_take_up(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	if (!is_of_undo(s, p))
		return false;
	if (place_has_owner(p) && !place_is_theirs(p)) {
		let_go(s, p);
		return false;
	}
	p->has_person = p->undoing = p->undo_again = true;
	station_tell(s, STATION_NOTE, p, "what was made on this token is being taken back: that goes on", NULL);
	if (assign_check(s, p, &e) != 0)
		serve_refuse(s, p, &e);
	else
		undo_order(s, p, &p->token);
	return true;
}
