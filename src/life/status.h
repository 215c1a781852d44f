/*
 * status: what is about to end, was not finished, or is not as it should be,
 * in the inventory, the PKI, and between the two. Changes nothing and needs no
 * secret. Runs in the parent; the PKI is read by a signer process that only
 * looks. What cannot be told of one part is a finding, and the rest is told
 * all the same.
 */
#ifndef LIFE_STATUS_H
#define LIFE_STATUS_H

#include "ca/look.h"
#include "core/config.h"
#include "store/store.h"
#include "store/survey.h"

#define STATUS_NAME_SIZE 128

/* The exit status of `tokenroll status`; the worst is the one that counts, in the order of status_worse. */
enum status_level { STATUS_FINE, STATUS_SOON, STATUS_WRONG, STATUS_UNTOLD };

enum status_topic {
	STATUS_PKI,            /* it cannot be read */
	STATUS_CA,             /* its certificate ends */
	STATUS_CRL,            /* it ends, or the VPN server has an older one */
	STATUS_EXPIRING,       /* certificates */
	STATUS_UNFINISHED,     /* enrollments */
	STATUS_WAITING,        /* certificates that were replaced and are to be revoked */
	STATUS_LOST,           /* tokens that are lost, with a certificate that counts */
	STATUS_INDEX_UNKNOWN,  /* rows of index.txt that the inventory has not */
	STATUS_INDEX_MISSING,  /* certificates of the inventory that index.txt has not */
	STATUS_INDEX_DIFFERS,  /* it says something else about them */
	STATUS_ESCROW_PENDING, /* secrets of which nobody knows whether the token has them */
	STATUS_ESCROW_MISSING, /* tokens with nothing in escrow */
	STATUS_LETTERS,        /* PIN letters that are to be printed */
	STATUS_TOPIC_COUNT
};

struct status_finding {
	enum status_level level;
	char user[STATUS_NAME_SIZE], token[33], certificate[CA_SERIAL_HEX_MAX];
	time_t at; /* when it ends, is due, or began; 0 */
	char *what, *next;
};

/* Findings of one kind; only the first ones are kept, so that an inventory of any size has a status of one page. */
#define STATUS_KEPT 100

struct status_group {
	enum status_level level; /* the worst of all of them */
	size_t n;                /* how many there are */
	size_t n_kept;
	struct status_finding kept[STATUS_KEPT];
};

struct status {
	time_t now;
	enum status_level level;
	struct status_group group[STATUS_TOPIC_COUNT];
	struct survey_counts counts;
	bool has_look; /* the PKI could be opened */
	struct ca_look look;
	size_t rows; /* of index.txt */
};

/* -1 only if the inventory cannot be read. *ret is for status_free in any case. */
int status_take(struct status **ret, struct store *s, const struct config *cfg, bool verbose, struct err *e);
void status_free(struct status **st);

/* The one of the two that counts: wrong before untold before soon before fine. */
enum status_level status_worse(enum status_level a, enum status_level b);

/* "fine", "soon", "wrong", "untold"; "expiring", "index-unknown", ... */
const char *status_level_name(enum status_level l);
const char *status_topic_name(enum status_topic t);

/* What a group is called by people: "certificates that end". */
const char *status_topic_title(enum status_topic t);

/* Whole days from now on; negative for what has passed. */
long status_days(const struct status *st, time_t t);

#endif
