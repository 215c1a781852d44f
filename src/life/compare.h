/*
 * compare: every row of index.txt beside every certificate of the inventory,
 * by serial number. Neither is held in memory as a whole.
 */
#ifndef LIFE_COMPARE_H
#define LIFE_COMPARE_H

#include "ca/look.h"
#include "store/survey.h"

/* One of the two may be NULL. */
typedef void compare_fn(void *arg, const struct ca_row *row, const struct survey_serial *have);

int compare(struct signer *ca, struct store *s, compare_fn *fn, void *arg, struct err *e);

#endif
