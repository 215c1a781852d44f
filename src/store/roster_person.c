/*
 * roster_person: who is next, and whose a token is.
 */
#include "core/xalloc.h"
#include "store/roster_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *const states[ROSTER_STATE_COUNT] = {
    [ROSTER_WAITING] = "waiting", [ROSTER_RUNNING] = "running", [ROSTER_HELD] = "held",
    [ROSTER_SKIPPED] = "skipped", [ROSTER_FAILED] = "failed",   [ROSTER_DONE] = "done",
};

const char *roster_state_name(enum roster_state st)
{
	return (unsigned)st < ROSTER_STATE_COUNT ? states[st] : "unknown";
}

enum roster_state roster_state_read(struct query *q, int col)
{
	const char *text = (const char *)sqlite3_column_text(q->st, col);

	for (int i = 0; text && i < ROSTER_STATE_COUNT; i++)
		if (strcmp(text, states[i]) == 0)
			return (enum roster_state)i;
	q->odd = true;
	return ROSTER_WAITING;
}

const char *roster_key_type_text(unsigned key_type)
{
	return key_type == KEYTYPE_NONE ? "" : keytype_name((enum keytype)key_type);
}

unsigned roster_key_type_read(struct query *q, int col)
{
	const char *text = (const char *)sqlite3_column_text(q->st, col);
	enum keytype t = KEYTYPE_NONE;

	if (text && text[0] && keytype_parse(&t, text, NULL) == -1)
		q->odd = true;
	return t;
}

static void read_texts(struct query *q, int *col, struct roster_person *p)
{
	query_text(q, (*col)++, p->user, sizeof(p->user));
	query_text(q, (*col)++, p->name, sizeof(p->name));
	query_text(q, (*col)++, p->email, sizeof(p->email));
	query_text(q, (*col)++, p->department, sizeof(p->department));
	query_text(q, (*col)++, p->language, sizeof(p->language));
	query_text(q, (*col)++, p->wanted, sizeof(p->wanted));
}

static void read_progress(struct query *q, int *col, struct roster_person *p)
{
	p->state = roster_state_read(q, (*col)++);
	p->withdrawn = query_int(q, (*col)++) != 0;
	p->front = query_int(q, (*col)++) != 0;
	query_text(q, (*col)++, p->reserved, sizeof(p->reserved));
	query_text(q, (*col)++, p->code, sizeof(p->code));
	query_text(q, (*col)++, p->why, sizeof(p->why));
	query_text(q, (*col)++, p->token.serial, sizeof(p->token.serial));
	query_text(q, (*col)++, p->token.model, sizeof(p->token.model));
	query_text(q, (*col)++, p->token.label, sizeof(p->token.label));
	query_text(q, (*col)++, p->cert_serial, sizeof(p->cert_serial));
	query_text(q, (*col)++, p->reader, sizeof(p->reader));
}

void roster_person_read(struct query *q, struct roster_person *ret)
{
	struct roster_person p = {.id = query_int(q, 0), .roster = query_int(q, 1), .line = (long)query_int(q, 2)};
	int col = 3;

	read_texts(q, &col, &p);
	p.key_type = roster_key_type_read(q, col++);
	const char *extra = (const char *)sqlite3_column_text(q->st, col++);
	p.extra = xstrdup(extra ? extra : "");
	read_progress(q, &col, &p);
	p.began = query_int(q, col++);
	p.ended = query_int(q, col++);
	p.took = query_int(q, col++);
	p.attempts = query_int(q, col);
	*ret = p;
}

void roster_person_free(struct roster_person *p)
{
	free(p->extra);
	*p = (struct roster_person){0};
}

/* The first row of a query with all its values bound, which is closed. */
static int read_first(struct query *q, bool *ret_found, struct roster_person *ret, struct err *e)
{
	struct roster_person p = {0};
	bool row = false;
	int rc = query_next(q, &row, e);

	if (rc == 0 && row) {
		roster_person_read(q, &p);
		rc = query_check(q, e);
	}
	query_close(q);
	if (rc == 0 && row)
		*ret = p;
	else
		roster_person_free(&p);
	if (rc == 0)
		*ret_found = row;
	return rc;
}

int store_roster_in_line(struct store *s, int64_t roster, struct roster_person *ret, size_t n, size_t *ret_n,
			 struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE roster = ? AND state = 'waiting'"
		       " AND reserved = '' AND cert_serial = '' AND withdrawn = 0 ORDER BY front DESC, line LIMIT ?",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_int(&q, (int64_t)n);
	return roster_read_some(&q, ret, n, ret_n, e);
}

int store_roster_next(struct store *s, int64_t roster, bool *ret_found, struct roster_person *ret, struct err *e)
{
	struct roster_person first = {0};
	size_t n = 0;

	if (store_roster_in_line(s, roster, &first, 1, &n, e) == -1)
		return -1;
	*ret_found = n != 0;
	if (n != 0)
		*ret = first;
	return 0;
}

int store_roster_by_token(struct store *s, int64_t roster, const char *serial, bool *ret_found,
			  struct roster_person *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE id IN ("
		       " SELECT id FROM roster_people WHERE token_serial = ?1 AND token_serial <> '' AND roster = ?2"
		       " UNION SELECT id FROM roster_people WHERE reserved = ?1 AND reserved <> '' AND roster = ?2)"
		       " ORDER BY CASE WHEN token_serial = ?1 AND state = 'running' THEN 0"
		       "  WHEN wanted = ?1 COLLATE NOCASE THEN 1 WHEN reserved = ?1 THEN 2"
		       "  WHEN state = 'done' THEN 3 ELSE 4 END + 5 * withdrawn, ended DESC, line"
		       " LIMIT 1",
		       e) == -1)
		return -1;
	query_put_text(&q, serial);
	query_put_int(&q, roster);
	return read_first(&q, ret_found, ret, e);
}

int store_roster_person(struct store *s, int64_t id, bool *ret_found, struct roster_person *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return read_first(&q, ret_found, ret, e);
}

/* ---- several */

static void free_some(struct roster_person *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		roster_person_free(&list[i]);
}

int roster_read_some(struct query *q, struct roster_person *ret, size_t n, size_t *ret_n, struct err *e)
{
	size_t got = 0;
	bool row = false;
	int rc = 0;

	while (rc == 0 && got < n && (rc = query_next(q, &row, e)) == 0 && row)
		roster_person_read(q, &ret[got++]);
	if (rc == 0)
		rc = query_check(q, e);
	query_close(q);
	if (rc == 0)
		*ret_n = got;
	else
		free_some(ret, got);
	return rc;
}

int store_roster_page(struct store *s, int64_t roster, enum roster_state st, const struct roster_person *after,
		      struct roster_person *ret, size_t n, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE roster = ? AND state = ?"
		       " AND (line, id) > (?, ?) ORDER BY line, id LIMIT ?",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_text(&q, roster_state_name(st));
	query_put_int(&q, after ? after->line : -1);
	query_put_int(&q, after ? after->id : 0);
	query_put_int(&q, (int64_t)n);
	return roster_read_some(&q, ret, n, ret_n, e);
}

int store_roster_finished(struct store *s, int64_t roster, time_t since, roster_finished_fn *fn, void *arg,
			  struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s,
			    "SELECT ended, took FROM roster_people WHERE roster = ? AND state = 'done' AND ended >= ?"
			    " ORDER BY ended",
			    e);

	if (rc == 0) {
		query_put_int(&q, roster);
		query_put_int(&q, since);
	}
	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row)
		if (fn(arg, query_int(&q, 0), query_int(&q, 1)) != 0)
			break;
	query_close(&q);
	return rc;
}
