/*
 * machine: one virtual card at work: it is inserted and pulled, counts and delays APDUs, carries out what was planned,
 * writes the trace and saves the card after each command that changed it. One thread; while it waits it listens to
 * the control socket, so a card can be pulled in the middle of a slow command.
 */
#ifndef CARDS_MACHINE_H
#define CARDS_MACHINE_H

#include "card.h"
#include "plan.h"

struct machine {
	const struct card_type *type;
	void *card;
	const char *state_path;
	struct buf saved; /* what is in that file */

	uint16_t port;
	int reader;  /* -1: pulled */
	int control; /* listening */
	int stand;   /* pidfd of the process to end with, -1: none */
	bool answering;
	unsigned insertions;

	enum finger { FINGER_OFF, FINGER_AWAITED, FINGER_ON, FINGER_LATE } finger;

	struct channel channel;
	struct plan plan;
	unsigned long count;
	FILE *trace;
	bool quit;
	char complaint[CARD_COMPLAINT_SIZE];
};

/* Serves reader and control socket until quit is asked for or the stand has ended. Returns 0, or -1 with a sentence
 * in complaint. */
int machine_run(struct machine *m);

/* Connects to the reader. Returns 0, or -1 with a sentence in complaint; that it is in already is one. */
int machine_insert(struct machine *m);

/* Takes it out; nothing happens if it is out. */
void machine_pull(struct machine *m);

/* Writes the card's state if it is not what the file holds. Returns 0, or -1 with a sentence in complaint. */
int machine_save(struct machine *m);

void machine_free(struct machine *m);

#endif
