/*
 * status_impl: what the files status*.c share: status.c (the frame),
 * status_people.c (the inventory), status_pki.c (CA and CRL),
 * status_index.c (index.txt beside the inventory).
 */
#ifndef LIFE_STATUS_IMPL_H
#define LIFE_STATUS_IMPL_H

#include "life/status.h"

struct status_run {
	struct status *st;
	struct store *store;
	const struct config *cfg;
	struct signer *ca; /* NULL: the PKI cannot be read */
};

/* Counts one more of its kind. The texts that follow, in printf's manner, are made only if it is kept: NULL is returned
 * otherwise. */
struct status_finding *status_add(struct status *st, enum status_topic topic, enum status_level level);

void status_say(struct status_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void status_next(struct status_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Why the PKI, or a part of it, cannot be read. */
void status_untold(struct status *st, const struct err *why);

int status_people(struct status_run *r, struct err *e);
/* Once it is known where the CA key is. */
int status_unfinished(struct status_run *r, struct err *e);
int status_letters(struct status_run *r, struct err *e);
int status_escrow(struct status_run *r, struct err *e);
void status_pki(struct status_run *r);
int status_index(struct status_run *r, struct err *e);

#define STATUS_DAY 86400

#endif
