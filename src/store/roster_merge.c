/*
 * roster_merge: what a file says of people comes together with what is known of them.
 */
#include "core/fold.h"
#include "core/xalloc.h"
#include "store/roster_impl.h"

#include <stdlib.h>
#include <string.h>

/* The indexes of 100,000 people are filled in another order than they are kept in. */
#define CACHE_KIB "32768"

struct merge {
	struct store *s;
	int64_t roster;
	bool dry;
	bool fresh; /* nobody was there before: nobody has to be looked for */
	struct fold *fold;
	const struct roster_entry *batch[ROSTER_BATCH]; /* who is new and not written yet */
	size_t n_batch;
	int64_t *seen; /* the ids of those who were there and are named again */
	size_t n_seen;
	struct roster_merged merged;
};

/* ---- before: who did not get to the end */

static int run_update(struct merge *m, const char *sql, int64_t *ret_changed, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, m->s, sql, e) == -1)
		return -1;
	query_put_int(&q, m->roster);
	if (query_run(&q, e) == -1)
		return -1;
	*ret_changed = sqlite3_changes64(m->s->db);
	return 0;
}

static int count_running(struct merge *m, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, m->s, "SELECT count(*) FROM roster_people WHERE roster = ? AND state = 'running'", e);

	if (rc == 0) {
		query_put_int(&q, m->roster);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0 && row)
		*ret = query_int(&q, 0);
	query_close(&q);
	return rc;
}

static int bring_back(struct merge *m, struct err *e)
{
	int64_t again;

	if (m->dry)
		return count_running(m, &m->merged.resumed, e);
	if (run_update(m,
		       "UPDATE roster_people SET state = 'waiting', front = 1,"
		       " reserved = CASE WHEN wanted = '' THEN token_serial ELSE wanted END"
		       " WHERE roster = ? AND state = 'running'",
		       &m->merged.resumed, e) == -1)
		return -1;
	return run_update(m,
			  "UPDATE roster_people SET state = 'waiting', front = 0"
			  " WHERE roster = ? AND state IN ('failed', 'skipped')",
			  &again, e);
}

static enum roster_state state_then(enum roster_state now)
{
	return now == ROSTER_DONE || now == ROSTER_HELD ? now : ROSTER_WAITING;
}

/* ---- one entry */

static int flush(struct merge *m, struct err *e)
{
	int rc = roster_insert(m->s, m->roster, m->fold, m->batch, m->n_batch, e);

	m->n_batch = 0;
	return rc;
}

static int insert(struct merge *m, const struct roster_entry *x, struct err *e)
{
	m->merged.added++;
	m->merged.now.states[ROSTER_WAITING]++;
	if (m->dry)
		return 0;
	m->batch[m->n_batch++] = x;
	return m->n_batch == ROSTER_BATCH ? flush(m, e) : 0;
}

/* One who waits for a token that a crash has left half done goes on waiting for that, unless the file names one: then
 * it is that one, and of the other the inventory knows. */
static int update(struct merge *m, const struct roster_entry *x, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (m->dry)
		return 0;
	char *name_key = xstrdup(fold_text(m->fold, x->name));
	if (query_open(&q, m->s,
		       "UPDATE roster_people SET line = ?1, user = ?2, name = ?3, email = ?4, department = ?5,"
		       " language = ?6, reserved = CASE WHEN reserved = wanted OR ?7 <> '' THEN ?7 ELSE reserved END,"
		       " wanted = ?7, key_type = ?8, extra = ?9, name_key = ?10, last_key = ?11, withdrawn = 0"
		       " WHERE id = ?12",
		       e) == 0) {
		roster_put_entry(&q, x, name_key);
		query_put_int(&q, id);
		rc = query_run(&q, e);
	}
	free(name_key);
	return rc;
}

static int update_line(struct merge *m, const struct roster_entry *x, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (m->dry)
		return 0;
	if (query_open(&q, m->s, "UPDATE roster_people SET line = ?, withdrawn = 0 WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, x->line);
	query_put_int(&q, id);
	return query_run(&q, e);
}

/* Of who is done only the token is taken over: it is not for just anybody. */
static int update_done(struct merge *m, const struct roster_entry *x, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (m->dry)
		return 0;
	if (query_open(&q, m->s,
		       "UPDATE roster_people SET line = ?1, wanted = ?2, reserved = ?2, withdrawn = 0 WHERE id = ?3",
		       e) == -1)
		return -1;
	query_put_int(&q, x->line);
	query_put_text(&q, x->token_serial);
	query_put_int(&q, id);
	return query_run(&q, e);
}

/* ---- what is known of whom it names */

struct known {
	int64_t id;
	long line;
	enum roster_state state;
	bool withdrawn, same; /* same: all but the line */
};

/* Whether all columns that the file fills say what they said. */
static bool is_same(struct query *q, int col, const struct roster_entry *x)
{
	const char *const texts[] = {x->user,     x->name,         x->email, x->department,
				     x->language, x->token_serial, x->extra, roster_key_type_text(x->key_type)};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *known = (const char *)sqlite3_column_text(q->st, col + (int)i);

		if (!known || strcmp(known, texts[i]) != 0)
			return false;
	}
	return true;
}

static int look_up(struct merge *m, const struct roster_entry *x, bool *ret_there, struct known *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = query_open(&q, m->s,
			    "SELECT id, line, state, withdrawn, user, name, email, department, language, wanted, extra,"
			    " key_type FROM roster_people WHERE roster = ? AND user = ?",
			    e);

	if (rc == 0) {
		query_put_int(&q, m->roster);
		query_put_text(&q, x->user);
		rc = query_next(&q, ret_there, e);
	}
	if (rc == 0 && *ret_there) {
		*ret = (struct known){query_int(&q, 0), (long)query_int(&q, 1), roster_state_read(&q, 2),
				      query_int(&q, 3) != 0, is_same(&q, 4, x)};
		rc = query_check(&q, e);
	}
	query_close(&q);
	return rc;
}

static int merge_known(struct merge *m, const struct roster_entry *x, const struct known *k, struct err *e)
{
	struct roster_merged *c = &m->merged;

	m->seen[m->n_seen++] = k->id;
	c->now.states[state_then(k->state)]++;
	if (k->state == ROSTER_DONE)
		c->changed_done += !k->same;
	else if (k->withdrawn)
		c->added++;
	else
		c->changed += !k->same;
	if (!k->same)
		return k->state == ROSTER_DONE ? update_done(m, x, k->id, e) : update(m, x, k->id, e);
	return k->line != x->line || k->withdrawn ? update_line(m, x, k->id, e) : 0;
}

static int merge_one(struct merge *m, const struct roster_entry *x, struct err *e)
{
	struct known k = {.id = 0};
	bool there = false;

	if (m->fresh)
		return insert(m, x, e);
	if (look_up(m, x, &there, &k, e) == -1)
		return -1;
	return there ? merge_known(m, x, &k, e) : insert(m, x, e);
}

static int find_anybody(struct merge *m, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, m->s, "SELECT 1 FROM roster_people WHERE roster = ? LIMIT 1", e);

	if (rc == 0) {
		query_put_int(&q, m->roster);
		rc = query_next(&q, &row, e);
	}
	m->fresh = !row;
	query_close(&q);
	return rc;
}

/* ---- after: whom it does not name */

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int withdraw(struct merge *m, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (m->dry)
		return 0;
	if (query_open(&q, m->s, "UPDATE roster_people SET withdrawn = 1 WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return query_run(&q, e);
}

/* Counts one whom the file does not name, and puts the id on the list of those that are not withdrawn yet. */
static void note_missing(struct merge *m, int64_t id, enum roster_state st, bool withdrawn, int64_t **ret,
			 size_t *ret_n)
{
	if (st == ROSTER_DONE)
		m->merged.now.states[ROSTER_DONE]++;
	else
		m->merged.now.withdrawn++;
	if (withdrawn)
		return;
	m->merged.withdrawn += st != ROSTER_DONE;
	*ret = xrealloc(*ret, *ret_n + 1, sizeof(**ret));
	(*ret)[(*ret_n)++] = id;
}

/* New ones have greater ids than all that were there. */
static int find_missing(struct merge *m, int64_t last, int64_t **ret, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, m->s, "SELECT id, state, withdrawn FROM roster_people WHERE roster = ? AND id <= ?", e);

	if (rc == 0) {
		query_put_int(&q, m->roster);
		query_put_int(&q, last);
	}
	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		int64_t id = query_int(&q, 0);

		if (!bsearch(&id, m->seen, m->n_seen, sizeof(id), by_id))
			note_missing(m, id, roster_state_read(&q, 1), query_int(&q, 2) != 0, ret, ret_n);
	}
	query_close(&q);
	return rc;
}

static int withdraw_missing(struct merge *m, int64_t last, struct err *e)
{
	int64_t *missing = NULL;
	size_t n = 0;
	int rc;

	qsort(m->seen, m->n_seen, sizeof(*m->seen), by_id);
	rc = find_missing(m, last, &missing, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = withdraw(m, missing[i], e);
	free(missing);
	return rc;
}

/* ---- */

static int merge_all(struct merge *m, const struct roster_entry *list, size_t n, struct err *e)
{
	int64_t last = 0;

	if (db_exec(m->s, "PRAGMA cache_size = -" CACHE_KIB, e, "read") == -1 || bring_back(m, e) == -1 ||
	    db_int(m->s, "SELECT max(id) FROM roster_people", &last, e) == -1 || find_anybody(m, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (merge_one(m, &list[i], e) == -1)
			return -1;
	return flush(m, e) == 0 ? withdraw_missing(m, last, e) : -1;
}

int roster_merge(struct store *s, int64_t id, bool dry, const struct roster_entry *list, size_t n,
		 struct roster_merged *ret, struct err *e)
{
	struct merge m = {.s = s, .roster = id, .dry = dry, .merged.people = (int64_t)n};
	int rc;

	m.seen = xcalloc(n, sizeof(*m.seen));
	m.fold = fold_new();
	rc = merge_all(&m, list, n, e);
	for (int i = 0; i < ROSTER_STATE_COUNT; i++)
		m.merged.now.left += i != ROSTER_DONE ? m.merged.now.states[i] : 0;
	fold_free(&m.fold);
	free(m.seen);
	if (rc == 0)
		*ret = m.merged;
	return rc;
}
