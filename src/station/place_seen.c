/*
 * place_seen: what PC/SC and a module without it say is there: places come and
 * go with readers and tokens.
 */
#include "station/station_impl.h"

#include "core/clock.h"
#include "core/xalloc.h"

#include <string.h>
#include <strings.h>

/* A module may not list a token for a moment while others change beside it: one at work is gone only after so long. */
#define UNLISTED_MS 3000

#define SET_UP_MS 10000 /* so long others that have come may wait for one that is being set up */

static struct place *find(struct station *s, const char *name)
{
	for (size_t i = 0; i < s->n_places; i++) {
		if (!s->places[i].slot && strcmp(s->places[i].name, name) == 0)
			return &s->places[i];
	}
	return NULL;
}

static struct place *add(struct station *s, const char *name, const char *serial, bool slot)
{
	s->places = xrealloc(s->places, s->n_places + 1, sizeof *s->places);
	struct place *p = &s->places[s->n_places++];
	*p = (struct place){.state = PLACE_EMPTY, .slot = slot};
	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(p->serial, sizeof p->serial, "%s", serial);
	station_tell(s, STATION_READER_IN, p, NULL, NULL);
	return p;
}

static void tell_out(struct station *s, struct place *p)
{
	if (!p->out_told)
		station_tell(s, STATION_READER_OUT, p, NULL, NULL);
	p->out_told = true;
}

static void remove_at(struct station *s, size_t i)
{
	struct place *p = &s->places[i];
	tell_out(s, p);
	roster_person_free(&p->person);
	memmove(p, p + 1, (s->n_places - i - 1) * sizeof *p);
	s->n_places--;
}

/* Its token, or that of the same person, is somewhere else by now. */
static bool is_elsewhere(const struct station *s, const struct place *p)
{
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *q = &s->places[i];
		bool same_token = p->token.id[0] != '\0' && strcmp(q->token.id, p->token.id) == 0;
		if (q != p && !q->gone && (same_token || (q->has_person && q->person.id == p->person.id)))
			return true;
	}
	return false;
}

/* Somebody is to say at the screen whether it comes back: one that takes its reader along, or was just pulled out. */
static bool is_awaited(const struct station *s, const struct place *p)
{
	bool left = p->gone || p->why.code == ERR_REMOVED;
	return left && s->set.view->can_ask && p->state == PLACE_FAILED && (p->half_done || p->undoing) &&
	       p->has_person && !p->put_back && !is_elsewhere(s, p);
}

/* At another place that token is in, or its person is being enrolled, or is done: so nobody has to come here. */
static bool is_taken_up(const struct station *s, const struct place *p)
{
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *q = &s->places[i];
		bool token = q->card && p->token.id[0] != '\0' && strcmp(q->token.id, p->token.id) == 0;
		bool person = p->has_person && q->has_person && q->person.id == p->person.id &&
			      (q->begun || q->state == PLACE_DONE);
		if (q != p && (token || person))
			return true;
	}
	return false;
}

/* An empty reader that is red calls for somebody. */
static bool is_stale(const struct station *s, const struct place *p)
{
	bool empty = !p->card && p->enroller == NULL;
	return empty && (p->state == PLACE_REFUSED || (p->state == PLACE_FAILED && is_taken_up(s, p)));
}

static void card_out(struct station *s, struct place *p)
{
	p->card = p->pin_trusted = false;
	station_tell(s, STATION_CARD_OUT, p, NULL, NULL);
	if (p->enroller == NULL) {
		if (!is_awaited(s, p))
			place_clear(s, p);
	} else if (p->state == PLACE_LOOKING || p->state == PLACE_PICK || p->state == PLACE_ASKING) {
		place_stop(p);
	}
}

static void card_in(struct station *s, struct place *p)
{
	p->card = true;
	station_tell(s, STATION_CARD_IN, p, NULL, NULL);
	if (p->enroller != NULL)
		p->again = true;
	else
		place_begin(s, p);
}

static void is_back(struct station *s, struct place *p)
{
	if (p->out_told)
		station_tell(s, STATION_READER_IN, p, NULL, NULL);
	p->gone = p->out_told = false;
}

static void take_reader(struct station *s, const struct reader *r)
{
	struct place *p = find(s, r->name);
	bool is_new = p == NULL;
	if (is_new)
		p = add(s, r->name, "", false);
	bool swapped = !is_new && p->card && r->present && p->events != r->events;
	p->events = r->events;
	is_back(s, p);
	if ((p->card && !r->present) || swapped)
		card_out(s, p);
	if (r->present && !p->card)
		card_in(s, p);
}

static bool is_listed(const struct reader *list, size_t n, const char *name)
{
	return reader_find(list, n, name) != NULL;
}

/* A token on USB takes its reader along. One at which somebody is still at work goes when that has ended. */
static void lose(struct station *s, size_t i)
{
	struct place *p = &s->places[i];
	p->gone = true;
	if (p->card)
		card_out(s, p);
	if (p->enroller != NULL)
		return;
	tell_out(s, p);
	if (!is_awaited(s, p))
		remove_at(s, i);
}

static void drop_readers(struct station *s, const struct reader *list, size_t n)
{
	for (size_t i = s->n_places; i-- > 0;) {
		const struct place *p = &s->places[i];
		if (!p->slot && !is_listed(list, n, p->name))
			lose(s, i);
	}
}

/* ---- tokens without a reader: each is a place of its own, which is there as long as the token is */

static const char set_up_step[] = "initialize";

/* Its serial number may be another one already, and not known yet. */
static bool is_set_up(const struct place *p)
{
	return p->slot && p->enroller != NULL && strcmp(p->step, set_up_step) == 0;
}

static bool any_set_up(const struct station *s)
{
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *p = &s->places[i];
		if (is_set_up(p) && clock_ms() - p->step_began < SET_UP_MS)
			return true;
	}
	return false;
}

void place_note_step(struct place *p, const char *detail)
{
	if (p->slot && strcmp(p->step, set_up_step) == 0)
		snprintf(p->made, sizeof p->made, "%s", detail);
}

const char *place_serial(const struct place *p)
{
	return p->made[0] != '\0' ? p->made : p->serial;
}

static struct place *find_token(struct station *s, const struct worker_token *t)
{
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		if (p->slot && p->made[0] != '\0' && strcmp(p->made, t->serial) == 0)
			return p;
		if (p->slot && strcmp(p->serial, t->serial) == 0 &&
		    (t->serial[0] != '\0' || strcmp(p->name, t->reader) == 0))
			return p;
	}
	return NULL;
}

/* One that was emptied since is free. */
static bool has_holder(struct station *s, const struct worker_token *t)
{
	struct store_credential c = {.id = 0};
	struct store_token id = {.id = 0};
	bool found = false;
	memcpy(id.serial, t->serial, sizeof t->serial);
	memcpy(id.manufacturer, t->manufacturer, sizeof id.manufacturer);
	memcpy(id.model, t->model, sizeof id.model);
	if (store_find_by_token(s->set.store, &id, &found, &c, NULL) != 0)
		return true;
	store_credential_free(&c);
	return found;
}

/* One that is blank is always there with some modules, and waits to be asked for. */
static bool is_wanted(struct station *s, const struct worker_token *t)
{
	struct roster_person p = {.id = 0};
	bool found = false;
	if ((t->flags & (WORKER_TOKEN_UNKNOWN | WORKER_TOKEN_UNREADABLE)) != 0)
		return false;
	if ((t->flags & WORKER_TOKEN_INITIALIZED) == 0)
		return s->set.opt->init;
	if (store_roster_by_token(s->set.store, s->set.roster, t->serial, &found, &p, NULL) != 0)
		return true;
	bool done = found && p.state == ROSTER_DONE && strcasecmp(p.token.serial, t->serial) == 0;
	roster_person_free(&p);
	return !done || !has_holder(s, t);
}

/* One that is blank may have moved to another slot: any is as good. */
static bool is_token_listed(const struct station *s, const struct place *p)
{
	const char *serial = place_serial(p);
	for (size_t i = 0; i < s->n_tokens; i++) {
		const struct worker_token *t = &s->tokens[i];
		if (strcmp(t->serial, serial) == 0 &&
		    (serial[0] != '\0' || p->enroller != NULL || strcmp(t->reader, p->name) == 0))
			return true;
	}
	return false;
}

static void follow_token(struct station *s, size_t i)
{
	struct place *p = &s->places[i];
	if (is_token_listed(s, p) || is_set_up(p)) {
		p->unlisted = 0;
		is_back(s, p);
		if (!p->card)
			card_in(s, p);
	} else if (p->enroller == NULL) {
		lose(s, i);
	} else if (p->unlisted == 0) {
		p->unlisted = clock_ms();
	} else if (p->card && clock_ms() - p->unlisted >= UNLISTED_MS) {
		card_out(s, p);
	}
}

static void add_tokens(struct station *s)
{
	if (!s->tokens_due || any_set_up(s))
		return;
	s->tokens_due = false;
	for (size_t i = 0; i < s->n_tokens; i++) {
		const struct worker_token *t = &s->tokens[i];
		if (find(s, t->reader) != NULL || find_token(s, t) != NULL || !is_wanted(s, t))
			continue;
		card_in(s, add(s, t->reader, t->serial, true));
	}
}

static void follow_tokens(struct station *s)
{
	for (size_t i = s->n_places; i-- > 0;) {
		if (s->places[i].slot)
			follow_token(s, i);
	}
}

void place_take_tokens(struct station *s, const struct worker_token *list, size_t n)
{
	s->tokens = xrealloc(s->tokens, n + 1, sizeof *s->tokens);
	if (n > 0)
		memcpy(s->tokens, list, n * sizeof *list);
	s->n_tokens = n;
	s->tokens_due = true;
	follow_tokens(s);
	add_tokens(s);
}

void place_take_readers(struct station *s, const struct reader *list, size_t n)
{
	drop_readers(s, list, n);
	for (size_t i = 0; i < n; i++)
		take_reader(s, &list[i]);
}

/* What is done needs no line any more where nothing is to be pulled out. */
void place_begin_queued(struct station *s)
{
	follow_tokens(s);
	add_tokens(s);
	for (size_t i = s->n_places; i-- > 0;) {
		const struct place *p = &s->places[i];
		if (p->enroller == NULL && p->gone)
			lose(s, i);
		else if (p->enroller == NULL && p->slot && p->state == PLACE_DONE)
			remove_at(s, i);
	}
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		if (is_stale(s, p))
			place_clear(s, p);
		if (p->slot && p->again && p->card && p->enroller == NULL)
			place_begin(s, p);
	}
}
