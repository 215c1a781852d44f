/*
 * view_line: names and reasons that are typed. A barcode reader is a keyboard
 * that sends Enter at the end.
 */
#include "station/view_screen_impl.h"

#include "core/utf8.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

#define ESC 27
#define CTRL_U 21
#define BACKSPACE 8
#define DELETE 127
#define LINE_MAX_CHARS (sizeof((struct view_line *)0)->c / sizeof(wchar_t))
#define LINE_BYTES (LINE_MAX_CHARS * UTF8_MAX + 1)

void view_line_begin(struct view_screen *v, enum view_mode mode, const struct place *p)
{
	view_leave(v);
	view_ask(v, mode, p);
	view_place(v, p)->put_off = false;
	v->message[0] = '\0';
}

static void forget_hits(struct view_screen *v)
{
	for (size_t i = 0; i < v->n_hits; i++)
		roster_person_free(&v->hits[i]);
	v->n_hits = v->n_all = 0;
}

static void line_text(char ret[LINE_BYTES], const struct view_line *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += utf8_encode(ret + n, (uint32_t)l->c[i]);
	ret[n] = '\0';
}

/* ---- whose */

static void give(struct view_screen *v, struct station *s, size_t place, int64_t person, const char *name, bool give_up)
{
	struct err e = ERR_INIT;
	char user[sizeof v->picked_user];
	snprintf(user, sizeof user, "%s", name);
	if (station_pick(s, place, person, give_up, &e) != 0) {
		forget_hits(v);
		v->line.n = 0;
		view_say_error(v, &e);
		return;
	}
	view_leave(v);
	view_say(v, VIEW_PLAIN, "%zu: the token becomes that of %s", place + 1, user);
}

static void take(struct view_screen *v, struct station *s, size_t place, const struct roster_person *p)
{
	struct err e = ERR_INIT;
	bool asks = false;
	if (station_gives_up(s, place, p->id, &asks, v->picked_from, &e) != 0) {
		view_say_error(v, &e);
		return;
	}
	if (!asks) {
		give(v, s, place, p->id, p->user, false);
		return;
	}
	v->picked = p->id;
	snprintf(v->picked_user, sizeof v->picked_user, "%s", p->user);
	forget_hits(v);
	v->mode = VIEW_GIVE_UP;
}

void view_give_up_key(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	size_t n = 0, i = view_about(v, s);
	const struct place *p = station_places(s, &n);
	if (i == VIEW_NONE) {
		view_leave(v);
		view_say_changed(v, s);
		return;
	}
	view_line_begin(v, VIEW_WHOSE, &p[i]);
	if (!function && key == 'y')
		give(v, s, i, v->picked, v->picked_user, true);
}

void view_give_up_text(char *ret, size_t size, const struct view_screen *v)
{
	snprintf(ret, size, "%s is half done on token %s: give that up?", v->picked_user, v->picked_from);
}

/* "2" and Enter, while numbered names are shown. */
static const struct roster_person *numbered(const struct view_screen *v)
{
	size_t number = v->line.n == 1 ? (size_t)(v->line.c[0] - L'0') : 0;
	return number >= 1 && number <= v->n_hits ? &v->hits[number - 1] : NULL;
}

static void search(struct view_screen *v, struct station *s, size_t place, const char *typed)
{
	struct err e = ERR_INIT;
	forget_hits(v);
	v->line.n = 0;
	if (station_search(s, typed, v->hits, VIEW_HITS, &v->n_hits, &v->n_all, &e) != 0)
		view_say_error(v, &e);
	else if (v->n_all == 0)
		view_say(v, VIEW_BAD, "nobody on the roster is called \"%s\", or begins so: type it again", typed);
	else if (v->n_all == 1)
		take(v, s, place, &v->hits[0]);
	else
		view_say(v, VIEW_ASKS, "\"%s\" may be %zu%s people: type a number, or more of the name", typed,
			 v->n_all, v->n_all >= 1000 ? " or more" : "");
}

static void enter_whose(struct view_screen *v, struct station *s, size_t place)
{
	char text[LINE_BYTES];
	const struct roster_person *chosen = numbered(v);
	line_text(text, &v->line);
	if (chosen != NULL)
		take(v, s, place, chosen);
	else if (text[strspn(text, " ")] != '\0')
		search(v, s, place, text);
}

/* ---- hold */

/* Where whoever the question is about is by now; VIEW_NONE: at no reader where they could be held. */
static size_t find_held(const struct view_screen *v, const struct station *s)
{
	size_t n = 0, found = VIEW_NONE;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n; i++) {
		bool is = view_can_put_back(&p[i]) && view_person(&p[i]) == v->about_person;
		if (is && (found == VIEW_NONE || p[i].begun))
			found = i;
	}
	return found;
}

static void enter_hold(struct view_screen *v, struct station *s)
{
	struct err e = ERR_INIT;
	char text[LINE_BYTES], user[sizeof v->about_user];
	size_t n = 0, place = find_held(v, s);
	snprintf(user, sizeof user, "%s", v->about_user);
	line_text(text, &v->line);
	int ret =
	    place != VIEW_NONE ? station_hold(s, place, text, &e) : station_hold_person(s, v->about_person, text, &e);
	if (ret == 0 && place != VIEW_NONE)
		view_place(v, &station_places(s, &n)[place])->put_back = "held";
	view_leave(v);
	if (ret != 0)
		view_say_error(v, &e);
	else if (place != VIEW_NONE)
		view_say(v, VIEW_PLAIN, "%zu: %s is held", place + 1, user);
	else
		view_say(v, VIEW_PLAIN, "%s is held", user);
}

/* ---- keys */

static void leave(struct view_screen *v, const struct station *s)
{
	size_t n = 0, i = view_find(s, &v->about);
	const struct place *p = station_places(s, &n);
	if (v->mode == VIEW_WHOSE && i != VIEW_NONE) {
		view_place(v, &p[i])->put_off = true;
		view_leave(v);
		view_say(v, VIEW_PLAIN, "Enter asks again whose the token is");
	} else {
		view_leave(v);
	}
}

static bool is_printable(wint_t key)
{
	return key >= L' ' && key != DELETE && (key < 0x80 || key > 0x9F);
}

void view_line_key(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	size_t place = view_about(v, s);
	/* some scanners end with a tabulator */
	bool enter = function ? key == KEY_ENTER : key == '\n' || key == '\r' || (key == '\t' && v->mode == VIEW_WHOSE);
	bool back = function ? key == KEY_BACKSPACE : key == BACKSPACE || key == DELETE;
	if (enter && place != VIEW_NONE && v->mode == VIEW_WHOSE)
		enter_whose(v, s, place);
	else if (enter && v->mode == VIEW_HOLD)
		enter_hold(v, s);
	else if (back)
		v->line.n -= v->line.n > 0;
	else if (!function && key == ESC)
		leave(v, s);
	else if (!function && key == CTRL_U)
		v->line.n = 0;
	else if (!function && is_printable(key) && v->line.n < LINE_MAX_CHARS)
		v->line.c[v->line.n++] = (wchar_t)key;
}

/* ---- drawing: over the rows above the last two */

static void draw_hit(const struct view_screen *v, size_t i, int y)
{
	const struct roster_person *p = &v->hits[i];
	char name[VIEW_TEXT];
	view_person_name(name, sizeof name, p);
	view_putf(y, 1, COLS - 2, VIEW_ASKS, "%zu  %s%s%s%s%s", i + 1, name, p->department[0] != '\0' ? ", " : "",
		  p->department, p->state != ROSTER_WAITING ? ": " : "",
		  p->state != ROSTER_WAITING ? roster_state_name(p->state) : "");
}

static void clear_row(int y)
{
	move(y, 0);
	clrtoeol();
}

static void draw_hits(const struct view_screen *v, int end)
{
	bool more = v->n_all > v->n_hits;
	int y = end - (int)v->n_hits - more;
	for (size_t i = 0; i < v->n_hits; i++, y++) {
		if (y < 1)
			continue;
		clear_row(y);
		draw_hit(v, i, y);
	}
	if (more && y >= 1) {
		clear_row(y);
		view_putf(y, 1, COLS - 2, VIEW_ASKS, "and %zu more", v->n_all - v->n_hits);
	}
}

void view_line_draw(const struct view_screen *v, const struct station *s)
{
	char text[LINE_BYTES];
	size_t i = v->mode == VIEW_HOLD ? find_held(v, s) : view_about(v, s);
	int y = LINES - 3, x = 1;
	if ((i == VIEW_NONE && v->mode != VIEW_HOLD) || y < 1)
		return;
	draw_hits(v, y);
	clear_row(y);
	if (v->mode == VIEW_WHOSE)
		x += view_putf(y, x, COLS / 2, VIEW_ASKS, "reader %zu, token %s: whose? ", i + 1, v->about_token);
	else if (i != VIEW_NONE)
		x += view_putf(y, x, COLS / 2, VIEW_ASKS, "reader %zu, %s is held, because: ", i + 1, v->about_user);
	else
		x += view_putf(y, x, COLS / 2, VIEW_ASKS, "%s is held, because: ", v->about_user);
	line_text(text, &v->line);
	x += view_put_end(y, x, COLS - 2 - x, text);
	move(y, x);
}
