#include "store/roster_impl.h"

#include "core/xalloc.h"
#include "store/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int roster_find(struct store *s, const char *source, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s, "SELECT id FROM rosters WHERE source = ?", e);

	if (rc == 0) {
		query_put_text(&q, source);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? query_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

static int insert(struct store *s, const char *source, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "INSERT OR IGNORE INTO rosters (source, created) VALUES (?, ?)", e) == -1)
		return -1;
	query_put_text(&q, source);
	query_put_int(&q, time(NULL));
	return query_run(&q, e);
}

/* The claim needs a number, so the row is there before its people are. */
static int ensure(struct store *s, const char *source, int64_t *ret, struct err *e)
{
	if (roster_find(s, source, ret, e) == -1)
		return -1;
	if (*ret != 0)
		return 0;
	if (db_begin(s, e) == -1 || db_end(s, insert(s, source, e), e) == -1)
		return -1;
	return roster_find(s, source, ret, e);
}

static int record(struct store *s, const char *source, const struct roster_merged *m, struct err *e)
{
	char *detail = xasprintf("%s: %" PRId64 " people, %" PRId64 " of them new, %" PRId64 " changed, %" PRId64
				 " changed but done, %" PRId64 " withdrawn, %" PRId64 " resumed; %" PRId64
				 " done, %" PRId64 " left",
				 source, m->people, m->added, m->changed, m->changed_done, m->withdrawn, m->resumed,
				 m->now.states[ROSTER_DONE], m->now.left);
	struct audit_entry a = {.action = "roster-opened", .detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	return rc;
}

int store_roster_open(struct store *s, const char *source, const struct roster_entry *list, size_t n, int64_t *ret_id,
		      struct roster_merged *ret, struct err *e)
{
	struct roster_merged merged = {.people = 0};
	int64_t id = 0;
	int rc;

	if (ensure(s, source, &id, e) == -1 || roster_claim(s, id, source, e) == -1 || db_begin(s, e) == -1)
		return -1;
	rc = roster_note_opened(s, id, e);
	if (rc == 0)
		rc = roster_merge(s, id, false, list, n, &merged, e);
	if (rc == 0)
		rc = record(s, source, &merged, e);
	if (db_end(s, rc, e) == -1)
		return -1;
	*ret_id = id;
	*ret = merged;
	return 0;
}

/* In one transaction, so that it counts what there is at one moment. */
int store_roster_preview(struct store *s, const char *source, const struct roster_entry *list, size_t n,
			 struct roster_merged *ret, struct err *e)
{
	struct roster_merged merged = {.people = 0};
	int64_t id = 0;
	int rc;

	if (db_exec(s, "BEGIN", e, "read") == -1)
		return -1;
	rc = roster_find(s, source, &id, e);
	if (rc == 0)
		rc = roster_merge(s, id, true, list, n, &merged, e);
	if (db_end(s, rc, e) == -1)
		return -1;
	*ret = merged;
	return 0;
}

int store_roster_known(struct store *s, const char *source, bool *ret, struct err *e)
{
	int64_t id = 0;

	if (roster_find(s, source, &id, e) == -1)
		return -1;
	*ret = id != 0;
	return 0;
}

/* ---- rosters */

int store_rosters(struct store *s, struct roster_source **ret, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;
	struct roster_source *list = NULL;
	size_t n = 0;
	bool row = false;
	/* there are as many as files were ever opened */
	int rc = query_open(&q, s, "SELECT id, source, opened FROM rosters ORDER BY opened DESC, id DESC", e);

	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		const char *source = (const char *)sqlite3_column_text(q.st, 1);

		list = xrealloc(list, n + 1, sizeof(*list));
		list[n++] = (struct roster_source){query_int(&q, 0), xstrdup(source ? source : ""), query_int(&q, 2)};
	}
	query_close(&q);
	if (rc == 0) {
		*ret = list;
		*ret_n = n;
	} else {
		roster_sources_free(&list, n);
	}
	return rc;
}

void roster_sources_free(struct roster_source **list, size_t n)
{
	if (!list || !*list)
		return;
	for (size_t i = 0; i < n; i++)
		free((*list)[i].source);
	free(*list);
	*list = NULL;
}

int store_roster_count(struct store *s, int64_t roster, struct roster_counts *ret, struct err *e)
{
	struct roster_counts counts = {.left = 0};
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(
	    &q, s, "SELECT state, withdrawn, count(*) FROM roster_people WHERE roster = ? GROUP BY state, withdrawn",
	    e);

	if (rc == 0)
		query_put_int(&q, roster);
	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		enum roster_state st = roster_state_read(&q, 0);
		bool gone = query_int(&q, 1) != 0 && st != ROSTER_DONE;

		*(gone ? &counts.withdrawn : &counts.states[st]) += query_int(&q, 2);
		if (!gone && st != ROSTER_DONE)
			counts.left += query_int(&q, 2);
	}
	if (rc == 0)
		rc = query_check(&q, e);
	query_close(&q);
	if (rc == 0)
		*ret = counts;
	return rc;
}
