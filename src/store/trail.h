/*
 * trail: the audit trail for whoever reads it: listing, verification, and the
 * checkpoints that the CA's key has signed. Only the parent calls it.
 *
 * The hash chain (audit.h) has no secret in it: whoever may write the database
 * can change a record and compute all that follow anew. Then only a checkpoint
 * that is kept elsewhere tells. Anything less, verification finds.
 */
#ifndef STORE_TRAIL_H
#define STORE_TRAIL_H

#include "core/blob.h"
#include "core/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TRAIL_HASH_LEN 32
#define TRAIL_ACTION_MAX 33

/* One record; its texts live until the callback returns. */
struct trail_record {
	int64_t id;
	time_t at;
	const char *login, *sudo_user, *host, *action, *user, *token_serial, *cert_serial, *detail;
	unsigned char hash[TRAIL_HASH_LEN];
};

struct trail_filter {
	time_t since;             /* seconds since 1970; 0: all */
	const char *user, *token; /* a user's name, a token's serial number; NULL: all */
};

/* Returns -1 to stop. */
typedef int trail_each_fn(void *arg, const struct trail_record *r, struct err *e);

/* Calls fn for each record, oldest first, without holding them all. */
int trail_each(struct store *s, const struct trail_filter *f, trail_each_fn *fn, void *arg, struct err *e);

/* ---- verification */

enum trail_fault {
	TRAIL_ALTERED,         /* what is in the record is not what was written */
	TRAIL_MOVED,           /* it was written as another number (place) */
	TRAIL_MISSING,         /* records are missing before others */
	TRAIL_INSERTED,        /* a number that no record was ever given */
	TRAIL_UNLINKED,        /* it is whole, but does not follow from the one before it */
	TRAIL_CUT,             /* records are missing at the end */
	TRAIL_ADDED,           /* there are records after the end */
	TRAIL_END_UNKNOWN,     /* audit_head is empty, or not of the last record */
	TRAIL_CHECKPOINT_GONE, /* the record tells of a checkpoint that is not there any more */
	TRAIL_FAULT_COUNT
};

struct trail_neighbour {
	int64_t record; /* 0: there is none */
	time_t at;
	char action[TRAIL_ACTION_MAX];
};

struct trail_finding {
	enum trail_fault fault;
	int64_t first, last; /* the records it is about */
	int64_t place;       /* of TRAIL_MOVED: the number it was written as */
	struct trail_neighbour before, after;
};

#define TRAIL_FINDINGS_MAX 20

struct trail_report {
	uint64_t records;                   /* that there are */
	int64_t last;                       /* the last one's number, 0 if there is none */
	unsigned char hash[TRAIL_HASH_LEN]; /* its hash as it is recorded */
	struct trail_finding findings[TRAIL_FINDINGS_MAX];
	size_t n, n_all; /* kept, and found */
};

/* Computes the hash chain again from the first record to the last. What it finds is in *ret and no failure. */
int trail_verify(struct store *s, struct trail_report *ret, struct err *e);

/* "altered", "missing" …, for programs. */
const char *trail_fault_name(enum trail_fault f);

/* "record 5 was altered; before it is record 4 (2026-11-25T09:00:00Z, keyed), after it …" */
#define TRAIL_TEXT_MAX 320
void trail_finding_text(char ret[TRAIL_TEXT_MAX], const struct trail_finding *f);

/* ---- checkpoints */

struct trail_checkpoint {
	int64_t id;
	time_t at;
	int64_t record;
	unsigned char hash[TRAIL_HASH_LEN];
	struct blob cms; /* DER */
};

/* Keeps a checkpoint that was signed, and records that. */
int trail_checkpoint_add(struct store *s, const struct trail_checkpoint *c, struct err *e);

/* All of them, oldest first. */
int trail_checkpoints(struct store *s, struct trail_checkpoint **ret, size_t *ret_n, struct err *e);
void trail_checkpoints_free(struct trail_checkpoint **list, size_t n);

/* The hash of a record as it is recorded; *ret_found false if there is no such record. */
int trail_hash(struct store *s, int64_t record, bool *ret_found, unsigned char ret[TRAIL_HASH_LEN], struct err *e);

/* The database's absolute path. */
const char *trail_path(const struct store *s);

#endif
