/*
 * letters: the PINs that the station has made, from before a token gets one
 * until its letter is printed: sealed in the database, each for one person and
 * one token. A letter is printed once, when its token was proven and has got no
 * other PIN since; one that the printer does not take waits, and is tried again. What was printed can be
 * printed once more as long as the station runs.
 */
#ifndef STATION_LETTERS_H
#define STATION_LETTERS_H

#include "station/station_impl.h"
#include "store/letter.h"

/* The PIN that an earlier attempt of this person on this token has made, and the number of its letter; 0 if there is
 * none, or the token has refused it or has got another one with a command since. */
int letters_kept(const struct station *s, const struct place *p, int64_t *ret_id, struct secret *ret, struct err *e);

/* Puts one there, for the person and token at this place, whose pin_letter it becomes. */
int letters_keep(struct station *s, struct place *p, const struct secret *pin, struct err *e);

/* The token has refused a PIN: if it was that of a letter, it is not sent again, in no run. What it was is not
 * forgotten before another one is known to be right. */
void letters_refuse(struct station *s, const struct place *p);
int letters_refused(struct station *s, const struct place *p, bool *ret, struct err *e);

/* The token was proven with what it was sent last as its PIN: if that is of a letter, the trail says so. */
void letters_proven(struct station *s, struct place *p);

/* What is at this place is done: of the person's letters the one whose PIN the token has stays, if there is one. Fails
 * if the trail could not be told yet that the token was proven with it: without that it would not be printed. */
int letters_settle(struct station *s, struct place *p, struct err *e);

/* Begins with the next one that is due, unless one is under way or the printer has its pause. */
void letters_turn(struct station *s);

/* The one under way has ended, or is about to: letters_fd can be read; -1 where none is under way. */
int letters_fd(const struct station *s);
/* It has had its time, and is to be ended by letters_read. */
bool letters_late(const struct station *s);
void letters_read(struct station *s);

/* Whether letters_reprint has one to print. */
bool letters_has(const struct station *s, const struct place *p);
/* Once more, whether it was printed or not, unless its PIN does not count any more. */
int letters_reprint(struct station *s, const struct place *p, struct err *e);

/* What was undone needs no letter. */
void letters_forget(struct station *s, const struct place *p);

/* The station ends: breaks off what is still in the printer, and forgets the PINs of those that were printed. */
void letters_end(struct station *s);

/* The letter of this user waits no more. */
void letters_end_trouble(struct station *s, const char *user);

/* For letters_print.c: the newest one of whoever is at this place, and a sealed PIN. */
int letters_find(const struct station *s, const struct place *p, bool *ret_found, struct store_letter *ret,
		 struct err *e);
int letters_open(const struct station *s, const char *user, const char *token_serial, const struct blob *sealed,
		 struct secret *ret, struct err *e);

#endif
