#include "station/view_screen.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "station/view_screen_impl.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

/* ---- places */

struct view_at view_at(const struct place *p)
{
	struct view_at at;
	memcpy(at.name, p->name, sizeof at.name);
	memcpy(at.serial, p->serial, sizeof at.serial);
	return at;
}

bool view_at_is(const struct view_at *at, const struct place *p)
{
	return strcmp(at->name, p->name) == 0 && strcmp(at->serial, p->serial) == 0;
}

size_t view_find(const struct station *s, const struct view_at *at)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n; i++) {
		if (view_at_is(at, &p[i]))
			return i;
	}
	return VIEW_NONE;
}

size_t view_number(const struct station *s, const struct place *p)
{
	size_t n = 0;
	return (size_t)(p - station_places(s, &n)) + 1;
}

struct view_place *view_place(struct view_screen *v, const struct place *p)
{
	for (size_t i = 0; i < v->n_places; i++) {
		if (view_at_is(&v->places[i].at, p))
			return &v->places[i];
	}
	v->places = xrealloc(v->places, v->n_places + 1, sizeof *v->places);
	v->places[v->n_places] = (struct view_place){.at = view_at(p)};
	return &v->places[v->n_places++];
}

int64_t view_person(const struct place *p)
{
	return p->has_person ? p->person.id : 0;
}

void view_ask(struct view_screen *v, enum view_mode mode, const struct place *p)
{
	v->mode = mode;
	v->about = view_at(p);
	v->about_person = view_person(p);
	snprintf(v->about_user, sizeof v->about_user, "%s", p->has_person ? p->person.user : "");
	snprintf(v->about_token, sizeof v->about_token, "%s", p->token.id);
}

size_t view_about(const struct view_screen *v, const struct station *s)
{
	size_t n = 0, i = view_find(s, &v->about);
	const struct place *p = station_places(s, &n);
	bool same =
	    i != VIEW_NONE && view_person(&p[i]) == v->about_person && strcmp(p[i].token.id, v->about_token) == 0;
	return same ? i : VIEW_NONE;
}

static void forget_place(struct view_screen *v, const struct place *p)
{
	struct view_place *q = view_place(v, p);
	*q = v->places[--v->n_places];
}

/* ---- what happens */

void view_say(struct view_screen *v, enum view_colour c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(v->message, sizeof v->message, fmt, ap);
	va_end(ap);
	v->message_colour = c;
}

void view_say_error(struct view_screen *v, const struct err *e)
{
	const char *next = err_advice(e);
	view_say(v, VIEW_BAD, "%s%s%s", e->what, next[0] != '\0' ? ": " : "", next);
}

void view_say_changed(struct view_screen *v, const struct station *s)
{
	size_t i = view_find(s, &v->about);
	if (i == VIEW_NONE)
		view_say(v, VIEW_BAD, "the reader that was asked about is gone: nothing was done");
	else
		view_say(v, VIEW_BAD, "reader %zu is not as it was when that was asked: nothing was done", i + 1);
}

static void note(struct view_screen *v, enum view_colour c, const struct station *s, const struct place *p,
		 const char *text)
{
	struct view_log *l = &v->log[v->n_log++ % VIEW_LOG];
	l->when = time(NULL);
	l->colour = c;
	if (p == NULL)
		snprintf(l->text, sizeof l->text, "%s", text);
	else
		snprintf(l->text, sizeof l->text, "%zu: %s%s%s", view_number(s, p), p->has_person ? p->person.user : "",
			 p->has_person ? ", " : "", text);
	/* what somebody is asked stays in sight */
	if (v->mode == VIEW_KEYS)
		view_say(v, c, "%s", l->text);
}

static void token_in_or_out(struct view_screen *v, const struct place *p)
{
	struct view_place *q = view_place(v, p);
	q->note[0] = '\0';
	q->put_back = NULL;
	q->put_off = false;
}

static void remark(struct view_screen *v, const struct station *s, const struct station_event *ev)
{
	if (ev->place != NULL)
		snprintf(view_place(v, ev->place)->note, VIEW_TEXT, "%s", ev->text);
	note(v, VIEW_PLAIN, s, ev->place, ev->text);
}

/* One row, cut where it ends: the reason is nearer to its beginning than in all that there is to say. */
static void letter(struct view_screen *v, const struct station *s, const struct station_event *ev)
{
	char text[VIEW_TEXT];
	if (ev->why == NULL) {
		note(v, VIEW_PLAIN, s, NULL, ev->text);
		return;
	}
	snprintf(text, sizeof text, "the PIN letter of %s waits: %s", ev->user,
		 ev->why->native[0] != '\0' ? ev->why->native : ev->why->what);
	note(v, VIEW_BAD, s, NULL, text);
}

static void done(struct view_screen *v, const struct station *s, const struct station_event *ev)
{
	char text[VIEW_TEXT];
	v->done++;
	snprintf(text, sizeof text, "%s in %.1f s, certificate %s%s",
		 place_was_finished(ev->place) ? "was finished before, checked" : "done", (double)ev->ms / 1000.0,
		 ev->text, ev->place->may_pull ? "" : "; the key was not tried");
	note(v, VIEW_GOOD, s, ev->place, text);
}

static void failed(struct view_screen *v, const struct station *s, const struct station_event *ev)
{
	char text[VIEW_TEXT];
	const struct place *p = ev->place;
	/* by the operator, whose wish it was */
	if (p->put_back && ev->why->code == ERR_INTERRUPTED) {
		note(v, VIEW_PLAIN, s, p,
		     p->back_as == ROSTER_HELD ? "is held, and what was under way is broken off"
					       : "is skipped today, and what was under way is broken off");
		return;
	}
	snprintf(text, sizeof text, "%s: %s", ev->kind == STATION_REFUSED ? "left alone" : "failed", ev->why->what);
	note(v, VIEW_BAD, s, p, text);
}

static void on_event(void *arg, const struct station *s, const struct station_event *ev)
{
	struct view_screen *v = arg;
	v->fresh = true;
	switch (ev->kind) {
	case STATION_CARD_IN:
	case STATION_CARD_OUT:
		token_in_or_out(v, ev->place);
		break;
	case STATION_READER_IN:
		if (v->troubled)
			note(v, VIEW_PLAIN, s, NULL, "readers can be used again");
		v->troubled = false;
		break;
	case STATION_READER_OUT:
		note(v, VIEW_PLAIN, s, ev->place, "the reader is gone");
		forget_place(v, ev->place);
		break;
	case STATION_NOTE:
		remark(v, s, ev);
		break;
	case STATION_LETTER:
		letter(v, s, ev);
		break;
	case STATION_MAY_PULL:
		beep();
		note(v, VIEW_GOOD, s, ev->place, "proven: the token may be pulled out");
		break;
	case STATION_DONE:
		done(v, s, ev);
		break;
	case STATION_UNDONE:
		v->done -= v->done > 0;
		note(v, VIEW_PLAIN, s, ev->place, "undone: the certificate is revoked, the token empty");
		break;
	case STATION_REFUSED:
	case STATION_FAILED:
		failed(v, s, ev);
		break;
	case STATION_TROUBLE:
		v->troubled = true;
		note(v, VIEW_BAD, s, NULL, ev->why->what);
		break;
	default:
		break;
	}
}

/* ---- drawing */

/* Whoever had the keyboard before somebody was asked something else goes on; else the first one gets it. */
static const struct place *find_asking(const struct view_screen *v, const struct station *s)
{
	size_t n = 0, last = view_find(s, &v->about);
	const struct place *p = station_places(s, &n), *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (p[i].state == PLACE_ASKING && !p[i].stopping && (found == NULL || i == last))
			found = &p[i];
	}
	return found;
}

static const struct place *find_pick(struct view_screen *v, const struct station *s)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n; i++) {
		if (p[i].state == PLACE_PICK && !view_place(v, &p[i])->put_off)
			return &p[i];
	}
	return NULL;
}

/* The keyboard is one: those who are to type something take turns, and PINs come first. */
static void give_turn(struct view_screen *v, const struct station *s)
{
	if (v->mode != VIEW_KEYS || station_is_stopping(s))
		return;
	const struct place *asks = find_asking(v, s);
	const struct place *picks = asks == NULL ? find_pick(v, s) : NULL;
	if (asks != NULL)
		view_pin_begin(v, asks);
	else if (picks != NULL)
		view_line_begin(v, VIEW_WHOSE, picks);
}

static bool is_over(const struct view_screen *v, const struct station *s)
{
	size_t n = 0, i = view_about(v, s);
	const struct place *p = station_places(s, &n);
	switch (v->mode) {
	case VIEW_PIN:
		return i == VIEW_NONE || p[i].state != PLACE_ASKING;
	case VIEW_WHOSE:
	case VIEW_GIVE_UP:
		return i == VIEW_NONE || p[i].state != PLACE_PICK;
	case VIEW_SURE:
		return i == VIEW_NONE || !view_action_can(v, s, i);
	default:
		return false;
	}
}

/* A token that was pulled out needs no answer any more. Why somebody is held does, whatever has become of the place:
 * that is about the person. */
static void end_turn(struct view_screen *v, const struct station *s)
{
	enum view_mode was = v->mode;
	if (!is_over(v, s))
		return;
	v->cut_off = was == VIEW_PIN ? v->typed->len != 0 : v->line.n != 0;
	if (v->cut_off)
		v->typed_at = clock_ms();
	view_leave(v);
	if (was != VIEW_PIN)
		view_say_changed(v, s);
}

static void read_queue(struct view_screen *v, struct station *s)
{
	struct err e = ERR_INIT;
	for (size_t i = 0; i < v->n_queue; i++)
		roster_person_free(&v->queue[i]);
	v->n_queue = 0;
	if (station_next(s, v->queue, VIEW_QUEUE, &v->n_queue, &e) != 0)
		view_say_error(v, &e);
	v->fresh = false;
}

static void draw_all(struct view_screen *v, struct station *s)
{
	int gap = LINES >= VIEW_ROOMY ? 1 : 0;
	int y = 2 + gap, rows = LINES - y - 2 - gap;
	view_draw_top(v, s);
	view_draw_hint(v, s, 1);
	int used = view_draw_places(v, s, y, rows > 0 ? rows : 0);
	view_draw_rest(v, s, y + used, rows - used);
	view_draw_bottom(v, s);
	if (v->mode == VIEW_WHOSE || v->mode == VIEW_HOLD)
		view_line_draw(v, s);
}

static void draw(void *arg, struct station *s)
{
	struct view_screen *v = arg;
	if (v->gone)
		return;
	view_terminal_resize();
	end_turn(v, s);
	give_turn(v, s);
	if (v->fresh)
		read_queue(v, s);
	erase();
	curs_set(v->mode == VIEW_WHOSE || v->mode == VIEW_HOLD || v->mode == VIEW_PIN);
	if (v->mode == VIEW_PIN)
		view_pin_draw(v, s);
	else if (v->mode == VIEW_PAGE)
		view_page_draw(v, s);
	else
		draw_all(v, s);
	refresh();
}

/* On what was drawn last. */
static void held(void *arg, const char *why)
{
	const struct view_screen *v = arg;
	if (v->gone || v->mode == VIEW_PIN || v->mode == VIEW_PAGE)
		return;
	attron(A_BOLD);
	view_put(1, 1, COLS - 2, VIEW_BAD, why);
	attroff(A_BOLD);
	refresh();
}

/* ---- the keyboard */

static int input(void *arg)
{
	const struct view_screen *v = arg;
	return v->gone ? -1 : view_terminal_fd();
}

void view_leave(struct view_screen *v)
{
	if (v->mode == VIEW_PIN)
		view_pin_end(v);
	for (size_t i = 0; i < v->n_hits; i++)
		roster_person_free(&v->hits[i]);
	v->n_hits = v->n_all = v->line.n = 0;
	v->action = NULL;
	v->mode = VIEW_KEYS;
}

/* Nobody can go on then: what is under way is finished. */
static void lose_terminal(struct view_screen *v, struct station *s)
{
	view_leave(v);
	v->gone = true;
	if (!station_is_stopping(s))
		station_stop(s, false);
}

static void read_keys(void *arg, struct station *s)
{
	struct view_screen *v = arg;
	wint_t key = 0;
	int got = OK;
	if (view_terminal_is_gone()) {
		lose_terminal(v, s);
		return;
	}
	while (v->mode != VIEW_PIN && (got = get_wch(&key)) != ERR) {
		if (got == KEY_CODE_YES && key == KEY_RESIZE)
			continue;
		if (!view_scan_takes(v, key, got == KEY_CODE_YES))
			view_key(v, s, key, got == KEY_CODE_YES);
	}
	if (v->mode == VIEW_PIN)
		view_pin_read(v, s);
	v->fresh = true;
}

/* ---- the whole */

int view_screen_open(struct view_screen **ret, const char *title, struct err *e)
{
	if (view_terminal_open(e) != 0)
		return -1;
	struct view_screen *v = xcalloc(1, sizeof *v);
	snprintf(v->title, sizeof v->title, "%s", title);
	v->raw = secret_new();
	v->typed = secret_new();
	v->before = secret_new();
	v->fresh = true;
	v->opened = clock_ms();
	*ret = v;
	return 0;
}

void view_screen_close(struct view_screen **v)
{
	if (*v == NULL)
		return;
	view_leave(*v);
	view_terminal_close();
	for (size_t i = 0; i < (*v)->n_queue; i++)
		roster_person_free(&(*v)->queue[i]);
	secret_free(&(*v)->raw);
	secret_free(&(*v)->typed);
	secret_free(&(*v)->before);
	free((*v)->places);
	free(*v);
	*v = NULL;
}

struct station_view view_screen(struct view_screen *v)
{
	return (struct station_view){.arg = v,
				     .event = on_event,
				     .draw = draw,
				     .input = input,
				     .read = read_keys,
				     .held = held,
				     .can_ask = true};
}
