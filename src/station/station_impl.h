/*
 * station_impl: what the files of the station share.
 */
#ifndef STATION_STATION_IMPL_H
#define STATION_STATION_IMPL_H

#include "station/station.h"

struct station {
	struct station_setup set;
	struct rpc_peer *watcher; /* of the readers */
	struct rpc_peer *slots;   /* of a module's tokens without a reader */
	bool no_slots;            /* it has none */
	struct place *places;     /* in the order in which they came */
	size_t n_places;
	struct worker_token *tokens; /* without a reader, as they were listed last */
	size_t n_tokens;
	bool tokens_due; /* among them may be some that have no place yet */
	struct roster_counts counts;
	bool has_trouble;
	bool published;              /* a CRL was, and the VPN server is to be told */
	int64_t tell_at;             /* clock_ms: of the next one, or again */
	struct process_job *telling; /* under way; NULL */
	struct err trouble;
	char (*pin_wrong)[50]; /* tokens that have refused a PIN: it is not sent again by itself */
	size_t n_pin_wrong;
	bool pin_works;             /* the one that was given was right for a token */
	bool pin_refused;           /* a token has refused it */
	int64_t watchers_at;        /* clock_ms; not before they are started */
	size_t admitting;           /* sockets that the signer has not confirmed */
	struct err broken;          /* why the station cannot go on; ERR_NONE */
	bool stopping, now;         /* no new token; break off those under way */
	int64_t kill_at;            /* clock_ms: those that do not obey; 0: nobody has asked for that */
	bool ending, hurried;       /* only letters are left; nor are those waited for */
	struct pinletter *printing; /* under way; NULL */
	int64_t printing_id;
	char printing_user[65];
	bool letters_due;               /* there may be some */
	struct err letter_why;          /* of the last one that failed, why it waits; ERR_NONE */
	char letter_why_user[65];       /* whose it is */
	struct letter_off *letters_off; /* those that are not to be printed now */
	size_t n_letters_off;
	int64_t letters_at;    /* clock_ms: one of those is; 0 */
	bool unrecorded;       /* printing_id is on paper, and the database does not know it yet */
	int64_t record_at;     /* clock_ms; not before that it is told again */
	int64_t printer_pause; /* clock_ms; until then it is not tried */
	int64_t *giving_up;    /* people who get another token than the one they have begun with */
	size_t n_giving_up;
	struct station_note *notes;
	size_t n_notes;
	bool fresh;                  /* the counts are to be read anew */
	bool counts_fail;            /* ... and could not, which was said */
	int64_t held_said;           /* clock_ms: that another program keeps the database locked; 0 */
	struct unsettled *unsettled; /* what the roster could not be told yet */
	size_t n_unsettled;
	int64_t settle_at; /* clock_ms; not before that it is tried again */
	int64_t began;     /* clock_ms */
	time_t since;      /* the earliest time of day in this run */
	int64_t done;      /* tokens of this run */
};

/* Tells the view. text and why may be NULL. */
void station_tell(struct station *s, enum station_event_kind kind, const struct place *p, const char *text,
		  const struct err *why);
void station_tell_step(struct station *s, enum station_event_kind kind, const struct place *p, const char *text,
		       bool ok, int64_t ms);

void station_tell_letter(struct station *s, const char *user, bool ok, const char *text, const struct err *why);

/* notes.c: a remark. shared: it is about no token, and each may bring it again. */
void notes_take(struct station *s, const struct place *p, const char *text, bool shared);
void notes_end(struct station *s);
void notes_free(struct station *s);

/* place_seen.c: what PC/SC and modules say. */
void place_take_readers(struct station *s, const struct reader *list, size_t n);
void place_take_tokens(struct station *s, const struct worker_token *list, size_t n);
/* The step under way there has ended well, with this detail: that may have given the token its serial number. */
void place_note_step(struct place *p, const char *detail);
/* That of a slot's token now; "" where it has none. */
const char *place_serial(const struct place *p);
/* Begins what has waited for others to end. */
void place_begin_queued(struct station *s);
void place_begin(struct station *s, struct place *p);
int place_undo(struct station *s, struct place *p, struct err *e);
/* Its enroller has ended: how, if it did not say so itself. */
void place_end(struct station *s, struct place *p);
void place_fail(struct station *s, struct place *p, enum place_state st, const struct err *why);
void place_stop(struct place *p);
/* It is free again, or holds a card that is to be looked at. */
void place_clear(struct station *s, struct place *p);

/* settle.c: the roster is told that the enrollment that was begun at a place has failed, now or when it can be. */
void settle_failed(struct station *s, struct place *p, const struct err *why);
/* What could not be told is tried once more. */
void settle_turn(struct station *s);
/* ERR_BUSY for a person who is running by the roster only because it could not be told. */
int settle_check(const struct station *s, const struct roster_person *q, struct err *e);
void settle_free(struct station *s);

/* Whether the token there is somebody's, by the inventory, and whether it is that of the person there. */
bool place_has_owner(const struct place *p);
bool place_is_theirs(const struct place *p);

/* Whether this token has refused a PIN in this run. */
bool station_pin_was_wrong(const struct station *s, const char *token);
void station_forget_wrong_pin(struct station *s, const char *token);

/* The token there, as the inventory names it. */
void station_token(const struct place *p, struct store_token *ret);

/* undo.c: what was made is taken back. From the operator's yes on the roster says so, until it is over: the token that
 * was seen at a place is gone on with if that is so. undo_take_up: whether it is, and then the enroller is answered. */
void undo_order(struct station *s, struct place *p, const struct desk_token *seen);
bool undo_take_up(struct station *s, struct place *p);
void undo_finish(struct station *s, struct place *p);
/* The certificate of that person, whose token is being taken back, does not count any more. */
bool undo_is_over(struct station *s, const struct roster_person *q);

/* assign.c: who gets the token of p->token. 0: p->person does; 1: the operator is to say; -1: nobody, and why. */
int assign_token(struct station *s, struct place *p, struct err *e);
/* A person found by their token, or the owner that the inventory knows: into p->person. */
int assign_find(struct station *s, struct place *p, bool *ret_found, struct err *e);
/* What would cost a token, or somebody's key. */
int assign_check(const struct station *s, const struct place *p, struct err *e);
/* That person does, who was chosen. give_up: what they have half done on another token is. ERR_* if that cannot be. */
int assign_person(struct station *s, struct place *p, int64_t person, bool give_up, struct err *e);
/* Whether the token goes to the next in line, because the CA has a valid certificate of the person's name that the
 * inventory does not know: easy-rsa's own. why is what the enroller has ended with. */
bool assign_pass_on(struct station *s, struct place *p, const struct err *why);

/* giveup.c: an enrollment that is half done on one token is given up for another one. */
bool giveup_is_half_done(const struct station *s, const struct store_credential *c, time_t until);
/* Whether that user's is, on another token than the one at this place, and on which. */
int giveup_find(const struct station *s, const struct place *p, const char *user, bool *ret, char token[GIVEUP_TOKEN],
		struct err *e);
/* Whether the operator has said so of this person, in this run. */
bool giveup_is_meant(const struct station *s, int64_t person);
/* The owner of the token there goes on: whether that gives up another token, or this one was given up. */
int giveup_resume(struct station *s, struct place *p, struct err *e);
/* What an ended enrollment has left on it. */
void giveup_tell_left(struct station *s, struct place *p);
/* How the person gets another token, behind what p->why advises. */
void giveup_advise(const struct station *s, struct place *p);
/* The token was pulled out before anything was begun on it: it need not be the same one that comes next. */
void giveup_advise_free(struct place *p);

/* pins.c: which tokens are not sent the PIN that is given, by the trail: one that is nobody's and has a PIN of its own,
 * or one that has refused it. -1: this one. */
int pins_check(const struct station *s, const struct place *p, struct err *e);
/* Whether the token is nobody's, and its own PIN was made for the person there. */
int pins_fit(const struct station *s, const struct place *p, bool *ret, struct err *e);
/* The given one is asked for: not where another token has refused it, unless it has been right or is trusted. */
int pins_doubt(const struct station *s, const struct place *p, struct err *e);
/* A PIN is asked for: not where PINs are entered at a reader's PIN pad, and nowhere else. */
int pins_check_pad(const struct station *s, const struct place *p, struct err *e);
/* The token gets the given PIN as its new one. */
int pins_give_new(const struct station *s, const struct place *p, struct err *e);
/* The token has refused a PIN: if it was the given one, the trail says so. */
void pins_refuse(struct station *s, const struct place *p);

/* pinback.c: the PIN of a token whose enrollment is taken back. Whether it is another one than before, into
 * p->pin_replaced; ERR_PIN_NEEDED where it is not known which of both it has. */
int pinback_look(struct station *s, struct place *p, struct err *e);
/* It is over: whether the token has still got the PIN of its person, into p->pin_left, and then that is said. */
void pinback_end(struct station *s, struct place *p);
/* The token has refused the given PIN: whether that was one that it was about to get back, which is recorded. */
bool pinback_refused(struct station *s, const struct place *p);

/* names.c: what the roster says of a person, for templates. */
void station_names(const struct station *s, struct desk_order *o, const struct roster_person *p);

/* serve.c: a call of the enroller at a place. */
void serve_call(struct station *s, struct place *p, struct rpc_msg *call);
void serve_refuse(struct station *s, struct place *p, const struct err *why);
void serve_order(struct station *s, struct place *p);
/* The PIN that the token there has; *ret_given false: only a person knows it. */
int serve_find_pin_now(struct station *s, struct place *p, struct secret *ret, bool *ret_given, struct err *e);
void serve_secret(struct place *p, struct secret *secret);
/* Answers those who wait for the outcome of the first one that was sent the given PIN. */
void serve_waiting(struct station *s);

#endif
