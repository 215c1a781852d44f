/*
 * reader: the PC/SC readers of this machine and what is in them. Looking at
 * them sends nothing to any card. Any process may use it; one that does needs
 * no PKCS#11 module for it.
 */
#ifndef PKCS11_READER_H
#define PKCS11_READER_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define READER_NAME_MAX 128
#define READER_ATR_HEX_MAX 67 /* 33 bytes in uppercase hex and a NUL (ISO/IEC 7816-3, 8.2) */

struct reader {
	char name[READER_NAME_MAX];
	char atr[READER_ATR_HEX_MAX]; /* answer to reset; "" without a card */
	bool present;                 /* there is a card */
	bool mute;                    /* it does not answer */
	bool exclusive;               /* another program holds it for itself */
	unsigned events;              /* how often a card was put in or pulled out: another number is another card */
};

/*
 * All readers; *ret comes from malloc, *ret_n may be 0. ERR_READERS where PC/SC cannot be used: no service runs, or its
 * policy (polkit) keeps this user out; the message says which.
 */
int reader_list(struct reader **ret, size_t *ret_n, struct err *e);

/* Tells what has become of readers and cards, without asking again and again. */
struct reader_watch;
struct reader_watch *reader_watch_new(void);
void reader_watch_free(struct reader_watch **w);

/*
 * As reader_list, but waits until it is another list than the last time, or a card was put in or pulled out; not much
 * longer than ms milliseconds if that is not negative: then *ret is NULL if there is nothing new. A reader that went
 * and came back has another number of events, too. After ERR_READERS it may be called again, but not at once.
 */
int reader_watch_next(struct reader_watch *w, int ms, struct reader **ret, size_t *ret_n, struct err *e);

/* Whether there is no card in this reader, or no such reader any more: a token on USB takes its reader along. A card
 * that was just pulled is noticed late, so this waits for up to ms milliseconds. False where PC/SC cannot be used. */
bool reader_is_empty(const char *name, unsigned ms);

/* So long it takes at most, for readers that were seen. */
#define READER_NOTICES_MS 500

/* NULL if it is not in the list. */
const struct reader *reader_find(const struct reader *list, size_t n, const char *name);

/*
 * Makes of a PKCS#11 slot's description the PC/SC name of its reader, of which a longer one is cut. known is the only
 * reader that the module talks to, "" if it talks to all: then a description that fits several readers with a card is
 * left as it is, and so is one that fits none.
 */
void reader_complete(char name[READER_NAME_MAX], const char *known);

/* Whether a slot's description does not tell this reader from another one with a card. */
bool reader_is_ambiguous(const struct reader *list, size_t n, const struct reader *r);

#endif
