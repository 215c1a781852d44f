/*
 * revoked: what the CA has revoked.
 */
#include "store/audit.h"
#include "store/db.h"
#include "store/store.h"

/* The serial number of the token that it is on, "" for none. */
static int token_of(struct store *s, const char *cert_serial, char ret[17], struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT t.serial FROM credentials c JOIN tokens t ON t.id = c.token WHERE c.cert_serial = ?"
		       " ORDER BY c.id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, cert_serial);
	if (query_next(&q, &row, e) == -1)
		goto out;
	ret[0] = 0;
	if (row)
		query_text(&q, 0, ret, 17);
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

/* Returns how many rows it has changed. */
static int mark(struct store *s, const char *sql, const char *cert_serial, time_t when, const char *reason,
		struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, sql, e) == -1)
		return -1;
	query_put_int(&q, when);
	query_put_text(&q, reason);
	query_put_int(&q, time(NULL));
	query_put_text(&q, cert_serial);
	return query_run(&q, e) == -1 ? -1 : sqlite3_changes(s->db);
}

static int is_noted(struct store *s, const struct audit_entry *a, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "SELECT 1 FROM audit WHERE user = ? AND action = ? AND cert_serial = ? LIMIT 1", e) == -1)
		goto out;
	query_put_text(&q, a->user);
	query_put_text(&q, a->action);
	query_put_text(&q, a->cert_serial);
	rc = query_next(&q, ret, e);
out:
	query_close(&q);
	return rc;
}

static int note(struct store *s, const char *cert_serial, const char *name, time_t when, const char *reason,
		struct err *e)
{
	char token[17];
	struct audit_entry a = {.action = "certificate-revoked",
				.user = name,
				.token_serial = token,
				.cert_serial = cert_serial,
				.detail = reason};
	bool noted = false;
	int of_tokens, of_others;

	if (token_of(s, cert_serial, token, e) == -1)
		return -1;
	of_tokens = mark(s,
			 "UPDATE credentials SET revoked = ?, reason = ?, changed = ?, revoke_at = 0,"
			 " state = CASE WHEN state IN ('superseded', 'abandoned') THEN state ELSE 'revoked' END"
			 " WHERE cert_serial = ? AND revoked = 0",
			 cert_serial, when, reason, e);
	if (of_tokens == -1)
		return -1;
	of_others = mark(s,
			 "UPDATE certificates SET revoked = ?, reason = ?, changed = ?, state = 'revoked'"
			 " WHERE cert_serial = ? AND revoked = 0",
			 cert_serial, when, reason, e);
	if (of_others == -1 || is_noted(s, &a, &noted, e) == -1)
		return -1;
	return of_tokens + of_others > 0 || !noted ? audit_append(s, &a, e) : 0;
}

int store_revoked(struct store *s, const char *cert_serial, const char *name, time_t when, const char *reason,
		  struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, note(s, cert_serial, name, when, reason, e), e);
}
