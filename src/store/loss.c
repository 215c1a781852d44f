/*
 * loss: tokens that are reported lost, and those that were found again. A
 * certificate that was revoked for it stays so.
 */
#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/store.h"

#include <stdlib.h>

int store_token_lost(struct store *s, const struct store_token *t, time_t *ret_since, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT lost FROM tokens WHERE serial = ? AND model = ? AND manufacturer = ?", e) == -1)
		goto out;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret_since = row ? query_int(&q, 0) : 0;
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static void issued_read(struct query *q, struct store_issued *ret)
{
	char state[16];
	int col = 0;

	*ret = (struct store_issued){0};
	token_read(q, &col, &ret->token);
	ret->lost = query_int(q, col++);
	query_text(q, col++, state, sizeof(state));
	query_text(q, col++, ret->cert_serial, sizeof(ret->cert_serial));
	ret->not_after = query_int(q, col++);
	ret->created = query_int(q, col++);
	ret->revoke_at = query_int(q, col++);
	if (cred_state_parse(&ret->state, state) == -1)
		q->odd = true;
}

int store_issued(struct store *s, const char *user, struct store_issued **ret, size_t *ret_n, struct err *e)
{
	struct store_issued *list = NULL;
	struct query q = QUERY_INIT;
	bool row = true;
	size_t n = 0;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT t.id, t.manufacturer, t.model, t.serial, t.label, t.lost, c.state, c.cert_serial,"
		       " c.not_after, c.created, c.revoke_at FROM credentials c JOIN tokens t ON t.id = c.token"
		       " WHERE c.person = (SELECT id FROM people WHERE name = ?) ORDER BY c.id",
		       e) == -1)
		goto out;
	query_put_text(&q, user);
	while (row) {
		if (query_next(&q, &row, e) == -1)
			goto out;
		if (!row)
			break;
		list = xrealloc(list, n + 1, sizeof(*list));
		issued_read(&q, &list[n++]);
	}
	rc = query_check(&q, e);
	if (rc == -1)
		goto out;
	*ret = list;
	*ret_n = n;
	list = NULL;
out:
	free(list);
	query_close(&q);
	return rc;
}

/* since 0: it is found. Returns 1 if that was news. */
static int set_lost(struct store *s, int64_t token, time_t since, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE tokens SET lost = ? WHERE id = ? AND (lost = 0) = (? <> 0)", e) == -1)
		return -1;
	query_put_int(&q, since);
	query_put_int(&q, token);
	query_put_int(&q, since);
	return query_run(&q, e) == -1 ? -1 : sqlite3_changes(s->db);
}

static int note(struct store *s, const char *action, const char *user, const struct store_token *t, time_t since,
		const char *detail, struct err *e)
{
	struct audit_entry a = {.action = action, .user = user, .token_serial = t->serial, .detail = detail};
	int news = set_lost(s, t->id, since, e);

	return news > 0 ? audit_append(s, &a, e) : news;
}

int store_lost(struct store *s, const char *user, const struct store_token *list, size_t n, const char *reason,
	       struct err *e)
{
	time_t now = time(NULL);
	int rc = 0;

	if (db_begin(s, e) == -1)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = note(s, "token-lost", user, &list[i], now, reason, e);
	return db_end(s, rc, e);
}

int store_found(struct store *s, const char *user, const struct store_token *t, struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, note(s, "token-found", user, t, 0, "", e), e);
}
