/*
 * view_places: the readers. Each has the same rows all the time, so that
 * nothing jumps while somebody reads it: reader and token, then person and
 * step; one that waits for the operator says why in as many more as there is
 * room for. Where there is little room all of it is in one row.
 */
#include "station/view_screen_impl.h"

#include "core/clock.h"
#include "core/xalloc.h"

#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4 /* "> 1 " */
#define BAR_MAX 40
#define BAR_MIN 6
#define ONE_ROW_WIDE 60 /* from here on one row has reader, person and step */

static bool may_pull(const struct place *p)
{
	return p->card && (p->may_pull || p->state == PLACE_DONE);
}

static enum view_colour colour_of(const struct place *p)
{
	if (place_is_red(p))
		return VIEW_BAD;
	if (p->state == PLACE_PICK || p->state == PLACE_ASKING)
		return VIEW_ASKS;
	return p->may_pull || p->state == PLACE_DONE ? VIEW_GOOD : VIEW_PLAIN;
}

/* What the command says of itself is not all that can be done here. */
static const char *advice(const struct place *p)
{
	bool begun = p->half_done || p->undoing || p->why.code == ERR_REMOVED; /* that says so itself */
	if (p->state == PLACE_FAILED && !p->card && !begun)
		return "put the same token in again: it goes on where it stopped";
	return err_advice(&p->why);
}

void view_why(struct view_words *ret, const struct place *p)
{
	const struct err *e = &p->why;
	const char *next = advice(p), *more = p->state == PLACE_FAILED && p->card ? "; r tries again" : "";
	snprintf(ret->what, sizeof ret->what, "%s%s%s%s", e->what, e->native[0] != '\0' ? " (" : "", e->native,
		 e->native[0] != '\0' ? ")" : "");
	snprintf(ret->next, sizeof ret->next, "%s%s%s", next[0] != '\0' ? "What to do: " : "", next,
		 next[0] != '\0' ? more : "");
}

/* What there is room for of both: of either one row at least. */
int view_words_draw(int y, int x, int width, int rows, enum view_colour c, const struct view_words *w)
{
	int next = view_wrap(0, x, width, 0, c, w->next), keep = next != 0 && rows > 1, used = 0;
	if (rows - keep > 0)
		used = view_wrap(y, x, width, rows - keep, c, w->what);
	if (next != 0 && rows - used > 0)
		used += view_wrap(y + used, x, width, rows - used, VIEW_PLAIN, w->next);
	return used;
}

static int words_rows(int x, int width, const struct view_words *w)
{
	return view_wrap(0, x, width, 0, VIEW_PLAIN, w->what) + view_wrap(0, x, width, 0, VIEW_PLAIN, w->next);
}

/* ---- what a place says */

static void token_text(char *ret, size_t size, const struct place *p)
{
	const struct desk_token *t = &p->token;
	ret[0] = '\0';
	if (p->state == PLACE_EMPTY)
		snprintf(ret, size,
			 !p->card   ? "empty"
			 : p->again ? "a token that waits for its turn"
				    : "a token; no new one is begun");
	else if (p->state == PLACE_LOOKING)
		snprintf(ret, size, "a token");
	else if (t->token.model[0] != '\0' || t->id[0] != '\0')
		snprintf(ret, size, "%s%s%s%s%s", t->id[0] != '\0' ? t->id : "blank token",
			 t->token.model[0] != '\0' ? " (" : "", t->token.model, t->token.model[0] != '\0' ? ")" : "",
			 p->card ? "" : ", pulled out");
}

static void person_text(char *ret, size_t size, const struct place *p)
{
	ret[0] = '\0';
	if (p->has_person)
		view_person_name(ret, size, &p->person);
	else if (p->state != PLACE_EMPTY && p->token.owner[0] != '\0')
		snprintf(ret, size, "%s's token", p->token.owner);
}

/* How long this takes already. */
static int64_t seconds(const struct place *p)
{
	return (clock_ms() - p->step_began) / 1000;
}

static void time_text(char *ret, size_t size, const struct place *p)
{
	int64_t usual = (p->step_usual + 500) / 1000, now = seconds(p);
	if (p->step_usual == 0)
		snprintf(ret, size, "%" PRId64 " s", now);
	else if (now <= usual)
		snprintf(ret, size, "%" PRId64 " s of about %" PRId64 " s", now, usual);
	else
		snprintf(ret, size, "%" PRId64 " s, usually %" PRId64 " s", now, usual);
}

/* "" where a step is under way: it is drawn with its time. */
static void state_text(char *ret, size_t size, struct view_screen *v, const struct place *p)
{
	ret[0] = '\0';
	switch (p->state) {
	case PLACE_PICK:
		snprintf(ret, size, "whose is it?");
		break;
	case PLACE_ASKING:
		snprintf(ret, size, "waits for a PIN to be typed");
		break;
	case PLACE_DONE:
		snprintf(ret, size, "%sDONE in %.1f s", may_pull(p) ? "PULL: " : "",
			 (double)(p->ended - p->began) / 1000.0);
		break;
	case PLACE_UNDONE:
		snprintf(ret, size,
			 p->pin_left ? "UNDONE: empty, but keep its PIN" : "UNDONE: the token is empty again");
		break;
	case PLACE_REFUSED:
		snprintf(ret, size, "LEFT ALONE");
		break;
	case PLACE_FAILED:
		snprintf(ret, size, "%s%s", view_place(v, p)->put_back != NULL ? "PUT BACK" : "FAILED",
			 p->enroller != NULL && p->stopping ? ", is being broken off" : "");
		break;
	default:
		break;
	}
}

/* "[######......]", of at most so many columns. Full is not done: that is told when it is. */
static int draw_bar(int y, int x, int width, const struct place *p)
{
	char text[BAR_MAX + 3];
	int n = width - 2 < BAR_MAX ? width - 2 : BAR_MAX;
	if (n < BAR_MIN || p->step_usual <= 0)
		return 0;
	int64_t full = (clock_ms() - p->step_began) * n / p->step_usual;
	text[0] = '[';
	for (int i = 0; i < n; i++)
		text[1 + i] = i < full ? '#' : '.';
	text[1 + n] = ']';
	text[2 + n] = '\0';
	return view_put(y, x, width, VIEW_PLAIN, text);
}

static const char *step_name(const struct place *p)
{
	if (p->state == PLACE_LOOKING)
		return "looks at the token";
	if (p->pin_waits)
		return "the PIN is tried on another token first";
	return p->step[0] != '\0' ? p->step : "works";
}

static void draw_step(int y, int x, int width, const struct place *p)
{
	char since[48];
	enum view_colour c = colour_of(p);
	int end = x + width;
	const char *step = step_name(p);
	time_text(since, sizeof since, p);
	x += view_putf(y, x, width, c, "%s%s%s", may_pull(p) ? "PULL: " : "", step,
		       p->stopping ? ", is being broken off" : "");
	int bar = draw_bar(y, x + 1, end - x - 1 - view_width(since) - 2, p);
	view_put(y, x + 1 + bar + (bar != 0), end - x - 1 - bar, c, since);
}

static void draw_state(struct view_screen *v, int y, int x, int width, const struct place *p)
{
	char text[80];
	state_text(text, sizeof text, v, p);
	if (p->state == PLACE_LOOKING || p->state == PLACE_WORKING)
		draw_step(y, x, width, p);
	else
		view_put(y, x, width, colour_of(p), text);
}

/* ---- its rows */

static int name_width(void)
{
	int width = COLS / 3;
	return width > 44 ? 44 : width;
}

static void draw_number(const struct view_screen *v, const struct station *s, const struct place *p, int y)
{
	view_putf(y, 0, INDENT, colour_of(p), "%c%2zu", view_at_is(&v->chosen, p) ? '>' : ' ', view_number(s, p));
}

static void draw_one_row(struct view_screen *v, const struct place *p, int y)
{
	char text[VIEW_TEXT];
	int x = INDENT, width = COLS - INDENT - 1;
	int part = width >= ONE_ROW_WIDE ? width / 3 : width / 4;
	view_put_name(y, x, part - 1, colour_of(p), p->name);
	x += part;
	person_text(text, sizeof text, p);
	if (text[0] == '\0')
		token_text(text, sizeof text, p);
	view_put(y, x, part - 1, colour_of(p), p->has_person && width < ONE_ROW_WIDE ? p->person.user : text);
	x += part;
	draw_state(v, y, x, COLS - 1 - x, p);
}

static void draw_two_rows(struct view_screen *v, const struct place *p, int y)
{
	char text[VIEW_TEXT];
	int name = name_width(), x = INDENT + name + 1;
	view_put_name(y, INDENT, name, colour_of(p), p->name);
	token_text(text, sizeof text, p);
	view_put(y, x, COLS - 1 - x, p->state == PLACE_EMPTY ? VIEW_PLAIN : colour_of(p), text);
	person_text(text, sizeof text, p);
	view_put(y + 1, INDENT, name, colour_of(p), text);
	draw_state(v, y + 1, x, COLS - 1 - x, p);
}

/* What is said below its two rows: why it waits, else the last remark. */
static void more_words(struct view_words *ret, struct view_screen *v, const struct place *p)
{
	const struct view_place *q = view_place(v, p);
	ret->what[0] = ret->next[0] = '\0';
	if (place_is_red(p) && q->put_back != NULL) {
		snprintf(ret->what, sizeof ret->what, "%s is %s", p->person.user, q->put_back);
		snprintf(ret->next, sizeof ret->next,
			 "What to do: pull the token out, and put in the next; r takes %s back into the line",
			 p->person.user);
	} else if (place_is_red(p)) {
		view_why(ret, p);
	} else if (p->state != PLACE_EMPTY) {
		snprintf(ret->what, sizeof ret->what, "%s", q->note);
	}
}

/* ---- all of them */

/* Rows for each place, between two of them, and what is left for what they have to say besides. */
struct layout {
	int each, gap, spare;
	int *more; /* for each place, of the spare ones */
};

/* Why somebody has to come goes before remarks. */
static void share_rows(struct view_screen *v, const struct place *p, size_t n, struct layout *l)
{
	for (int red = 1; red >= 0; red--) {
		for (size_t i = 0; i < n; i++) {
			struct view_words words = {"", ""};
			if (place_is_red(&p[i]) != red || l->spare <= 0)
				continue;
			more_words(&words, v, &p[i]);
			int want = words_rows(INDENT, COLS - INDENT - 1, &words);
			l->more[i] = want < l->spare ? want : l->spare;
			l->spare -= l->more[i];
		}
	}
}

static struct layout lay_out(struct view_screen *v, const struct place *p, size_t n_places, int rows)
{
	int n = (int)n_places;
	struct layout l = {.each = rows >= 2 * n ? 2 : 1, .more = xcalloc(n_places + 1, sizeof(int))};
	l.gap = rows >= 3 * n + 6 ? 1 : 0;
	l.spare = rows - n * (l.each + l.gap);
	share_rows(v, p, n_places, &l);
	return l;
}

static int draw_place(struct view_screen *v, const struct station *s, const struct place *p, int y,
		      const struct layout *l)
{
	struct view_words words = {"", ""};
	int more = l->more != NULL ? l->more[view_number(s, p) - 1] : 0;
	draw_number(v, s, p, y);
	if (l->each == 2)
		draw_two_rows(v, p, y);
	else
		draw_one_row(v, p, y);
	if (more > 0) {
		more_words(&words, v, p);
		view_words_draw(y + l->each, INDENT, COLS - INDENT - 1, more, place_is_red(p) ? VIEW_BAD : VIEW_PLAIN,
				&words);
	}
	return l->each + more + l->gap;
}

/* Whom the operator looks at, or should. */
static size_t focus(const struct view_screen *v, const struct station *s)
{
	size_t n = 0, chosen = view_find(s, &v->chosen);
	const struct place *p = station_places(s, &n);
	for (size_t i = 0; i < n && chosen == VIEW_NONE; i++) {
		if (place_is_red(&p[i]) || may_pull(&p[i]))
			chosen = i;
	}
	return chosen;
}

/* Of n places only so many can be shown. */
static void scroll_to(struct view_screen *v, size_t n, size_t room, size_t shown)
{
	if (v->first > n - room)
		v->first = n - room;
	if (shown == VIEW_NONE)
		return;
	if (shown < v->first)
		v->first = shown;
	if (shown >= v->first + room)
		v->first = shown - room + 1;
}

static int draw_err(const struct err *e, int y, int rows)
{
	struct view_words words = {"", ""};
	if (e == NULL || rows <= 0)
		return 0;
	view_why(&words, &(struct place){.why = *e});
	return view_words_draw(y, 1, COLS - 2, rows, VIEW_BAD, &words);
}

/* A letter waits for nobody who stands here: most of the room is the readers'. */
static int draw_trouble(const struct station *s, int y, int rows)
{
	int used = draw_err(station_trouble(s), y, rows);
	return used + draw_err(station_letter_trouble(s), y + used, (rows - used) * 2 / 3);
}

static void draw_some(struct view_screen *v, const struct station *s, int y, int rows)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	const struct layout l = {.each = 1};
	int room = rows > 1 ? rows - 1 : 0, used = 0;
	scroll_to(v, n, (size_t)room, focus(v, s));
	for (size_t i = v->first; i < n && used < room; i++)
		used += draw_place(v, s, &p[i], y + used, &l);
	view_putf(y + used, 1, COLS - 2, VIEW_PLAIN, "%zu readers; the arrow keys show the others", n);
}

int view_draw_places(struct view_screen *v, const struct station *s, int y, int rows)
{
	size_t n = 0;
	const struct place *p = station_places(s, &n);
	int used = draw_trouble(s, y, n == 0 ? rows : rows / 2);
	if ((int)n > rows - used) {
		draw_some(v, s, y + used, rows - used);
		return rows;
	}
	struct layout l = lay_out(v, p, n, rows - used - 1);
	for (size_t i = 0; i < n; i++)
		used += draw_place(v, s, &p[i], y + used, &l);
	free(l.more);
	return used;
}
