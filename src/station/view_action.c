/*
 * view_action: what the operator can have done at a reader, by which key, and
 * at which readers it can be done now.
 */
#include "station/view_screen_impl.h"

#include <stdlib.h>
#include <string.h>

struct view_action {
	wint_t key;
	const char *name, *word; /* "Enter", "whose" */
	const char *no;          /* what is said where it can be done at no reader */
	const char *question;    /* what is asked before; NULL: nothing */
	bool (*ask)(const struct place *p);
	bool (*can)(const struct place *p);
	void (*run)(struct view_screen *v, struct station *s, size_t place);
};

/* The person there has a token, or is getting another one: this one was only looked at. */
static bool is_provided(const struct place *p)
{
	enum roster_state st = p->person.state;
	return place_is_red(p) && p->has_person && (st == ROSTER_DONE || st == ROSTER_RUNNING);
}

bool view_can_put_back(const struct place *p)
{
	return p->has_person && !is_provided(p) && p->state != PLACE_DONE && p->state != PLACE_UNDONE &&
	       p->state != PLACE_EMPTY && !p->may_pull && !p->undoing && !p->put_back;
}

static bool can_pick(const struct place *p)
{
	return p->state == PLACE_PICK;
}

static bool can_give_up(const struct place *p)
{
	return p->state == PLACE_FAILED && p->half_done && p->has_person && p->enroller == NULL;
}

/* It may be all but finished. */
static bool is_at_work(const struct place *p)
{
	return p->state == PLACE_WORKING;
}

static bool can_undo(const struct place *p)
{
	bool undone = p->state == PLACE_DONE || (p->undoing && place_is_red(p));
	return undone && p->card && p->enroller == NULL;
}

/* Of what was not made here it is said instead why it is not taken back. */
static bool asks_undo(const struct place *p)
{
	return can_undo(p) && (p->undoing || !place_was_finished(p));
}

static bool can_reprint(const struct place *p)
{
	return p->state == PLACE_DONE && p->has_letter;
}

static const struct place *at(const struct station *s, size_t place)
{
	size_t n = 0;
	return &station_places(s, &n)[place];
}

static void told(struct view_screen *v, int ret, const struct err *e, size_t place, const char *user, const char *what)
{
	if (ret != 0)
		view_say_error(v, e);
	else
		view_say(v, VIEW_PLAIN, "%zu: %s%s%s", place + 1, user, user[0] != '\0' ? " " : "", what);
}

/* A copy: what is done with a place may make it forget the person. */
static void copy_user(char ret[sizeof((struct roster_person *)0)->user], const struct place *p)
{
	snprintf(ret, sizeof((struct roster_person *)0)->user, "%s", p->has_person ? p->person.user : "");
}

/* What comes of it. */
static const char *again(const struct place *p)
{
	if (is_provided(p))
		return "the token is looked at again";
	if (p->card || p->undoing)
		return "tried again";
	if (!p->has_person)
		return "the reader is free";
	return p->half_done && !p->put_back ? "goes on when that token is put in again" : "is in line again";
}

static void retry(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	char user[sizeof((struct roster_person *)0)->user];
	const struct place *p = at(s, place);
	const char *what = again(p);
	copy_user(user, p);
	if (is_provided(p))
		user[0] = '\0';
	view_place(v, p)->put_back = NULL;
	told(v, station_retry(s, place, &e), &e, place, user, what);
}

static void skip(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	char user[sizeof((struct roster_person *)0)->user];
	copy_user(user, at(s, place));
	int ret = station_skip(s, place, &e);
	if (ret == 0)
		view_place(v, at(s, place))->put_back = "skipped";
	told(v, ret, &e, place, user, "is skipped today");
}

static void reprint(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	char user[sizeof((struct roster_person *)0)->user];
	copy_user(user, at(s, place));
	told(v, station_reprint(s, place, &e), &e, place, user, "gets the PIN letter once more");
}

static void undo(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	char user[sizeof((struct roster_person *)0)->user];
	copy_user(user, at(s, place));
	told(v, station_undo(s, place, &e), &e, place, user, "what was made is taken back");
}

static void give_up(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	char user[sizeof((struct roster_person *)0)->user];
	copy_user(user, at(s, place));
	told(v, station_give_up(s, place, &e), &e, place, user, "gets the next token");
}

static void hold(struct view_screen *v, struct station *s, size_t place)
{
	view_line_begin(v, VIEW_HOLD, at(s, place));
}

static void pick(struct view_screen *v, struct station *s, size_t place)
{
	view_line_begin(v, VIEW_WHOSE, at(s, place));
}

static void why(struct view_screen *v, struct station *s, size_t place)
{
	view_page_begin(v, VIEW_PAGE_WHY, at(s, place));
}

static const struct view_action actions[] = {
    {'\n', "Enter", "whose", "no token waits for a person", NULL, NULL, can_pick, pick},
    {'r', "r", "retry", "nothing has failed", NULL, NULL, place_is_red, retry},
    {'s', "s", "skip", "there is nobody who could be skipped", "break off what is under way, and skip", is_at_work,
     view_can_put_back, skip},
    {'h', "h", "hold", "there is nobody who could be held", "break off what is under way, and hold", is_at_work,
     view_can_put_back, hold},
    {'w', "w", "why", "no reader is red, and no letter waits", NULL, NULL, place_is_red, why},
    {'n', "n", "new token", "nobody's token has failed half way", "give up what is half done on this token",
     can_give_up, can_give_up, give_up},
    {'p', "p", "print again", "nobody who was just done and gets a letter is at a reader", NULL, NULL, can_reprint,
     reprint},
    {'u', "u", "undo", "no token that was just made is in a reader", "empty the token, and revoke the new certificate",
     asks_undo, can_undo, undo},
};

#define ACTIONS (sizeof actions / sizeof *actions)

/* A letter that waits is at no reader. */
static bool is_of_station(const struct station *s, const struct view_action *a)
{
	return a->run == why && station_letter_trouble(s) != NULL;
}

/* ---- where */

static size_t candidates(const struct station *s, const struct view_action *a, size_t *ret_first)
{
	size_t n = 0, found = 0;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n; i++) {
		if (!a->can(&p[i]))
			continue;
		if (found++ == 0)
			*ret_first = i;
	}
	return found;
}

/* A digit is pressed for whom it was shown with. */
static bool is_asked(const struct view_screen *v, const struct place *p)
{
	for (size_t i = 0; i < v->n_places; i++) {
		if (view_at_is(&v->places[i].at, p))
			return v->places[i].asked == view_person(p);
	}
	return false;
}

bool view_action_can(const struct view_screen *v, const struct station *s, size_t place)
{
	const struct place *p = at(s, place);
	return v->action->can(p) && (v->mode != VIEW_WHICH || is_asked(v, p));
}

static void ask_which(struct view_screen *v, const struct station *s, const struct view_action *a)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n; i++)
		view_place(v, &p[i])->asked = view_person(&p[i]);
	v->action = a;
	v->mode = VIEW_WHICH;
}

void view_action_do(struct view_screen *v, struct station *s, size_t place)
{
	const struct view_action *a = v->action;
	view_leave(v);
	v->chosen.name[0] = '\0';
	a->run(v, s, place);
}

void view_action_begin(struct view_screen *v, struct station *s, size_t place)
{
	if (v->action->question == NULL || !v->action->ask(at(s, place))) {
		view_action_do(v, s, place);
		return;
	}
	view_ask(v, VIEW_SURE, at(s, place));
}

static void begin(struct view_screen *v, struct station *s, const struct view_action *a, size_t place)
{
	v->action = a;
	view_action_begin(v, s, place);
}

bool view_action_key(struct view_screen *v, struct station *s, wint_t key)
{
	const struct view_action *a = NULL;
	size_t first = 0, chosen = view_find(s, &v->chosen);
	for (size_t i = 0; i < ACTIONS; i++) {
		if (actions[i].key == key)
			a = &actions[i];
	}
	if (a == NULL)
		return false;
	size_t n = candidates(s, a, &first);
	if (n == 0 && is_of_station(s, a)) {
		view_page_begin(v, VIEW_PAGE_WHY, NULL);
	} else if (n == 0) {
		view_say(v, VIEW_PLAIN, "%s: %s", a->word, a->no);
	} else if (chosen != VIEW_NONE && a->can(at(s, chosen))) {
		begin(v, s, a, chosen);
	} else if (chosen != VIEW_NONE) {
		view_say(v, VIEW_PLAIN, "%s: not at reader %zu; choose another one, or none with Esc", a->word,
			 chosen + 1);
	} else if (n == 1) {
		begin(v, s, a, first);
	} else {
		ask_which(v, s, a);
	}
	return true;
}

/* ---- in words */

bool view_action_text(char *ret, size_t size, const struct station *s, size_t nth)
{
	size_t first = 0;
	for (size_t i = 0; i < ACTIONS; i++) {
		bool can = candidates(s, &actions[i], &first) != 0 || is_of_station(s, &actions[i]);
		if (!can || nth-- != 0)
			continue;
		snprintf(ret, size, "%s %s", actions[i].name, actions[i].word);
		return true;
	}
	return false;
}

void view_action_which(char *ret, size_t size, const struct view_screen *v, const struct station *s)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	int used = snprintf(ret, size, "%s at which reader?", v->action->word);
	for (size_t i = 0; i < n && used > 0 && (size_t)used < size; i++) {
		if (view_action_can(v, s, i))
			used += snprintf(ret + used, size - (size_t)used, "  %zu %s", i + 1,
					 p[i].has_person ? p[i].person.user : p[i].token.id);
	}
}

void view_action_sure(char *ret, size_t size, const struct view_screen *v, const struct station *s)
{
	size_t i = view_find(s, &v->about);
	snprintf(ret, size, "reader %zu, %s: %s?", i + 1, v->about_user, v->action->question);
}
