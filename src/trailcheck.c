#include "trailcheck.h"
#include "core/clean.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_FILE_MAX ((size_t)64 << 10)

void trailcheck_note(void *arg, const char *text)
{
	char clean[512];
	(void)arg;
	clean_text(clean, sizeof clean, text);
	fprintf(stderr, "  note: %s\n", clean);
}

int trailcheck_need_signer(struct trailcheck *t, struct err *e)
{
	if (t->signer != NULL)
		return 0;
	if (signer_start(&t->signer, &t->cfg->ca, t->o->verbose, trailcheck_note, NULL, e) == 0 &&
	    signer_open(t->signer, &t->ca, e) == 0)
		return 0;
	signer_stop(&t->signer);
	return -1;
}

/* ---- one checkpoint */

/* The signature holds: does the trail still have what was signed? */
static int compare(const struct trailcheck *t, struct trailcheck_point *p, struct err *e)
{
	unsigned char hash[TRAIL_HASH_LEN];
	bool found = false;
	if (trail_hash(t->store, (int64_t)p->says.record, &found, hash, e) != 0)
		return -1;
	if (found && memcmp(hash, p->says.hash, sizeof hash) == 0)
		return 0;
	snprintf(p->trouble, sizeof p->trouble,
		 found ? "record %" PRIu64 " of the trail is not the one that was signed"
		       : "the trail has no record %" PRIu64 ", which was signed",
		 p->says.record);
	return 0;
}

static int check_row(const struct trailcheck *t, const struct trail_checkpoint *row, struct trailcheck_point *p,
		     struct err *e)
{
	p->says.record = (uint64_t)row->record;
	p->says.time = row->at;
	if (signer_checkpoint_check(t->signer, &row->cms, &p->says, e) != 0) {
		if (e->code != ERR_USAGE && e->code != ERR_AUDIT_CHANGED)
			return -1;
		snprintf(p->trouble, sizeof p->trouble, "%s", e->what);
		err_clear(e);
		return 0;
	}
	if (p->says.record == (uint64_t)row->record && p->says.time == row->at &&
	    memcmp(p->says.hash, row->hash, sizeof row->hash) == 0)
		return compare(t, p, e);
	snprintf(p->trouble, sizeof p->trouble, "the table checkpoints says something else than what was signed");
	return 0;
}

static int check_rows(struct trailcheck *t, const struct trail_checkpoint *rows, size_t n, struct err *e)
{
	t->points = xcalloc(n + 1, sizeof *t->points);
	t->n_points = n;
	if (n == 0 || trailcheck_need_signer(t, e) != 0)
		return n == 0 ? 0 : -1;
	for (size_t i = 0; i < n; i++) {
		if (check_row(t, &rows[i], &t->points[i], e) != 0)
			return -1;
	}
	t->points_checked = true;
	return 0;
}

/* A file that holds a checkpoint of this CA; whether of this trail, is in t->file. */
static int check_file(struct trailcheck *t, const char *path, const struct blob *content, struct err *e)
{
	if (trailcheck_need_signer(t, e) != 0)
		return -1;
	t->file_name = path;
	if (signer_checkpoint_check(t->signer, content, &t->file.says, e) == 0)
		return compare(t, &t->file, e);
	err_prefix(e, "%s", path);
	if (e->code == ERR_AUDIT_CHANGED)
		err_next(e, "Is it of this company's CA, and as it was when it was put away?");
	return -1;
}

int trailcheck_file(struct trailcheck *t, const char *path, struct err *e)
{
	struct blob content = BLOB_INIT;
	if (file_read(path, CHECKPOINT_FILE_MAX, &content, e) != 0) {
		e->code = ERR_USAGE;
		return err_next(e, "name a file that `tokenroll audit --checkpoint FILE` has written");
	}
	int got = check_file(t, path, &content, e);
	blob_free(&content);
	return got;
}

/* ---- all of it */

static const struct trailcheck_point *first_trouble(const struct trailcheck *t)
{
	for (size_t i = 0; i < t->n_points; i++) {
		if (t->points[i].trouble[0] != '\0')
			return &t->points[i];
	}
	return t->file_name != NULL && t->file.trouble[0] != '\0' ? &t->file : NULL;
}

static int chain_changed(const struct trailcheck *t, struct err *e)
{
	char first[TRAIL_TEXT_MAX], more[64] = "";
	trail_finding_text(first, &t->report.findings[0]);
	if (t->report.n_all > 1)
		snprintf(more, sizeof more, " (and %zu more)", t->report.n_all - 1);
	return err_set(e, ERR_AUDIT_CHANGED, "the audit trail in %s is not as it was written: %s%s",
		       trail_path(t->store), first, more);
}

static int point_contradicts(const struct trailcheck *t, const struct trailcheck_point *p, struct err *e)
{
	err_set(e, ERR_AUDIT_CHANGED, "a checkpoint (%s, record %" PRIu64 ") contradicts the audit trail in %s: %s",
		p == &t->file ? t->file_name : "in the database", p->says.record, trail_path(t->store), p->trouble);
	if (p != &t->file)
		return -1;
	return err_next(
	    e,
	    "it was made of the database %s; if that is this one, the trail was written anew since: keep the "
	    "database as it is, and compare it with a backup",
	    p->says.database);
}

static int judge(const struct trailcheck *t, struct err *e)
{
	const struct trailcheck_point *p = first_trouble(t);
	if (t->report.n_all != 0)
		return chain_changed(t, e);
	return p != NULL ? point_contradicts(t, p, e) : 0;
}

static int verify_points(struct trailcheck *t, struct err *e)
{
	struct trail_checkpoint *rows = NULL;
	size_t n = 0;
	if (trail_checkpoints(t->store, &rows, &n, e) != 0)
		return -1;
	int got = check_rows(t, rows, n, e);
	trail_checkpoints_free(&rows, n);
	if (got != 0 && t->report.n_all == 0)
		err_prefix(e, "the hash chain is whole, but its checkpoints could not be checked");
	return got;
}

int trailcheck_verify(struct trailcheck *t, struct err *e)
{
	/* first, so that a wrong name is said at once */
	if (t->o->checkpoint_file != NULL && trailcheck_file(t, t->o->checkpoint_file, e) != 0)
		return -1;
	if (trail_verify(t->store, &t->report, e) != 0)
		return -1;
	int got = verify_points(t, e);
	return got == 0 || t->report.n_all != 0 ? judge(t, e) : got;
}

void trailcheck_free(struct trailcheck *t)
{
	signer_stop(&t->signer);
	ca_info_free(&t->ca);
	blob_free(&t->pem);
	free(t->points);
	t->points = NULL;
}
