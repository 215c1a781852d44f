#include "store/audit.h"
#include "store/audit_record.h"
#include "store/trail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The way along the trail. */
struct walk {
	struct store *s;
	struct trail_report *report;
	struct audit_hasher hasher;
	struct trail_neighbour before;      /* the record before the current one */
	unsigned char hash[AUDIT_HASH_LEN]; /* its hash, from which the current one has to follow */
	bool broken; /* the one before is missing or was altered: what followed from it nobody knows */
	size_t open; /* findings from here on want to know what comes after them */
	struct trail_finding unkept;
};

static struct trail_neighbour neighbour_of(const struct audit_record *r)
{
	struct trail_neighbour n = {.record = r->id, .at = r->at};
	size_t len = strnlen(r->text[AUDIT_ACTION], sizeof(n.action) - 1);

	memcpy(n.action, r->text[AUDIT_ACTION], len);
	return n;
}

static struct trail_finding *add_finding(struct walk *w, enum trail_fault fault, int64_t first, int64_t last)
{
	struct trail_report *report = w->report;
	struct trail_finding *f = report->n < TRAIL_FINDINGS_MAX ? &report->findings[report->n++] : &w->unkept;

	report->n_all++;
	*f = (struct trail_finding){.fault = fault, .first = first, .last = last, .before = w->before};
	return f;
}

static void tell_what_comes_after(struct walk *w, const struct trail_neighbour *next)
{
	for (; w->open < w->report->n; w->open++)
		w->report->findings[w->open].after = *next;
}

/* ---- one record */

/* The number of the record with this hash, 0 for the zeros that the first one follows from, -1 if there is none. */
static int number_of(struct store *s, const unsigned char hash[AUDIT_HASH_LEN], int64_t *ret, struct err *e)
{
	static const unsigned char zeros[AUDIT_HASH_LEN];
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = -1;

	*ret = 0;
	if (memcmp(hash, zeros, sizeof(zeros)) == 0)
		return 0;
	if (query_open(&q, s, "SELECT id FROM audit WHERE hash = ? LIMIT 1", e) == 0) {
		query_put_bytes(&q, hash, AUDIT_HASH_LEN);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? query_int(&q, 0) : -1;
	query_close(&q);
	return rc;
}

static int was_number(struct walk *w, const struct audit_record *r, int64_t number, bool *ret, struct err *e)
{
	unsigned char hash[AUDIT_HASH_LEN];

	if (audit_record_hash(&w->hasher, r, number, hash, e) == -1)
		return -1;
	*ret = memcmp(hash, r->hash, AUDIT_HASH_LEN) == 0;
	return 0;
}

/* Was it written as another number: of a neighbour, or of the one behind the record that it follows from? */
static int find_place(struct walk *w, const struct audit_record *r, struct trail_finding *f, struct err *e)
{
	int64_t before = 0;
	bool found = false;

	if (number_of(w->s, r->prev, &before, e) == -1)
		return -1;
	const int64_t places[] = {before != INT64_MAX ? before + 1 : 0, r->id - 1, r->id != INT64_MAX ? r->id + 1 : 0};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		if (was_number(w, r, places[i], &found, e) == -1)
			return -1;
		if (found)
			f->place = places[i];
	}
	f->fault = found ? TRAIL_MOVED : TRAIL_ALTERED;
	return 0;
}

/* A record that is not what was written as this number. The search for its place takes a look at all records, so it is
 * made only for findings that are told. */
static int judge_altered(struct walk *w, const struct audit_record *r, struct err *e)
{
	bool kept = w->report->n < TRAIL_FINDINGS_MAX;
	struct trail_finding *f = add_finding(w, TRAIL_ALTERED, r->id, r->id);

	return kept ? find_place(w, r, f, e) : 0;
}

/* Whoever removes a checkpoint would have to take this record out, too. */
static int check_checkpoint(struct walk *w, const struct audit_record *r, struct err *e)
{
	struct query q = QUERY_INIT;
	int64_t of = 0;
	bool row = false;
	int rc = -1;

	if (strcmp(r->text[AUDIT_ACTION], AUDIT_CHECKPOINT) != 0 ||
	    sscanf(r->text[AUDIT_DETAIL], AUDIT_CHECKPOINT_OF "%" SCNd64, &of) != 1)
		return 0;
	if (query_open(&q, w->s, "SELECT 1 FROM checkpoints WHERE record = ? LIMIT 1", e) == 0) {
		query_put_int(&q, of);
		rc = query_next(&q, &row, e);
	}
	query_close(&q);
	if (rc == 0 && !row)
		add_finding(w, TRAIL_CHECKPOINT_GONE, r->id, r->id);
	return rc;
}

static int check_content(struct walk *w, const struct audit_record *r, struct err *e)
{
	bool whole = false;

	if (was_number(w, r, r->id, &whole, e) == -1)
		return -1;
	if (!whole && judge_altered(w, r, e) == -1)
		return -1;
	if (whole && !w->broken && memcmp(r->prev, w->hash, AUDIT_HASH_LEN) != 0)
		add_finding(w, TRAIL_UNLINKED, r->id, r->id);
	w->broken = !whole;
	return check_checkpoint(w, r, e);
}

static int step(struct walk *w, const struct audit_record *r, struct err *e)
{
	const struct trail_neighbour me = neighbour_of(r);
	int64_t expected = w->before.record + 1;

	tell_what_comes_after(w, &me);
	if (r->id < expected) {
		add_finding(w, TRAIL_INSERTED, r->id, r->id);
		return 0;
	}
	if (r->id > expected) {
		add_finding(w, TRAIL_MISSING, expected, r->id - 1);
		tell_what_comes_after(w, &me);
		w->broken = true;
	}
	if (check_content(w, r, e) == -1)
		return -1;
	w->before = me;
	memcpy(w->hash, r->hash, AUDIT_HASH_LEN);
	w->report->records++;
	return 0;
}

static int walk_along(struct walk *w, struct err *e)
{
	struct query q = QUERY_INIT;
	struct audit_record r;
	bool row = false;
	int rc = query_open(&q, w->s, "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY id", e);

	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		audit_record_read(&q, &r);
		rc = step(w, &r, e);
	}
	query_close(&q);
	return rc;
}

/* ---- the end */

static int head_read(struct store *s, bool *ret_found, int64_t *ret, unsigned char ret_hash[AUDIT_HASH_LEN],
		     struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "SELECT id, hash FROM audit_head", e) == 0)
		rc = query_next(&q, ret_found, e);
	if (rc == 0 && *ret_found) {
		*ret = query_int(&q, 0);
		query_bytes(&q, 1, ret_hash, AUDIT_HASH_LEN);
	}
	query_close(&q);
	return rc;
}

static int check_end(struct walk *w, struct err *e)
{
	unsigned char hash[AUDIT_HASH_LEN];
	int64_t end = 0, last = w->before.record;
	bool found = false;

	if (head_read(w->s, &found, &end, hash, e) == -1)
		return -1;
	if (!found)
		add_finding(w, TRAIL_END_UNKNOWN, last, last);
	else if (end > last)
		add_finding(w, TRAIL_CUT, last + 1, end);
	else if (end < last)
		add_finding(w, TRAIL_ADDED, end + 1, last);
	else if (!w->broken && last != 0 && memcmp(hash, w->hash, AUDIT_HASH_LEN) != 0)
		add_finding(w, TRAIL_ALTERED, last, last);
	return 0;
}

/* All of it is read as it is at one moment, whoever adds records meanwhile. */
int trail_verify(struct store *s, struct trail_report *ret, struct err *e)
{
	struct walk w = {.s = s, .report = ret, .hasher = AUDIT_HASHER_INIT};
	int rc;

	*ret = (struct trail_report){0};
	if (db_exec(s, "BEGIN", e, "read") == -1)
		return -1;
	rc = audit_hasher_open(&w.hasher, e);
	if (rc == 0)
		rc = walk_along(&w, e);
	if (rc == 0)
		rc = check_end(&w, e);
	audit_hasher_close(&w.hasher);
	ret->last = w.before.record;
	memcpy(ret->hash, w.hash, TRAIL_HASH_LEN);
	return db_end(s, rc, e);
}
