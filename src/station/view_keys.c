/*
 * view_keys: what the operator's keys do.
 */
#include "station/view_screen_impl.h"

#include <curses.h>
#include <string.h>

#define CTRL_C 3
#define CTRL_L 12
#define ESC 27

static bool is_enter(wint_t key, bool function)
{
	return function ? key == KEY_ENTER : key == '\n' || key == '\r';
}

/* ---- which reader */

static void choose(struct view_screen *v, const struct station *s, size_t i)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	if (i < n)
		v->chosen = view_at(&p[i]);
	else
		view_say(v, VIEW_PLAIN, "there is no reader %zu", i + 1);
}

static void step(struct view_screen *v, const struct station *s, bool up)
{
	size_t n = 0, i = view_find(s, &v->chosen);
	(void)station_places(s, &n);
	if (n == 0)
		return;
	if (i == VIEW_NONE)
		i = up ? n - 1 : 0;
	else
		i = up ? (i + n - 1) % n : (i + 1) % n;
	choose(v, s, i);
}

static bool choosing_key(struct view_screen *v, const struct station *s, wint_t key, bool function)
{
	if (function && (key == KEY_UP || key == KEY_DOWN || key == KEY_LEFT || key == KEY_RIGHT))
		step(v, s, key == KEY_UP || key == KEY_LEFT);
	else if (!function && key >= '1' && key <= '9')
		choose(v, s, key - '1');
	else
		return false;
	return true;
}

/* ---- the ends */

void view_ask_stop(struct view_screen *v, struct station *s)
{
	view_leave(v);
	if (station_is_stopping(s))
		station_stop_more(s);
	else
		v->mode = VIEW_STOP;
}

static void quit(struct view_screen *v, struct station *s)
{
	if (station_is_stopping(s))
		view_say(v, VIEW_PLAIN, "those under way are being finished; Ctrl-C stops them");
	else
		station_stop(s, false);
}

/* ---- a key for each mode */

static void key_plain(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	v->message[0] = '\0';
	if (choosing_key(v, s, key, function))
		return;
	if (is_enter(key, function)) {
		(void)view_action_key(v, s, '\n');
	} else if (function) {
		return;
	} else if (key == ESC) {
		v->chosen.name[0] = '\0';
	} else if (key == 'q') {
		quit(v, s);
	} else if (key == '?') {
		view_page_begin(v, VIEW_PAGE_HELP, NULL);
	} else if (!view_action_key(v, s, key) && key > ' ') {
		view_say(v, VIEW_PLAIN, "this key does nothing now; ? shows what the keys do");
	}
}

/* A digit says it at once; with the arrows one looks for it first. */
static void key_which(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	const struct view_action *a = v->action;
	bool enter = is_enter(key, function), chose = choosing_key(v, s, key, function);
	size_t i = view_find(s, &v->chosen);
	if (chose && function)
		return;
	bool can = (chose || enter) && i != VIEW_NONE && view_action_can(v, s, i);
	view_leave(v);
	if (can) {
		v->action = a;
		view_action_begin(v, s, i);
		return;
	}
	v->chosen.name[0] = '\0';
	if ((chose || enter) && v->message[0] == '\0')
		view_say(v, VIEW_PLAIN, "that cannot be done at this reader");
}

static void key_sure(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	size_t i = view_about(v, s);
	bool yes = !function && key == 'y';
	if (yes && i != VIEW_NONE && view_action_can(v, s, i)) {
		view_action_do(v, s, i);
		return;
	}
	view_leave(v);
	if (yes)
		view_say_changed(v, s);
}

/* With nothing under way there is nothing to finish or to stop. */
static void key_stop(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	bool idle = station_busy(s) == 0;
	view_leave(v);
	if (!function && (key == 'f' || key == 's' || (idle && key == 'y')))
		station_stop(s, key == 's');
}

void view_key(struct view_screen *v, struct station *s, wint_t key, bool function)
{
	if (!function && key == CTRL_C) {
		if (v->mode == VIEW_STOP)
			key_stop(v, s, 's', false);
		else
			view_ask_stop(v, s);
	} else if (!function && key == CTRL_L) {
		clearok(curscr, TRUE);
	} else if (v->mode == VIEW_WHOSE || v->mode == VIEW_HOLD) {
		view_line_key(v, s, key, function);
	} else if (v->mode == VIEW_WHICH) {
		key_which(v, s, key, function);
	} else if (v->mode == VIEW_SURE) {
		key_sure(v, s, key, function);
	} else if (v->mode == VIEW_GIVE_UP) {
		view_give_up_key(v, s, key, function);
	} else if (v->mode == VIEW_STOP) {
		key_stop(v, s, key, function);
	} else if (v->mode == VIEW_PAGE) {
		view_page_key(v);
	} else {
		key_plain(v, s, key, function);
	}
}

/* ---- and their names */

static const char *mode_keys(enum view_mode mode, bool idle)
{
	switch (mode) {
	case VIEW_WHOSE:
		return "Enter take  Esc other keys";
	case VIEW_HOLD:
		return "Enter hold  Esc do not";
	case VIEW_WHICH:
		return "digit or arrows and Enter  Esc none";
	case VIEW_SURE:
	case VIEW_GIVE_UP:
		return "y yes  any other key: no";
	case VIEW_STOP:
		return idle ? "y yes  any other key: go on" : "f finish them  s stop them now  any other key: go on";
	default:
		return NULL;
	}
}

/* Those at the end are always there. */
void view_keys_text(char *ret, size_t size, int width, const struct view_screen *v, const struct station *s)
{
	static const char end[] = "? help  q quit";
	const char *keys = mode_keys(v->mode, station_busy(s) == 0);
	char text[40];
	size_t n_places = 0;
	if (keys != NULL) {
		snprintf(ret, size, "%s", keys);
		return;
	}
	ret[0] = '\0';
	for (size_t i = 0; view_action_text(text, sizeof text, s, i); i++) {
		size_t used = strlen(ret);
		if ((int)(used + strlen(text) + 2 + strlen(end)) <= width)
			snprintf(ret + used, size - used, "%s  ", text);
	}
	(void)station_places(s, &n_places);
	size_t used = strlen(ret);
	if (n_places > 1 && (int)(used + strlen("1-9 reader  ") + strlen(end)) <= width)
		snprintf(ret + used, size - used, "1-9 reader  ");
	used = strlen(ret);
	snprintf(ret + used, size - used, "%s", end);
}
