#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The kind or state that a column names; the first where there is no such word. */
static enum escrow_kind query_kind(struct query *q, int col)
{
	char word[16];

	query_text(q, col, word, sizeof(word));
	for (int i = 0; i < ESCROW_KIND_COUNT; i++)
		if (strcmp(escrow_kind_name((enum escrow_kind)i), word) == 0)
			return (enum escrow_kind)i;
	q->odd = true;
	return (enum escrow_kind)0;
}

static enum escrow_state query_state(struct query *q, int col)
{
	char word[16];

	query_text(q, col, word, sizeof(word));
	for (int i = 0; i < ESCROW_STATE_COUNT; i++)
		if (strcmp(escrow_state_name((enum escrow_state)i), word) == 0)
			return (enum escrow_state)i;
	q->odd = true;
	return (enum escrow_state)0;
}

/* ---- put */

static int row_insert(struct store *s, int64_t token, enum escrow_kind kind, const struct blob *cms,
		      const char *recipients, int64_t *ret_id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "INSERT INTO escrow (token, kind, cms, recipients, state, created)"
		       " VALUES (?, ?, ?, ?, 'pending', ?)",
		       e) == -1)
		return -1;
	query_put_int(&q, token);
	query_put_text(&q, escrow_kind_name(kind));
	query_put_bytes(&q, cms->data, cms->len);
	query_put_text(&q, recipients);
	query_put_int(&q, time(NULL));
	if (query_run(&q, e) == -1)
		return -1;
	*ret_id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int audit_row(struct store *s, const char *action, const char *serial, enum escrow_kind kind, int64_t id,
		     const char *recipients, struct err *e)
{
	char *detail = xasprintf("%s, number %" PRId64 "%s%s", escrow_kind_name(kind), id,
				 recipients[0] ? ", for " : "", recipients);
	struct audit_entry a = {.action = action, .token_serial = serial, .detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	return rc;
}

static int put(struct store *s, const struct store_token *t, enum escrow_kind kind, const struct blob *cms,
	       const char *recipients, int64_t *ret_id, struct err *e)
{
	int64_t token;

	if (token_ensure(s, t, &token, e) == -1 || row_insert(s, token, kind, cms, recipients, ret_id, e) == -1)
		return -1;
	return audit_row(s, "escrow-put", t->serial, kind, *ret_id, recipients, e);
}

int store_escrow_put(struct store *s, const struct store_token *t, enum escrow_kind kind, const struct blob *cms,
		     const char *recipients, int64_t *ret_id, struct err *e)
{
	int64_t id = 0;

	if (db_begin(s, e) == -1 || db_end(s, put(s, t, kind, cms, recipients, &id, e), e) == -1)
		return -1;
	*ret_id = id;
	return 0;
}

/* ---- move, drop */

static int set_gone(struct store *s, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE escrow SET state = 'replaced' WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return query_run(&q, e);
}

int store_escrow_move(struct store *s, int64_t id, const struct store_token *t, enum escrow_kind kind,
		      const struct blob *cms, const char *recipients, int64_t *ret_id, struct err *e)
{
	int64_t moved = 0;
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = set_gone(s, id, e);
	if (rc == 0)
		rc = put(s, t, kind, cms, recipients, &moved, e);
	if (db_end(s, rc, e) == -1)
		return -1;
	*ret_id = moved;
	return 0;
}

int store_escrow_withdraw(struct store *s, int64_t id, struct err *e)
{
	char detail[32];
	const struct audit_entry a = {.action = "escrow-withdraw", .detail = detail};
	int rc;

	snprintf(detail, sizeof(detail), "number %" PRId64, id);
	if (db_begin(s, e) == -1)
		return -1;
	rc = set_gone(s, id, e);
	if (rc == 0)
		rc = audit_append(s, &a, e);
	return db_end(s, rc, e);
}

static int set_dropped(struct store *s, int64_t token, enum escrow_kind kind, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE escrow SET state = 'replaced' WHERE token = ? AND kind = ?", e) == -1)
		return -1;
	query_put_int(&q, token);
	query_put_text(&q, escrow_kind_name(kind));
	return query_run(&q, e);
}

static int drop(struct store *s, const struct store_token *t, enum escrow_kind kind, struct err *e)
{
	const struct audit_entry a = {
	    .action = "escrow-drop", .token_serial = t->serial, .detail = escrow_kind_name(kind)};
	int64_t token;

	if (token_ensure(s, t, &token, e) == -1 || set_dropped(s, token, kind, e) == -1)
		return -1;
	return sqlite3_changes(s->db) != 0 ? audit_append(s, &a, e) : 0;
}

int store_escrow_drop(struct store *s, const struct store_token *t, enum escrow_kind kind, struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, drop(s, t, kind, e), e);
}

/* ---- confirm */

struct value {
	int64_t id, token;
	char serial[sizeof(((struct store_token *)0)->serial)];
	enum escrow_kind kind;
	enum escrow_state state;
	bool overtaken; /* a later one of this token and kind is confirmed */
};

static int value_find(struct store *s, int64_t id, bool *ret_found, struct value *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT v.token, t.serial, v.kind, v.state, EXISTS (SELECT 1 FROM escrow l WHERE l.id > v.id"
		       " AND l.token = v.token AND l.kind = v.kind AND l.state = 'confirmed')"
		       " FROM escrow v JOIN tokens t ON t.id = v.token WHERE v.id = ?",
		       e) == -1)
		goto out;
	query_put_int(&q, id);
	if (query_next(&q, ret_found, e) == -1)
		goto out;
	if (*ret_found) {
		ret->id = id;
		ret->token = query_int(&q, 0);
		query_text(&q, 1, ret->serial, sizeof(ret->serial));
		ret->kind = query_kind(&q, 2);
		ret->state = query_state(&q, 3);
		ret->overtaken = query_int(&q, 4) != 0;
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int set_replaced(struct store *s, const struct value *v, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE escrow SET state = 'replaced' WHERE token = ? AND kind = ? AND id < ?", e) == -1)
		return -1;
	query_put_int(&q, v->token);
	query_put_text(&q, escrow_kind_name(v->kind));
	query_put_int(&q, v->id);
	return query_run(&q, e);
}

static int set_confirmed(struct store *s, const struct value *v, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE escrow SET state = 'confirmed' WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, v->id);
	return query_run(&q, e);
}

static int refuse(int64_t id, const char *why, struct err *e)
{
	err_set(e, ERR_STORE, "cannot confirm number %" PRId64 " in escrow: %s", id, why);
	return err_next(e, "Another tokenroll has gone on with this token; run the command again.");
}

static int confirm(struct store *s, int64_t id, struct err *e)
{
	struct value v = {0};
	bool found;

	if (value_find(s, id, &found, &v, e) == -1)
		return -1;
	if (!found)
		return refuse(id, "there is none", e);
	if (v.state == ESCROW_CONFIRMED)
		return 0;
	if (v.state == ESCROW_REPLACED || v.overtaken)
		return refuse(id, "a later one was confirmed", e);
	if (set_replaced(s, &v, e) == -1 || set_confirmed(s, &v, e) == -1)
		return -1;
	return audit_row(s, "escrow-confirm", v.serial, v.kind, id, "", e);
}

int store_escrow_confirm(struct store *s, int64_t id, struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, confirm(s, id, e), e);
}

/* ---- list */

void store_escrow_free(struct store_escrow **list, size_t n)
{
	if (!list || !*list)
		return;
	for (size_t i = 0; i < n; i++) {
		blob_free(&(*list)[i].cms);
		free((*list)[i].recipients);
	}
	free(*list);
	*list = NULL;
}

static void row_read(struct query *q, struct store_escrow *v)
{
	struct blob text = BLOB_INIT;

	*v = (struct store_escrow){.id = query_int(q, 0)};
	v->kind = query_kind(q, 1);
	v->state = query_state(q, 2);
	v->created = query_int(q, 3);
	query_blob(q, 4, &v->cms);
	/* of any length; blob_set puts a NUL behind it */
	query_blob(q, 5, &text);
	v->recipients = (char *)text.data;
}

static int rows_read(struct query *q, struct store_escrow **list, size_t *n, struct err *e)
{
	for (;;) {
		bool row;

		if (query_next(q, &row, e) == -1)
			return -1;
		if (!row)
			return query_check(q, e);
		*list = xrealloc(*list, *n + 1, sizeof(**list));
		row_read(q, &(*list)[(*n)++]);
	}
}

int store_escrow_list(struct store *s, const struct store_token *t, enum escrow_kind kind, struct store_escrow **ret,
		      size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;
	struct store_escrow *list = NULL;
	size_t n = 0;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT v.id, v.kind, v.state, v.created, v.cms, v.recipients FROM escrow v"
		       " JOIN tokens t ON t.id = v.token WHERE t.serial = ? AND t.model = ? AND t.manufacturer = ?"
		       " AND v.kind = ? ORDER BY v.id DESC",
		       e) == -1)
		goto out;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	query_put_text(&q, escrow_kind_name(kind));
	if (rows_read(&q, &list, &n, e) == -1)
		goto out;
	*ret = list;
	*ret_n = n;
	list = NULL;
	rc = 0;
out:
	store_escrow_free(&list, n);
	query_close(&q);
	return rc;
}
