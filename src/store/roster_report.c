#include "store/roster_report.h"

#include "store/letter_due.h"
#include "store/roster_impl.h"

/* Without the comparison of l.id all of the letters' index would be gone through as if it were a table. */
#define UNPRINTED                                                                                                    \
	" FROM letters l CROSS JOIN roster_people p ON p.id = l.person WHERE l.printed = 0 AND l.sealed IS NOT NULL" \
	" AND l.id > 0 AND p.roster = ? AND " LETTER_IS_DUE

int store_roster_people(struct store *s, int64_t roster, time_t since, const char *after, struct roster_person *ret,
			size_t n, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE roster = ? AND user > ?"
		       " AND (state <> 'done' OR ended >= ?) ORDER BY user LIMIT ?",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_text(&q, after ? after : "");
	query_put_int(&q, since);
	query_put_int(&q, (int64_t)n);
	return roster_read_some(&q, ret, n, ret_n, e);
}

int store_roster_enrolled(struct store *s, int64_t roster, time_t since, const struct roster_person *after,
			  struct roster_person *ret, size_t n, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE roster = ? AND state = 'done'"
		       " AND (ended, id) > (?, ?) ORDER BY ended, id LIMIT ?",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_int(&q, after ? after->ended : since);
	query_put_int(&q, after ? after->id : 0);
	query_put_int(&q, (int64_t)n);
	return roster_read_some(&q, ret, n, ret_n, e);
}

int store_roster_slowest(struct store *s, int64_t roster, time_t since, struct roster_person *ret, size_t n,
			 size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE roster = ? AND state = 'done'"
		       " AND ended >= ? ORDER BY took DESC, id LIMIT ?",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_int(&q, since);
	query_put_int(&q, (int64_t)n);
	return roster_read_some(&q, ret, n, ret_n, e);
}

int store_roster_reasons(struct store *s, int64_t roster, struct roster_reason *ret, size_t n, size_t *ret_n,
			 struct err *e)
{
	struct query q = QUERY_INIT;
	size_t got = 0;
	bool row = false;
	int rc = query_open(&q, s,
			    "SELECT code, count(*) FROM roster_people WHERE roster = ? AND state = 'failed'"
			    " AND withdrawn = 0 GROUP BY code ORDER BY count(*) DESC, code LIMIT ?",
			    e);

	if (rc == 0) {
		query_put_int(&q, roster);
		query_put_int(&q, (int64_t)n);
	}
	while (rc == 0 && got < n && (rc = query_next(&q, &row, e)) == 0 && row) {
		query_text(&q, 0, ret[got].code, sizeof(ret[got].code));
		ret[got++].people = query_int(&q, 1);
	}
	if (rc == 0)
		rc = query_check(&q, e);
	query_close(&q);
	if (rc == 0)
		*ret_n = got;
	return rc;
}

static int count_letters(struct store *s, int64_t roster, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s, "SELECT count(DISTINCT p.id)" UNPRINTED, e);

	if (rc == 0) {
		query_put_int(&q, roster);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? query_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

int store_roster_letters(struct store *s, int64_t roster, struct roster_user *ret, size_t n, size_t *ret_n,
			 int64_t *ret_all, struct err *e)
{
	struct query q = QUERY_INIT;
	size_t got = 0;
	bool row = false;
	int rc;

	if (count_letters(s, roster, ret_all, e) == -1)
		return -1;
	rc = query_open(&q, s, "SELECT DISTINCT p.user" UNPRINTED " ORDER BY p.user LIMIT ?", e);
	if (rc == 0) {
		query_put_int(&q, roster);
		query_put_int(&q, (int64_t)n);
	}
	while (rc == 0 && got < n && (rc = query_next(&q, &row, e)) == 0 && row)
		query_text(&q, 0, ret[got++].user, sizeof(ret->user));
	if (rc == 0)
		rc = query_check(&q, e);
	query_close(&q);
	if (rc == 0)
		*ret_n = got;
	return rc;
}

int store_look_begin(struct store *s, struct err *e)
{
	return db_exec(s, "BEGIN", e, "read");
}

int store_look_end(struct store *s, int rc, struct err *e)
{
	return db_end(s, rc, e);
}
