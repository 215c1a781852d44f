/*
 * view_screen_impl: what the files of the screen share. Each of them draws a
 * part, or has the keys of a mode.
 */
#ifndef STATION_VIEW_SCREEN_IMPL_H
#define STATION_VIEW_SCREEN_IMPL_H

#include "core/secret.h"
#include "pkcs11/profile.h"
#include "station/station.h"
#include "station/view_text.h"

#include <time.h>
#include <wchar.h>

#define VIEW_HITS 9 /* people to choose from by one digit */
#define VIEW_QUEUE 40
#define VIEW_LOG 60
#define VIEW_TEXT 400
#define VIEW_ROOMY 16          /* rows from which on some are left empty */
#define VIEW_NONE ((size_t)-1) /* of the places */

/* What the keys do now. */
enum view_mode {
	VIEW_KEYS,
	VIEW_PIN,     /* an employee types one */
	VIEW_WHOSE,   /* a name is typed or scanned */
	VIEW_HOLD,    /* why somebody is held */
	VIEW_WHICH,   /* which reader a key is for */
	VIEW_SURE,    /* whether that is to be broken off */
	VIEW_GIVE_UP, /* whether a half done token is given up for another one */
	VIEW_STOP,    /* finish, stop or go on */
	VIEW_PAGE,    /* something to read: any key ends it */
};

enum view_page { VIEW_PAGE_HELP, VIEW_PAGE_WHY };

/* Places come and go, so a place is known by what it is called. */
struct view_at {
	char name[READER_NAME_MAX];
	char serial[17];
};

/* What the screen knows of a place beyond the station. */
struct view_place {
	struct view_at at;
	char note[VIEW_TEXT]; /* the last remark since its token came; "" */
	const char *put_back; /* "held", "skipped": what the operator has done with the person; NULL */
	int64_t asked;        /* in VIEW_WHICH: who was there when that was asked; 0: nobody */
	bool put_off;         /* whose its token becomes is not asked until the operator wants it */
};

struct view_log {
	time_t when;
	enum view_colour colour;
	char text[VIEW_TEXT];
};

/* A line that is being typed. */
struct view_line {
	wchar_t c[200];
	size_t n;
};

struct view_action;

struct view_screen {
	char title[VIEW_TEXT];
	bool gone;      /* the terminal is */
	bool troubled;  /* readers could not be used */
	int64_t opened; /* clock_ms */
	enum view_mode mode;
	enum view_page page;
	size_t from, next; /* of what there is to read: the first that is shown, and the first behind the screen */

	struct view_at chosen; /* by an arrow or a digit; name "": none */
	/* what the mode is about: the place, and who and which token was there when the operator was asked */
	struct view_at about;
	int64_t about_person; /* 0: nobody */
	char about_user[65], about_token[50];
	const struct view_action *action;
	size_t first; /* of the places that are drawn, where there is no room for all */

	int64_t typed_at; /* clock_ms of the last key that a scanner could have sent */
	bool dropping;    /* what it sends now is not taken */
	bool cut_off;     /* what was being typed is asked no more: the rest of it is for nothing else */

	struct view_line line;
	struct roster_person hits[VIEW_HITS]; /* whom the line may have meant */
	size_t n_hits, n_all;

	int64_t picked; /* who is to get another token than the one they have begun with */
	char picked_user[65], picked_from[GIVEUP_TOKEN];

	struct secret *raw, *typed, *before; /* what was read, the PIN so far, the first of two */
	bool again;                          /* the second of two is typed */
	char pin_error[VIEW_TEXT];

	struct view_place *places;
	size_t n_places;
	struct roster_person queue[VIEW_QUEUE];
	size_t n_queue;
	bool fresh;   /* the queue is to be read anew */
	int64_t done; /* tokens of this run */

	struct view_log log[VIEW_LOG]; /* a ring */
	size_t n_log;                  /* ever written */
	char message[VIEW_TEXT];       /* the answer to the last key, else what happened last */
	enum view_colour message_colour;
};

/* ---- view_screen.c */

struct view_at view_at(const struct place *p);
bool view_at_is(const struct view_at *at, const struct place *p);
/* The index of that place, VIEW_NONE if it is gone. */
size_t view_find(const struct station *s, const struct view_at *at);
/* What a place is called by its digit: from 1 on. */
size_t view_number(const struct station *s, const struct place *p);
struct view_place *view_place(struct view_screen *v, const struct place *p);
void view_say(struct view_screen *v, enum view_colour c, const char *fmt, ...) ERR_PRINTF(3, 4);
/* What cannot be done and what to do about it. */
void view_say_error(struct view_screen *v, const struct err *e);
/* The mode is about this place, as it is now. */
void view_ask(struct view_screen *v, enum view_mode mode, const struct place *p);
/* Where that is; VIEW_NONE if another person or token is there by now, or nothing. */
size_t view_about(const struct view_screen *v, const struct station *s);
int64_t view_person(const struct place *p); /* 0: nobody */
/* Nothing was done, because it would not be what the operator was asked about. */
void view_say_changed(struct view_screen *v, const struct station *s);
/* Back to the keys for all readers; what was typed is wiped. */
void view_leave(struct view_screen *v);

/* ---- view_frame.c: what is around the places */

void view_draw_top(const struct view_screen *v, const struct station *s);
void view_draw_hint(const struct view_screen *v, const struct station *s, int y);
void view_draw_bottom(const struct view_screen *v, const struct station *s);
/* In what is left of the screen: who is next, and what has happened. */
void view_draw_rest(const struct view_screen *v, const struct station *s, int y, int rows);
void view_person_name(char *ret, size_t size, const struct roster_person *p);
const char *view_plural(int64_t n);

/* ---- view_hint.c: what to do now */

enum view_colour view_hint(char *ret, size_t size, const struct view_screen *v, const struct station *s);

/* ---- view_places.c */

/* Draws them into these rows. Returns how many it took. */
int view_draw_places(struct view_screen *v, const struct station *s, int y, int rows);
struct view_words {
	char what[900], next[700];
};
/* Why a place waits, and what to do. */
void view_why(struct view_words *ret, const struct place *p);
/* Draws it into at most so many rows. Returns how many it took. */
int view_words_draw(int y, int x, int width, int rows, enum view_colour c, const struct view_words *w);

/* ---- view_keys.c, view_action.c */

void view_key(struct view_screen *v, struct station *s, wint_t key, bool function);
/* view_scan.c: whether the key is one of a burst, as scanners send it, that nobody has asked for. */
bool view_scan_takes(struct view_screen *v, wint_t key, bool function);
/* The keys that can be pressed now, as many as fit into width. */
void view_keys_text(char *ret, size_t size, int width, const struct view_screen *v, const struct station *s);
/* The key of an action, if it is one: does it, or asks what has to be asked before. */
bool view_action_key(struct view_screen *v, struct station *s, wint_t key);
/* v->action, at that place: after a question where it breaks something off; and without one. */
void view_action_begin(struct view_screen *v, struct station *s, size_t place);
void view_action_do(struct view_screen *v, struct station *s, size_t place);
/* The nth action that can be done at any place now, as "r retry"; false behind the last. */
bool view_action_text(char *ret, size_t size, const struct station *s, size_t nth);
/* Whether the action that is asked about can be done there, with whom it was asked about. */
bool view_action_can(const struct view_screen *v, const struct station *s, size_t place);
/* Whether somebody is there who can be skipped or held. */
bool view_can_put_back(const struct place *p);
void view_action_which(char *ret, size_t size, const struct view_screen *v, const struct station *s);
void view_action_sure(char *ret, size_t size, const struct view_screen *v, const struct station *s);
void view_ask_stop(struct view_screen *v, struct station *s);

/* ---- view_line.c: names and reasons that are typed */

void view_line_begin(struct view_screen *v, enum view_mode mode, const struct place *p);
void view_line_key(struct view_screen *v, struct station *s, wint_t key, bool function);
void view_line_draw(const struct view_screen *v, const struct station *s);
/* VIEW_GIVE_UP */
void view_give_up_key(struct view_screen *v, struct station *s, wint_t key, bool function);
void view_give_up_text(char *ret, size_t size, const struct view_screen *v);

/* ---- view_pin.c */

void view_pin_begin(struct view_screen *v, const struct place *p);
/* Reads from the keyboard, past curses, which would keep what was typed in its own memory. */
void view_pin_read(struct view_screen *v, struct station *s);
void view_pin_draw(const struct view_screen *v, const struct station *s);
void view_pin_end(struct view_screen *v);

/* ---- view_page.c */

void view_page_begin(struct view_screen *v, enum view_page page, const struct place *p);
void view_page_draw(struct view_screen *v, const struct station *s);
bool view_page_has_more(const struct view_screen *v);
/* Any key: what is behind the end of the screen, or back. */
void view_page_key(struct view_screen *v);

#endif
