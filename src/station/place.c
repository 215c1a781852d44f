#include "station/station_impl.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "station/letters.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SLOTS_AT_WORK 8 /* tokens without a reader that are enrolled at once */

static void forget(struct place *p)
{
	roster_person_free(&p->person);
	p->has_person = p->begun = p->may_pull = p->pin_waits = p->pin_sent = p->put_back = false;
	p->gives_up = p->half_done = p->has_letter = false;
	p->pin_letter = 0;
	p->token = (struct desk_token){.pin_tries = -1};
	p->step[0] = '\0';
	p->step_usual = 0;
	p->why = (struct err)ERR_INIT;
}

void place_clear(struct station *s, struct place *p)
{
	forget(p);
	p->again = false;
	p->state = PLACE_EMPTY;
	if (p->card)
		place_begin(s, p);
}

static int start_enroller(struct station *s, struct place *p, struct err *e)
{
	int shared = -1;
	if (signer_admit_begin(s->set.signer, &shared, e) != 0)
		return -1;
	s->admitting++;
	int ret = rpc_peer_start_with(&p->enroller, "enroller", shared, s->set.opt->verbose, e);
	close(shared);
	return ret;
}

static size_t slots_at_work(const struct station *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_places; i++)
		n += s->places[i].slot && s->places[i].enroller != NULL;
	return n;
}

/* The person stays known. On the roster first: whatever breaks it off then, it is gone on with. */
int place_undo(struct station *s, struct place *p, struct err *e)
{
	p->undo_again = p->state != PLACE_DONE;
	if (!p->undo_again) {
		if (store_roster_undo(s->set.store, p->person.id, e) != 0)
			return -1;
		s->done--;
		s->fresh = true;
	}
	p->undoing = true;
	p->stopping = p->may_pull = p->pin_sent = p->put_back = false;
	p->pin_letter = 0;
	p->state = PLACE_LOOKING;
	p->began = p->step_began = clock_ms();
	if (start_enroller(s, p, e) == 0)
		return 0;
	place_fail(s, p, PLACE_FAILED, e);
	return -1;
}

void place_begin(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	p->undoing = p->undo_again = false;
	forget(p);
	if (s->stopping)
		return;
	p->again = p->slot && slots_at_work(s) >= SLOTS_AT_WORK;
	if (p->again)
		return;
	p->state = PLACE_LOOKING;
	p->began = p->step_began = clock_ms();
	p->stopping = false;
	if (start_enroller(s, p, &e) != 0)
		place_fail(s, p, PLACE_FAILED, &e);
}

void station_token(const struct place *p, struct store_token *ret)
{
	*ret = (struct store_token){.id = 0};
	memcpy(ret->serial, p->token.id, sizeof p->token.id);
	memcpy(ret->manufacturer, p->token.token.manufacturer, sizeof ret->manufacturer);
	memcpy(ret->model, p->token.token.model, sizeof ret->model);
	memcpy(ret->label, p->token.token.label, sizeof ret->label);
}

bool place_has_owner(const struct place *p)
{
	return p->token.owner[0] != '\0';
}

bool place_is_theirs(const struct place *p)
{
	return place_has_owner(p) && strcmp(p->token.owner, p->person.user) == 0;
}

bool station_pin_was_wrong(const struct station *s, const char *token)
{
	for (size_t i = 0; i < s->n_pin_wrong; i++) {
		if (strcmp(s->pin_wrong[i], token) == 0)
			return true;
	}
	return false;
}

void station_forget_wrong_pin(struct station *s, const char *token)
{
	for (size_t i = s->n_pin_wrong; i-- > 0;) {
		if (strcmp(s->pin_wrong[i], token) == 0)
			memmove(s->pin_wrong + i, s->pin_wrong + i + 1, (--s->n_pin_wrong - i) * sizeof *s->pin_wrong);
	}
}

static void remember_wrong_pin(struct station *s, const struct place *p)
{
	if (p->token.id[0] == '\0' || station_pin_was_wrong(s, p->token.id))
		return;
	s->pin_wrong = xrealloc(s->pin_wrong, s->n_pin_wrong + 1, sizeof *s->pin_wrong);
	snprintf(s->pin_wrong[s->n_pin_wrong++], sizeof *s->pin_wrong, "%s", p->token.id);
}

void place_fail(struct station *s, struct place *p, enum place_state st, const struct err *why)
{
	if (why->code == ERR_PIN_WRONG) {
		remember_wrong_pin(s, p);
		s->pin_refused = s->pin_refused || (p->pin_sent && p->pin_letter == 0);
		letters_refuse(s, p);
		pins_refuse(s, p);
	}
	if (p->begun)
		settle_failed(s, p, why);
	p->pin_waits = false;
	p->state = st;
	p->why = *why;
	if (p->half_done || p->undoing)
		giveup_advise(s, p);
	else if (why->code == ERR_REMOVED && !p->put_back)
		giveup_advise_free(p);
	p->ended = clock_ms();
	p->step[0] = '\0';
	station_tell(s, st == PLACE_REFUSED ? STATION_REFUSED : STATION_FAILED, p, NULL, &p->why);
}

void place_stop(struct place *p)
{
	if (p->enroller == NULL || p->stopping)
		return;
	p->stopping = true;
	rpc_peer_interrupt(p->enroller);
}

void place_end(struct station *s, struct place *p)
{
	rpc_peer_stop(&p->enroller);
	p->stopping = false;
	/* a slot's place has the same token again */
	if (p->slot && p->state == PLACE_DONE)
		p->again = false;
	if (p->again || (!p->card && (p->state == PLACE_DONE || p->state == PLACE_UNDONE)))
		place_clear(s, p);
}
