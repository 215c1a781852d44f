/*
 * station: many tokens at once. One place for each reader, and one for each
 * token that has none; at each an enroller (enroller.h) does what `tokenroll
 * USER` does, and asks here who gets the token and for PINs. The station knows
 * who is in line (store/roster.h), and tells a view all that happens.
 *
 * One thread, one loop: enrollers, the watcher of the readers, signals and the
 * view's input are waited for together, and nothing here takes long. Runs in
 * the parent.
 */
#ifndef STATION_STATION_H
#define STATION_STATION_H

#include "ca/signer.h"
#include "core/config.h"
#include "handover/pinletter.h"
#include "pkcs11/reader.h"
#include "station/desk.h"
#include "store/roster.h"

#include <stdbool.h>
#include <stdint.h>

enum place_state {
	PLACE_EMPTY,
	PLACE_LOOKING, /* which token is it, whose, what is on it */
	PLACE_PICK,    /* the operator is to say whose it becomes */
	PLACE_WORKING,
	PLACE_ASKING, /* somebody is to type a PIN */
	PLACE_DONE,
	PLACE_UNDONE,
	PLACE_REFUSED, /* nothing was done with it: why says so */
	PLACE_FAILED,
	PLACE_STATE_COUNT
};

struct place {
	char name[READER_NAME_MAX]; /* of the reader, or what the module calls the slot */
	char serial[17];            /* a place that is a slot: its token's; else "" */
	char made[17];              /* ... which it got when it was set up there; "" */
	bool slot, card;
	unsigned events;  /* see struct reader */
	int64_t unlisted; /* clock_ms: since when a slot's token is not listed; 0: it is */
	enum place_state state;
	struct rpc_peer *enroller; /* NULL: none is at work */
	bool stopping;             /* it was asked to end */
	bool undoing;              /* ... at taking back what was made */
	bool undo_again;           /* ... for the second time: the token may be half emptied */
	bool pin_replaced;         /* ... and the PIN from before is to be put back */
	bool pin_left;             /* with PLACE_UNDONE: the token has the PIN of its person still */
	bool again;                /* another card came while it was at work: to be looked at when it has ended */
	struct desk_token token;   /* from the end of PLACE_LOOKING on */
	bool has_person, begun;    /* begun: the roster has that person as running */
	struct roster_person person;
	char step[64];                    /* under way; "" */
	int64_t step_began, began, ended; /* clock_ms */
	int64_t step_usual;               /* what it takes usually, in ms; 0: not known */
	bool pin_sent;                    /* in this attempt: the given one */
	bool pin_trusted;                 /* the operator says that it is to be sent to the token that is in */
	int64_t pin_letter; /* the letter with the PIN that was sent last in this attempt; 0: it is in none */
	bool gives_up;      /* what the person has half done on another token, for this one */
	bool half_done;     /* with PLACE_FAILED: the journal has begun with the person on this token */
	bool pin_waits;     /* the given PIN was right for no token yet, and is being tried on one */
	bool gone;          /* the reader is, and the place goes when it is not needed any more */
	bool out_told;      /* ... and that was told, although the place is still needed */
	bool put_back;      /* when the enroller has ended, unless it is done: */
	enum roster_state back_as;
	char back_why[200];
	bool has_letter;     /* with PLACE_DONE: the person's PIN letter can be printed again */
	bool may_pull;       /* the token was proven: it is not needed any more */
	struct desk_ask ask; /* with PLACE_ASKING */
	struct err why;      /* with PLACE_REFUSED and PLACE_FAILED */
};

/* It waits for the operator, and says why. */
static inline bool place_is_red(const struct place *p)
{
	return p->state == PLACE_REFUSED || p->state == PLACE_FAILED;
}

/* What the person has there was there before this station saw the token. */
bool place_was_finished(const struct place *p);

enum station_event_kind {
	STATION_BEGINS,
	STATION_READER_IN, /* a place */
	STATION_READER_OUT,
	STATION_TROUBLE, /* why: PC/SC cannot be used */
	STATION_CARD_IN,
	STATION_CARD_OUT,
	STATION_SEEN,
	STATION_PICK,
	STATION_GIVEN, /* the token goes to place->person */
	STATION_STEP_BEGIN,
	STATION_STEP_END, /* ok, text, ms */
	STATION_NOTE,
	STATION_ASK,
	STATION_MAY_PULL,
	STATION_DONE, /* ms */
	STATION_UNDONE,
	STATION_REFUSED,
	STATION_FAILED,
	STATION_LETTER, /* ok: printed; else why it waits */
	STATION_STOPS,  /* text: what is waited for */
	STATION_ENDS,
	STATION_EVENT_COUNT
};

struct station_event {
	enum station_event_kind kind;
	const struct place *place; /* NULL: it is about no place */
	const char *text;          /* "" */
	const struct err *why;     /* NULL */
	const char *user;          /* whose letter it is; NULL for other events */
	bool ok;
	int64_t ms;
};

struct station;

struct station_view {
	void *arg;
	void (*event)(void *arg, const struct station *s, const struct station_event *ev);
	/* When a turn of the loop is over, and at least once in a second. */
	void (*draw)(void *arg, struct station *s);
	/* What the operator does: a descriptor to wait for, or -1; and what is done when it can be read. */
	int (*input)(void *arg);
	void (*read)(void *arg, struct station *s);
	bool can_ask; /* somebody can be asked for a PIN, or whose a token is */
	/* The loop is held up, why, and for some seconds perhaps: nothing of the station may be called; NULL. */
	void (*held)(void *arg, const char *why);
};

struct station_options {
	enum config_pins pin;
	bool pick;          /* the operator says whose a token becomes */
	bool init;          /* blank tokens are set up */
	bool allow_foreign; /* tokens with other objects are enrolled, too */
	bool keep_factory_pins;
	bool replace;                            /* who has a valid certificate gets a token all the same */
	const char *module;                      /* NULL: as configured */
	struct secret *pin_given, *so_pin_given; /* of all tokens; NULL */
	bool verbose;
};

struct station_setup {
	const struct station_options *opt;
	const struct config *cfg;
	struct store *store;
	int64_t roster;
	const char *const
	    *columns; /* the roster's further ones: each is a name for templates, also where it is empty */
	size_t n_columns;
	struct signer *signer;            /* its key is unlocked */
	const struct secret *key;         /* what PINs are kept sealed with, see envelope.h */
	const struct pinletters *printer; /* NULL: no PINs are made that would need letters */
	struct debt *debt;                /* to [ca] after-crl; NULL: there is none */
	const struct station_view *view;
};

void station_new(struct station **ret, const struct station_setup *setup);
void station_free(struct station **s);

/* Until it is told to stop, or nobody is left and every place is empty and stop_when_done is set. */
int station_run(struct station *s, struct err *e);

/* ---- for views */

const struct place *station_places(const struct station *s, size_t *ret_n);
const struct roster_counts *station_counts(const struct station *s);
/* Of this run; -1 as long as nothing can be said. */
double station_per_hour(const struct station *s);
int64_t station_time_left_s(const struct station *s);
const struct err *station_trouble(const struct station *s); /* PC/SC's; NULL if there is none */
/* Why the PIN letter waits that failed last, until it is printed; NULL: none does. */
const struct err *station_letter_trouble(const struct station *s);
bool station_is_stopping(const struct station *s);
/* A CRL was published in this run of which [ca] after-crl has not told yet. */
bool station_published(const struct station *s);
/* All of this run was done since then, also if the time of day was set back meanwhile. */
time_t station_since(const struct station *s);
size_t station_busy(const struct station *s); /* places where an enroller is at work */

/* The first n in line, and whom an operator means by what was typed or scanned; as store_roster_in_line and
 * store_roster_search. */
int station_next(struct station *s, struct roster_person *ret, size_t n, size_t *ret_n, struct err *e);
int station_search(struct station *s, const char *typed, struct roster_person *ret, size_t n, size_t *ret_n,
		   size_t *ret_all, struct err *e);
bool station_picks(const struct station *s); /* the operator says whose a token becomes */

/* What the operator wants. Those about a place do nothing where that is in no state for it, and say so in e. */
int station_pick(struct station *s, size_t place, int64_t person, bool give_up, struct err *e);
/* Whether that person's enrollment is half done on another token, which station_pick wants a yes to give up. */
#define GIVEUP_TOKEN 50
int station_gives_up(const struct station *s, size_t place, int64_t person, bool *ret, char token[GIVEUP_TOKEN],
		     struct err *e);
/* In line: the person who is half done on the token that has failed there is next, and gets another one instead. */
int station_give_up(struct station *s, size_t place, struct err *e);
int station_answer(struct station *s, size_t place, struct secret *pin, struct err *e);
int station_retry(struct station *s, size_t place, struct err *e);
int station_skip(struct station *s, size_t place, struct err *e);
int station_hold(struct station *s, size_t place, const char *why, struct err *e);
/* Who is at no place. */
int station_hold_person(struct station *s, int64_t person, const char *why, struct err *e);
/* What was made there last is revoked, the token emptied, the person in line again. The token must still be there. */
int station_undo(struct station *s, size_t place, struct err *e);

/* The PIN letter of whoever was done there, once more. */
int station_reprint(struct station *s, size_t place, struct err *e);

/* What the end of one that is stopping waits for: tokens, which may be broken off; a letter of this user, NULL if there
 * is none; [ca] after-crl. */
bool station_is_breaking_off(const struct station *s);
const char *station_printing(const struct station *s);
bool station_is_telling(const struct station *s);

/* No new token is begun; with now, those under way are broken off as well, and can be gone on with. */
void station_stop(struct station *s, bool now);

/* As whoever asks again and again: no new token; those under way are broken off; what does not obey is killed, and can
 * be gone on with as well. */
void station_stop_more(struct station *s);

#endif
