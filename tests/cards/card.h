/*
 * card: what a kind of virtual card offers. A new kind is one file more with one of these tables, and a line in
 * card_types (types.c). The program around it (machine.h) does everything else: the reader, insertion, pieces of
 * APDUs, delays, planned faults, the trace, saving. So a type sees whole commands only, needs no timing and writes no
 * file: it keeps a state in memory, and all of it that save puts out survives insertions and restarts.
 */
#ifndef CARDS_CARD_H
#define CARDS_CARD_H

#include "apdu.h"
#include "bytes.h"

#include <stdio.h>

#define CARD_COMPLAINT_SIZE 256

struct card_type {
	const char *name;    /* on the command line: "sc-hsm" */
	const char *options; /* for the usage: one line per NAME=VALUE that create knows */

	/* A card as it leaves the factory, changed by options NAME=VALUE (see option_value). Returns 0, or -1 with a
	 * sentence in complaint, of CARD_COMPLAINT_SIZE bytes; an option that it does not know is a mistake. */
	int (*create)(void **ret_card, char *const options[], size_t n, char *complaint);

	/* What save put out, and a card from it again (freshly inserted: nothing selected, no PIN verified). load
	 * returns 0, or -1 if it cannot be that. */
	void (*save)(const void *card, struct buf *out);
	int (*load)(void **ret_card, struct bytes saved);

	void (*free)(void **card);

	/* The answer to reset. */
	void (*atr)(const void *card, struct buf *out);

	/* Power has gone, or the reset line was pulled: forget selection and verified PINs. */
	void (*reset)(void *card);

	/* Executes a command: its answer's data goes into answer, which is empty; returns the status word. */
	apdu_execute *transmit;

	/* Whether a command makes a key: then the delay for key generation comes before it. */
	bool (*makes_key)(const struct apdu *command);

	/* Whether somebody has to touch the card before it does what a command asks, and that somebody has; a card that
	 * was not touched in time gets the command all the same, and refuses it. NULL: there is nothing to touch. */
	bool (*wants_touch)(const void *card, const struct apdu *command);
	void (*touched)(void *card);

	/* For the trace: a few words about a command ("verify user PIN"). Never NULL. */
	const char *(*describe)(const struct apdu *command);

	/* What a test wants to know about the card's inside, as words NAME=NUMBER, each with a blank before it. */
	void (*status)(const void *card, FILE *out);

	/* What a test wants to have of its maker, by name: a certificate. Returns 0, or -1 if there is nothing of that
	 * name. NULL: there is nothing at all. */
	int (*export)(const void *card, const char *name, struct buf *out);
};

/* All types, ended by NULL. */
extern const struct card_type *const card_types[];

/* The value of an option, NULL if it was not given: the last one counts. */
const char *option_value(char *const options[], size_t n, const char *name);

/* The first option that is not NAME=VALUE with a name out of this list, ended by NULL; NULL if all are. */
const char *option_unknown(char *const options[], size_t n, const char *const names[]);

#endif
