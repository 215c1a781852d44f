/*
 * why: what stands behind a token that is not found, as the readers tell it.
 * Parent only.
 */
#ifndef ENROLL_WHY_H
#define ENROLL_WHY_H

#include "enroll/discover.h"
#include "enroll/guard.h"

/*
 * Fills *e and returns -1 where the readers, or the one of this name (NULL: any), tell why no module shows a token:
 * ERR_READERS if PC/SC cannot be used or another program holds the card, ERR_TOKEN_FAILED if the card does not answer,
 * ERR_UNSUPPORTED if it is of no kind that is known: with the profile that comes nearest. Returns 0 if they tell
 * nothing.
 */
int why_no_token(struct discovery *d, const char *reader, struct err *e);

/* The same for what PC/SC alone tells of the card in a reader: that another program holds it, that it does not answer.
 */
int why_no_card(const struct reader *r, struct err *e);

/*
 * The same for one that is meant, of n_shown that the modules show: *e says already that it is not there. Of a card
 * that is named by more than its reader only that is told that keeps the modules from it: ERR_READERS.
 */
int why_absent(struct discovery *d, const char *reader, size_t n_shown, bool named, struct err *e);

/* Adds to *e that the module for a card of this kind does not look at the reader it is in. */
int why_not_looked_at(const struct profile *p, const char *reader, struct err *e);

/* ERR_MODULE: p11-kit knows no module of this name, or none at all (NULL), that of the CA's HSM left out. */
int why_no_module(const struct guard *g, const char *name, struct err *e);

#endif
