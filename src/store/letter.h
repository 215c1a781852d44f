/*
 * letter: PIN letters that are to be printed for people of a roster. The PIN
 * is in the database only sealed, by whoever calls this, and no longer than
 * its letter needs. Only the parent process calls it.
 */
#ifndef STORE_LETTER_H
#define STORE_LETTER_H

#include "core/blob.h"
#include "core/err.h"
#include "store/roster.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct store_letter {
	int64_t id;
	int64_t person; /* roster_person.id */
	char user[65];
	enum roster_state state; /* of that person now */
	/* it may be printed: the person is done, or finished elsewhere, and enrolled on a token that has this PIN */
	bool due;
	bool overtaken; /* a token was proven with this PIN, and none has it any more */
	char token_serial[50];
	struct blob sealed; /* empty once it was dropped */
	time_t created;
	time_t printed; /* first; 0: it was not */
	int64_t reprints;
};

/* Puts a sealed PIN there, before the PIN is sent to the token: whatever happens then, what the token has can be found.
 * Older letters of this person stay until they are dropped. Recorded as "letter-kept". */
int store_letter_put(struct store *s, int64_t person, const char *token_serial, const struct blob *sealed,
		     int64_t *ret_id, struct err *e);

/* The newest letter of a person for this token. *ret is overwritten, not freed; it stays untouched if there is none. */
int store_letter_find(struct store *s, int64_t person, const char *token_serial, bool *ret_found,
		      struct store_letter *ret, struct err *e);
int store_letter_find_id(struct store *s, int64_t id, bool *ret_found, struct store_letter *ret, struct err *e);

/* What the trail has of a letter whose PIN a token was proven with; detail is "letter NUMBER". */
#define STORE_LETTER_PROVEN "letter-proven"

/* Records, as "letter-begun", that a letter goes to the printer: so none is printed unseen, and one whose end nobody
 * has seen still waits. ERR_STORE if there is no such letter. */
int store_letter_begun(struct store *s, int64_t id, struct err *e);

/* Notes that a letter was printed: recorded as "letter-printed", and each time after the first as "letter-reprinted".
 * To be called when it is on paper; store_letter_begun before that. ERR_STORE if there is no such letter. */
int store_letter_printed(struct store *s, int64_t id, struct err *e);

/* The letters of this roster that were printed and still have their PIN, oldest first: the first n. To be freed one by
 * one. */
int store_letters_printed(struct store *s, int64_t roster, struct store_letter *ret, size_t n, size_t *ret_n,
			  struct err *e);

/* Forgets the sealed PIN for good: its bytes are overwritten in the database, and as far as no other process is just
 * reading, in its log. Recorded as "letter-dropped". Nothing is changed if it was dropped already. */
int store_letter_drop(struct store *s, int64_t id, struct err *e);

/* This person is done: forgets the sealed PINs of all letters but the one with this id (0: the newest of which the
 * trail says that the token has it), as store_letter_drop. */
int store_letters_settle(struct store *s, int64_t person, int64_t id, struct err *e);

/* The letters that were never printed and are not dropped, oldest first, for people of this roster (0: of any): the
 * first n behind the one with this id (0: from the beginning). To be freed one by one. */
int store_letters_waiting(struct store *s, int64_t roster, int64_t after, struct store_letter *ret, size_t n,
			  size_t *ret_n, struct err *e);

/* How many those are. */
int store_letters_count(struct store *s, int64_t roster, int64_t *ret, struct err *e);

/* Frees what is in it, and leaves it empty. */
void store_letter_free(struct store_letter *l);

#endif
