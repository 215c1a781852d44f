/*
 * view_pin: an employee types a PIN at the station. It covers all that the
 * operator sees, and shows stars. What is typed goes from the keyboard's
 * descriptor straight into a struct secret: curses would keep it in its own
 * queue of keys.
 */
#include "station/view_screen_impl.h"

#include <curses.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_C 3
#define CTRL_L 12
#define CTRL_U 21
#define BACKSPACE 8
#define DELETE 127
#define ESC 27
#define WIDTH 76
#define AT_ONCE 64   /* bytes */
#define ESCAPE_MS 50 /* what a function key sends behind its ESC comes within that time */

/* Keys that were pressed before the question was there are not for it. */
void view_pin_begin(struct view_screen *v, const struct place *p)
{
	view_leave(v);
	view_ask(v, VIEW_PIN, p);
	v->again = false;
	v->pin_error[0] = '\0';
	/* the keys of a number block send digits then */
	keypad(stdscr, FALSE);
	flushinp();
}

void view_pin_end(struct view_screen *v)
{
	secret_clear(v->raw);
	secret_clear(v->typed);
	secret_clear(v->before);
	keypad(stdscr, TRUE);
}

static const struct place *asking(const struct view_screen *v, const struct station *s, size_t *ret_place)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	*ret_place = view_about(v, s);
	return *ret_place != VIEW_NONE && p[*ret_place].state == PLACE_ASKING ? &p[*ret_place] : NULL;
}

/* ---- what is typed */

static void again_from_start(struct view_screen *v, const char *why)
{
	secret_clear(v->typed);
	secret_clear(v->before);
	v->again = false;
	snprintf(v->pin_error, sizeof v->pin_error, "%s", why);
}

static bool fits(const struct desk_ask *a, const struct secret *s)
{
	return s->len > 0 && s->len >= a->min && (a->max == 0 || s->len <= a->max) && s->len % a->multiple == 0 &&
	       profile_alphabet_has(a->alphabet, s->bytes, s->len);
}

static bool is_factory(const struct desk_ask *a, const struct secret *s)
{
	bool found = false;
	for (size_t i = 0; i < a->n_factory; i++)
		found = found || (strlen(a->factory[i]) == s->len && memcmp(a->factory[i], s->bytes, s->len) == 0);
	return found;
}

static void give(struct view_screen *v, struct station *s, size_t place)
{
	struct err e = ERR_INIT;
	int ret = station_answer(s, place, v->typed, &e);
	view_leave(v);
	if (ret != 0)
		view_say_error(v, &e);
}

static void enter(struct view_screen *v, struct station *s)
{
	size_t place = 0;
	const struct place *p = asking(v, s, &place);
	if (p == NULL) {
		view_leave(v);
	} else if (v->again && !secret_equal(v->typed, v->before)) {
		again_from_start(v, "The two were not the same. Please type the PIN twice again.");
	} else if (!fits(&p->ask, v->typed)) {
		again_from_start(v, p->ask.rule[0] != '\0' ? "" : "That cannot be the PIN of this token.");
		if (p->ask.rule[0] != '\0')
			snprintf(v->pin_error, sizeof v->pin_error, "It has to be %s. Please type it again.",
				 p->ask.rule);
	} else if (is_factory(&p->ask, v->typed)) {
		again_from_start(v, "All such tokens come with this PIN, and everybody can look it up. Please choose "
				    "another one.");
	} else if (p->ask.what == DESK_PIN_NEW && !v->again) {
		(void)secret_set(v->before, v->typed->bytes, v->typed->len, NULL);
		secret_clear(v->typed);
		v->again = true;
		v->pin_error[0] = '\0';
	} else {
		give(v, s, place);
	}
}

static void give_back(struct view_screen *v, struct station *s)
{
	struct err e = ERR_INIT;
	size_t place = 0;
	const struct place *p = asking(v, s, &place);
	view_leave(v);
	if (p == NULL)
		return;
	view_place(v, p)->put_back = "skipped";
	if (station_skip(s, place, &e) != 0)
		view_say_error(v, &e);
}

/* The bytes behind the first of a character in UTF-8 go with it. */
static void take_back(struct secret *s)
{
	bool behind = true;
	while (s->len > 0 && behind) {
		behind = ((unsigned char)s->bytes[s->len - 1] & 0xC0) == 0x80;
		s->bytes[--s->len] = '\0';
	}
}

static void add(struct secret *s, const char *byte)
{
	if ((unsigned char)*byte >= ' ' && s->len < SECRET_MAX)
		s->bytes[s->len++] = *byte;
}

/* How many bytes of a function key's sequence are behind its ESC (ECMA-48, 5.4; SS3 has one). */
static size_t sequence(const char *bytes, size_t n)
{
	size_t i = 1;
	if (n == 0 || (bytes[0] != '[' && bytes[0] != 'O'))
		return n == 0 ? 0 : 1;
	while (bytes[0] == '[' && i < n && (bytes[i] < 0x40 || bytes[i] > 0x7E))
		i++;
	return i < n ? i + 1 : n;
}

static bool more_to_read(int ms)
{
	struct pollfd p = {.fd = view_terminal_fd(), .events = POLLIN};
	return poll(&p, 1, ms) > 0 && (p.revents & POLLIN) != 0;
}

static void read_raw(struct secret *raw)
{
	ssize_t n = read(view_terminal_fd(), raw->bytes + raw->len, AT_ONCE);
	raw->len += n > 0 ? (size_t)n : 0;
	/* one key, in two parts */
	if (n > 0 && raw->bytes[raw->len - 1] == ESC && more_to_read(ESCAPE_MS)) {
		n = read(view_terminal_fd(), raw->bytes + raw->len, AT_ONCE);
		raw->len += n > 0 ? (size_t)n : 0;
	}
}

/* Returns how many bytes it was. What comes behind the end of the question is not looked at. */
static size_t key(struct view_screen *v, struct station *s, const char *bytes, size_t n)
{
	switch ((unsigned char)bytes[0]) {
	case '\r':
	case '\n':
		enter(v, s);
		return 1;
	case CTRL_C:
		view_ask_stop(v, s);
		return 1;
	case CTRL_L:
		clearok(curscr, TRUE);
		return 1;
	case CTRL_U:
		secret_clear(v->typed);
		return 1;
	case BACKSPACE:
	case DELETE:
		take_back(v->typed);
		return 1;
	case ESC:
		if (n == 1)
			give_back(v, s);
		return 1 + sequence(bytes + 1, n - 1);
	default:
		add(v->typed, bytes);
		return 1;
	}
}

void view_pin_read(struct view_screen *v, struct station *s)
{
	if (!more_to_read(0))
		return;
	secret_clear(v->raw);
	read_raw(v->raw);
	for (size_t i = 0; v->mode == VIEW_PIN && i < v->raw->len;)
		i += key(v, s, v->raw->bytes + i, v->raw->len - i);
	secret_clear(v->raw);
}

/* ---- what is shown */

static int characters(const struct secret *s)
{
	int n = 0;
	for (size_t i = 0; i < s->len; i++)
		n += ((unsigned char)s->bytes[i] & 0xC0) != 0x80;
	return n;
}

static int draw_stars(int y, int x, const char *label, int stars)
{
	x += view_put(y, x, COLS - 1 - x, VIEW_PLAIN, label);
	for (int i = 0; i < stars && x < COLS - 1; i++)
		x += view_put(y, x, 1, VIEW_PLAIN, "*");
	return x;
}

/* Returns how many rows it took. */
static int draw_question(const struct place *p, int y, int x, int width)
{
	bool is_new = p->ask.what == DESK_PIN_NEW;
	char text[VIEW_TEXT];
	int gap = LINES >= VIEW_ROOMY, top = y;
	view_person_name(text, sizeof text, &p->person);
	attron(A_BOLD);
	y += view_put(y, x, width, VIEW_ASKS, text) != 0;
	attroff(A_BOLD);
	y += view_putf(y, x, width, VIEW_PLAIN, "Token %s in '%s'", p->token.id, p->name) != 0;
	snprintf(text, sizeof text, "%s%s%s",
		 is_new ? "Please choose a PIN for your token, and type it twice"
			: "Please type the PIN that the token has now",
		 p->ask.rule[0] != '\0' ? ": " : ".", p->ask.rule);
	y += gap;
	y += view_wrap(y, x, width, LINES - y, VIEW_PLAIN, text) + gap;
	return y - top;
}

/* The word that goes with the bell. */
static void draw_may_pull(const struct station *s, int y)
{
	char text[VIEW_TEXT] = "PULL: reader";
	size_t n = 0, used = strlen(text), found = 0;
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n && used < sizeof text; i++) {
		if (p[i].card && p[i].may_pull && ++found != 0)
			used += (size_t)snprintf(text + used, sizeof text - used, " %zu", i + 1);
	}
	if (found != 0)
		view_put(y, 1, COLS - 2, VIEW_GOOD, text);
}

void view_pin_draw(const struct view_screen *v, const struct station *s)
{
	static const char keys[] = "Enter go on  Esc not now: back to the operator";
	size_t place = 0;
	const struct place *p = asking(v, s, &place);
	int width = COLS - 2 < WIDTH ? COLS - 2 : WIDTH, x = (COLS - width) / 2,
	    y = LINES >= VIEW_ROOMY ? LINES / 4 : 1;
	if (p == NULL)
		return;
	view_putf(0, 1, COLS - 2, VIEW_PLAIN, "reader %zu", place + 1);
	view_bar(0);
	y += draw_question(p, y, x, width);
	int below = y + 1 + (LINES >= VIEW_ROOMY);
	view_wrap(below, x, width, LINES - 1 - below > 0 ? LINES - 1 - below : 1, VIEW_BAD, v->pin_error);
	int end = draw_stars(y, x, "PIN:       ", characters(v->again ? v->before : v->typed));
	if (v->again)
		end = draw_stars(y + 1, x, "once more: ", characters(v->typed));
	draw_may_pull(s, LINES - 2);
	view_put(LINES - 1, 1, COLS - 2, VIEW_PLAIN, keys);
	view_bar(LINES - 1);
	move(v->again ? y + 1 : y, end);
}
