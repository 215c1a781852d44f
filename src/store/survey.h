/*
 * survey: what `tokenroll status` asks the inventory: what is about to end,
 * was not finished, or is not as it should be. Each question is answered row
 * by row.
 */
#ifndef STORE_SURVEY_H
#define STORE_SURVEY_H

#include "store/store.h"

enum survey_question {
	/* Certificates that end in [from, until), unless their holder has one that ends later. */
	SURVEY_EXPIRING, /* of credentials that have not ended */
	SURVEY_EXPIRING_ADOPTED,
	SURVEY_UNFINISHED, /* enrollments; at is when they last got a step further */
	SURVEY_WAITING,    /* certificates that were replaced; at is when they are to be revoked */
	SURVEY_LOST,       /* tokens that are lost, with a certificate that counts; at is since when */
	SURVEY_PENDING,    /* secrets in escrow of which nobody knows whether the token has them; at is since when */
	SURVEY_UNKEPT,     /* tokens in use with nothing in escrow */
	SURVEY_QUESTION_COUNT
};

/* Texts are good until the next row, "" where there is none. */
struct survey_row {
	const char *user, *token, *profile, *serial; /* serial: of the certificate */
	const char *state;                           /* of the credential; of escrow its kind */
	const char *way;
	const char *purpose;                      /* of an adopted certificate */
	const char *manufacturer, *model, *label; /* of a token with nothing in escrow */
	time_t at;
	bool ahead;  /* unfinished: it was issued while its token was not plugged in, and waits for that */
	time_t ends; /* unfinished: when the certificate ends that it takes over from; 0 */
};

typedef void survey_fn(void *arg, const struct survey_row *row);

/* from and until matter to the first two only. */
int store_survey(struct store *s, enum survey_question what, time_t from, time_t until, survey_fn *fn, void *arg,
		 struct err *e);

struct survey_counts {
	int64_t credentials[CRED_STATE_COUNT];
	int64_t revoked_elsewhere;       /* of those that have not ended */
	int64_t valid, revoked, expired; /* certificates that no credential has */
};

int store_count(struct store *s, struct survey_counts *ret, struct err *e);

/* How many certificates that count end in [from, until). */
int store_count_ends(struct store *s, time_t from, time_t until, int64_t *ret, struct err *e);

/* Whether this token was initialized by tokenroll. */
int store_was_initialized(struct store *s, const char *token_serial, bool *ret, struct err *e);

/* ---- every certificate of the inventory, by serial number, to be compared with index.txt */

struct survey_serials;

struct survey_serial {
	char serial[41];
	bool adopted;  /* no credential has it */
	bool counts;   /* its credential has not ended, or the certificate is valid */
	bool ended;    /* its credential has ended, whatever became of the certificate */
	bool revoked;  /* the inventory says so */
	bool replaced; /* by another one; it may be waiting to be revoked */
	time_t not_after;
};

int store_serials_open(struct survey_serials **ret, struct store *s, struct err *e);
int store_serials_next(struct survey_serials *q, bool *ret_more, struct survey_serial *ret, struct err *e);
void store_serials_close(struct survey_serials **q);

/* Whose certificate it is; "" if nobody's. */
int store_holder(struct store *s, const char *cert_serial, char *ret, size_t size, struct err *e);

/* All statements of this file, for those who ask whether they use an index; ends with NULL. */
extern const char *const survey_sql[];

#endif
