/*
 * trailcheck: whether the audit trail is as it was written: by its hash chain,
 * by the checkpoints in the database, and by one that was kept elsewhere; and
 * how a new checkpoint is made.
 */
#ifndef TRAILCHECK_H
#define TRAILCHECK_H

#include "ca/signer.h"
#include "core/config.h"
#include "options.h"
#include "store/trail.h"

/* A checkpoint, and what is wrong with it. */
struct trailcheck_point {
	struct ca_checkpoint says;
	char trouble[TRAIL_TEXT_MAX]; /* "" if the trail still has what was signed */
};

struct trailcheck {
	const struct config *cfg;
	const struct options *o;
	struct store *store;
	struct signer *signer; /* NULL as long as it is not needed */
	struct ca_info ca;

	struct trail_report report;
	struct trailcheck_point *points; /* those in the database */
	size_t n_points;
	bool points_checked;
	struct trailcheck_point file; /* that of file_name */
	const char *file_name;        /* --checkpoint-file, or the one that is to be replaced; NULL */
	struct blob pem;              /* the new one */
	struct ca_checkpoint made;
};

/* Fills t as far as it gets. ERR_AUDIT_CHANGED if anything is not as it was written. */
int trailcheck_verify(struct trailcheck *t, struct err *e);

/* Verifies as above, then has the CA sign where the trail stands. file may be NULL; one that is there is only replaced
 * if it is a checkpoint of this trail. */
int trailcheck_sign(struct trailcheck *t, const char *file, struct err *e);

/* For trailsign.c: reads a file with a checkpoint of this CA, and sees whether it is of this trail. */
int trailcheck_file(struct trailcheck *t, const char *path, struct err *e);
int trailcheck_need_signer(struct trailcheck *t, struct err *e);
void trailcheck_note(void *arg, const char *text);

void trailcheck_free(struct trailcheck *t);

#endif
