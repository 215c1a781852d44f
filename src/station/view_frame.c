/*
 * view_frame: what is around the places: how far the whole is, what to do now,
 * who is next, what has happened, and the keys.
 */
#include "station/view_screen_impl.h"

#include <curses.h>
#include <inttypes.h>
#include <string.h>

void view_person_name(char *ret, size_t size, const struct roster_person *p)
{
	snprintf(ret, size, "%s%s%s", p->user, p->name[0] != '\0' ? ", " : "", p->name);
}

const char *view_plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- the top */

static void add_time(char *ret, size_t size, int64_t s)
{
	int64_t minutes = (s + 59) / 60;
	if (s < 0)
		return;
	if (minutes < 60)
		snprintf(ret, size, "about %" PRId64 " min left", minutes);
	else
		snprintf(ret, size, "about %" PRId64 " h %02" PRId64 " min left", minutes / 60, minutes % 60);
}

static void add_clock(char *ret, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(ret, size, "%H:%M", &tm);
}

enum top_part { TOP_DONE, TOP_FAILED, TOP_LEFT, TOP_RATE, TOP_TIME, TOP_HELD, TOP_SKIPPED, TOP_PARTS };

static void count_part(char *ret, size_t size, int64_t n, bool always, const char *what)
{
	if (n != 0 || always)
		snprintf(ret, size, "%" PRId64 " %s", n, what);
}

static void top_parts(char ret[TOP_PARTS][40], const struct station *s)
{
	const struct roster_counts *c = station_counts(s);
	double rate = station_per_hour(s);
	memset(ret, 0, TOP_PARTS * sizeof *ret);
	count_part(ret[TOP_DONE], sizeof *ret, c->states[ROSTER_DONE], true, "done");
	count_part(ret[TOP_FAILED], sizeof *ret, c->states[ROSTER_FAILED], true, "failed");
	count_part(ret[TOP_LEFT], sizeof *ret, c->left, true, "left");
	count_part(ret[TOP_HELD], sizeof *ret, c->states[ROSTER_HELD], false, "held");
	count_part(ret[TOP_SKIPPED], sizeof *ret, c->states[ROSTER_SKIPPED], false, "skipped");
	if (rate >= 0)
		snprintf(ret[TOP_RATE], sizeof *ret, "%.0f an hour", rate);
	if (c->left > 0)
		add_time(ret[TOP_TIME], sizeof *ret, station_time_left_s(s));
}

/* The parts are in the order of their weight: what does not fit is left out from the end. */
void view_draw_top(const struct view_screen *v, const struct station *s)
{
	char parts[TOP_PARTS][40], now[8] = "";
	int x = 0, end = COLS - 1;
	top_parts(parts, s);
	add_clock(now, sizeof now);
	if (COLS >= 60) {
		view_put(0, COLS - view_width(now) - 1, 6, VIEW_PLAIN, now);
		end -= view_width(now) + 2;
	}
	for (int i = 0; i < TOP_PARTS; i++) {
		int width = view_width(parts[i]);
		if (width != 0 && x + 1 + width <= end)
			x += 1 + view_put(0, x + 1, width, VIEW_PLAIN, parts[i]) + 1;
	}
	if (end - x > 20)
		view_putf(0, x + 2, end - x - 2, VIEW_PLAIN, "| %s", v->title);
	view_bar(0);
}

void view_draw_hint(const struct view_screen *v, const struct station *s, int y)
{
	char text[VIEW_TEXT];
	enum view_colour c = view_hint(text, sizeof text, v, s);
	attron(A_BOLD);
	view_put(y, 1, COLS - 2, c, text);
	attroff(A_BOLD);
}

/* ---- the bottom: two rows */

static void bottom_text(char *ret, size_t size, const struct view_screen *v, const struct station *s)
{
	size_t busy = station_busy(s);
	switch (v->mode) {
	case VIEW_STOP:
		if (busy == 0)
			snprintf(ret, size, "No token is under way. End the station?");
		else
			snprintf(ret, size, "%zu token%s under way. End the station?", busy,
				 busy == 1 ? " is" : "s are");
		break;
	case VIEW_WHICH:
		view_action_which(ret, size, v, s);
		break;
	case VIEW_SURE:
		view_action_sure(ret, size, v, s);
		break;
	case VIEW_GIVE_UP:
		view_give_up_text(ret, size, v);
		break;
	default:
		snprintf(ret, size, "%s", v->message);
	}
}

#define MESSAGE_ROWS 3

/* What to do is at its end, so where there is room it is not cut: it grows upwards, over what happened long ago. */
static void draw_message(const struct view_screen *v, enum view_colour c, const char *text)
{
	bool below_line = v->mode == VIEW_WHOSE || v->mode == VIEW_HOLD;
	int max = LINES >= VIEW_ROOMY && !below_line ? MESSAGE_ROWS : 1;
	int rows = view_wrap(0, 1, COLS - 2, 0, c, text);
	if (max == 1 || rows <= 1) {
		view_put(LINES - 2, 1, COLS - 2, c, text);
		return;
	}
	rows = rows < max ? rows : max;
	for (int y = LINES - 1 - rows; y < LINES - 1; y++) {
		move(y, 0);
		clrtoeol();
	}
	view_wrap(LINES - 1 - rows, 1, COLS - 2, rows, c, text);
}

void view_draw_bottom(const struct view_screen *v, const struct station *s)
{
	char text[VIEW_TEXT], keys[VIEW_TEXT];
	bool asks = v->mode == VIEW_STOP || v->mode == VIEW_WHICH || v->mode == VIEW_SURE || v->mode == VIEW_GIVE_UP;
	bottom_text(text, sizeof text, v, s);
	draw_message(v, asks ? VIEW_ASKS : v->message_colour, text);
	view_keys_text(keys, sizeof keys, COLS - 2, v, s);
	view_put(LINES - 1, 1, COLS - 2, VIEW_PLAIN, keys);
	view_bar(LINES - 1);
}

/* ---- the rest */

#define WIDE 110 /* from here on there is room for two columns */

static const char *const first_steps[] = {
    "How it goes:",
    "1. Put a token into a reader. It is looked at, and given to who is next.",
    "2. Its key is made in it, the CA signs, the token proves that it works.",
    "3. At the bell and the word PULL it may be pulled out: hand it to that person.",
    "4. A reader that says FAILED or LEFT ALONE says why, and waits; the others go on.",
};

static void draw_first_steps(int y, int x, int width, int rows)
{
	int n = (int)(sizeof first_steps / sizeof *first_steps);
	for (int i = 0; i < n && i < rows; i++)
		view_put(y + i, x, width, VIEW_PLAIN, first_steps[i]);
}

/* The latest first. */
static void draw_log(const struct view_screen *v, int y, int x, int width, int rows)
{
	size_t n = v->n_log < VIEW_LOG ? v->n_log : VIEW_LOG;
	for (size_t i = 0; i < n && (int)i < rows; i++) {
		const struct view_log *l = &v->log[(v->n_log - 1 - i) % VIEW_LOG];
		char when[16] = "";
		struct tm tm;
		if (localtime_r(&l->when, &tm) != NULL)
			(void)strftime(when, sizeof when, "%H:%M:%S", &tm);
		view_put(y + (int)i, x, 8, VIEW_PLAIN, when);
		view_put(y + (int)i, x + 10, width - 10, l->colour, l->text);
	}
}

static void draw_log_or_help(const struct view_screen *v, int y, int x, int width, int rows)
{
	if (v->n_log == 0)
		draw_first_steps(y, x, width, rows);
	else
		draw_log(v, y, x, width, rows);
}

/* How many more there are, of those who wait for no token of their own. */
static int64_t behind(const struct view_screen *v, const struct station *s, size_t shown)
{
	int64_t more = v->n_queue < VIEW_QUEUE ? (int64_t)v->n_queue : station_counts(s)->states[ROSTER_WAITING];
	return more - (int64_t)shown;
}

/* As many names as fit, and how many more there are. */
static void draw_queue_line(const struct view_screen *v, const struct station *s, int y)
{
	char more[40];
	int x = 1 + view_put(y, 1, COLS - 2, VIEW_PLAIN, v->n_queue != 0 ? "next: " : "next: nobody");
	for (size_t i = 0; i < v->n_queue; i++) {
		char name[VIEW_TEXT];
		view_person_name(name, sizeof name, &v->queue[i]);
		const char *text = i == 0 && view_width(name) < COLS / 2 ? name : v->queue[i].user;
		snprintf(more, sizeof more, " and %" PRId64 " more", behind(v, s, i));
		if (i != 0 && x + view_width(text) + 2 + view_width(more) > COLS - 2) {
			view_put(y, x, COLS - 1 - x, VIEW_PLAIN, more);
			return;
		}
		x += view_putf(y, x, COLS - 1 - x, VIEW_PLAIN, "%s%s", i == 0 ? "" : "; ", text);
	}
	snprintf(more, sizeof more, " and %" PRId64 " more", behind(v, s, v->n_queue));
	if (behind(v, s, v->n_queue) > 0)
		view_put(y, x, COLS - 1 - x, VIEW_PLAIN, more);
}

static void draw_queue(const struct view_screen *v, const struct station *s, int y, int width, int rows)
{
	size_t shown = v->n_queue < (size_t)rows - 1 ? v->n_queue : (size_t)rows - 1;
	view_put(y, 1, width, VIEW_PLAIN, shown != 0 ? "next in line:" : "nobody is in line");
	if (behind(v, s, shown) > 0 && shown > 1)
		shown--;
	for (size_t i = 0; i < shown; i++) {
		char name[VIEW_TEXT];
		view_person_name(name, sizeof name, &v->queue[i]);
		view_putf(y + 1 + (int)i, 1, width, VIEW_PLAIN, "%3zu  %s", i + 1, name);
	}
	if (behind(v, s, shown) > 0)
		view_putf(y + 1 + (int)shown, 1, width, VIEW_PLAIN, "     and %" PRId64 " more", behind(v, s, shown));
}

void view_draw_rest(const struct view_screen *v, const struct station *s, int y, int rows)
{
	if (rows <= 0)
		return;
	if (COLS >= WIDE && rows >= 4) {
		draw_queue(v, s, y + 1, COLS / 3, rows - 1);
		draw_log_or_help(v, y + 1, COLS / 3 + 3, COLS - COLS / 3 - 4, rows - 1);
		return;
	}
	draw_queue_line(v, s, y);
	if (rows > 2)
		draw_log_or_help(v, y + 2, 1, COLS - 2, rows - 2);
}
