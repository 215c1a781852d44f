/*
 * view_page: something to read, over all of the screen.
 */
#include "station/view_screen_impl.h"

#include <curses.h>
#include <string.h>

/* What is pressed or shown, and what it means. */
static const struct {
	const char *what, *text;
} help[] = {
    {"KEYS", ""},
    {"arrows, 1-9", "choose a reader, Esc none; else a key asks where several can be"},
    {"r retry", "again what failed or was left alone; the person is next in line"},
    {"s skip", "the person gets no token today; what is under way is broken off"},
    {"h hold", "the person is put back, with a reason, on later days, too"},
    {"w why", "all there is to say about a red reader, or a letter that waits"},
    {"n new token", "for a token that is lost or dead half way: the next one is that person's"},
    {"Enter whose", "type or scan the name of the person whose the token becomes"},
    {"p print again", "the PIN letter of whoever is done there"},
    {"u undo", "what was just made is revoked, and the token emptied"},
    {"q quit", "no new token is begun, those under way are finished"},
    {"Ctrl-C", "asks: finish, stop, or go on; pressed twice it stops"},
    {"Ctrl-L", "draws the screen anew"},
    {"READERS", ""},
    {"PULL", "the token was proven and may be pulled out; the bell rings, too"},
    {"DONE", "the person has the token, and the bundle is packed"},
    {"LEFT ALONE", "nothing was done with the token; why and what to do is said"},
    {"FAILED", "why and what to do is said; nothing is lost, r goes on with it"},
    {"PUT BACK", "the person was skipped or is held"},
    {"UNDONE", "what was made for the person is taken back"},
    {"Pulled early", "put the same token in again: it goes on with the same person"},
};

#define HELP (sizeof help / sizeof *help)
#define TEXT_AT 14

/* Draws from v->from on; v->next is where the next page begins. */
static void draw_help(struct view_screen *v, int rows)
{
	int y = 0, width = COLS - TEXT_AT - 2;
	for (v->next = v->from; v->next < HELP; v->next++) {
		const char *text = help[v->next].text;
		int need = view_wrap(0, 0, width, 0, VIEW_PLAIN, text);
		need = need > 0 ? need : 1;
		if (y + need > rows && v->next > v->from)
			return;
		view_put(y, 1, TEXT_AT - 1, text[0] != '\0' ? VIEW_PLAIN : VIEW_ASKS, help[v->next].what);
		view_wrap(y, TEXT_AT + 1, width, need, VIEW_PLAIN, text);
		y += need;
	}
}

/* Returns how many rows it took. */
static int draw_why_place(const struct view_screen *v, const struct station *s, int width, int rows)
{
	struct view_words words = {"", ""};
	size_t n = 0, i = view_find(s, &v->about);
	const struct place *p = station_places(s, &n);
	if (i == VIEW_NONE)
		return 0;
	view_putf(0, 1, width, VIEW_PLAIN, "reader %zu: %s", i + 1, p[i].name);
	if (p[i].has_person)
		view_putf(1, 1, width, VIEW_PLAIN, "%s", p[i].person.user);
	view_why(&words, &p[i]);
	return 2 + view_words_draw(2, 1, width, rows - 2, VIEW_BAD, &words) + 1;
}

static void draw_why(const struct view_screen *v, const struct station *s, int width, int rows)
{
	struct view_words words = {"", ""};
	const struct err *e = station_letter_trouble(s);
	int y = draw_why_place(v, s, width, rows);
	if (e == NULL || y >= rows)
		return;
	view_why(&words, &(struct place){.why = *e});
	view_words_draw(y, 1, width, rows - y, VIEW_BAD, &words);
}

void view_page_draw(struct view_screen *v, const struct station *s)
{
	v->next = 0;
	if (v->page == VIEW_PAGE_HELP)
		draw_help(v, LINES - 1);
	else
		draw_why(v, s, COLS - 2, LINES - 1);
	view_put(LINES - 1, 1, COLS - 2, VIEW_PLAIN, view_page_has_more(v) ? "any key: more" : "any key: back");
	view_bar(LINES - 1);
}

void view_page_begin(struct view_screen *v, enum view_page page, const struct place *p)
{
	v->mode = VIEW_PAGE;
	v->page = page;
	v->from = v->next = 0;
	v->about = p != NULL ? view_at(p) : (struct view_at){.name = ""};
}

bool view_page_has_more(const struct view_screen *v)
{
	return v->page == VIEW_PAGE_HELP && v->next < HELP;
}

void view_page_key(struct view_screen *v)
{
	if (view_page_has_more(v))
		v->from = v->next;
	else
		view_leave(v);
}
