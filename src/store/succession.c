#include "core/xalloc.h"
#include "store/audit.h"
#include "store/credential_impl.h"

#include <string.h>

static int supersede(struct store *s, struct store_credential *c, time_t revoke_at, struct err *e)
{
	c->revoke_at = revoke_at;
	if (credential_update(s, c, CRED_SUPERSEDED, time(NULL), e) == -1)
		return -1;
	return credential_audit(s, c, CRED_SUPERSEDED, cred_state_name(c->state), e);
}

/* The next one that keep takes over from; *ret_found false when there is none left. */
static int find_predecessor(struct store *s, const struct store_credential *keep, bool *ret_found,
			    struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, SELECT_LIVE THIS_USER THIS_TOKEN " AND c.id <> ? AND c.cert_serial <> ''" NEWEST_FIRST,
		       e) == -1)
		return -1;
	query_put_text(&q, keep->user);
	query_put_text(&q, keep->token.serial);
	query_put_text(&q, keep->token.model);
	query_put_text(&q, keep->token.manufacturer);
	query_put_int(&q, keep->id);
	return credential_take(&q, ret_found, ret, e);
}

static int take_over_next(struct store *s, const struct store_credential *keep, time_t revoke_at, bool *ret_more,
			  struct err *e)
{
	struct store_credential c = {0};
	int rc = find_predecessor(s, keep, ret_more, &c, e);

	if (rc == 0 && *ret_more)
		rc = supersede(s, &c, revoke_at, e);
	store_credential_free(&c);
	return rc;
}

int store_take_over(struct store *s, const struct store_credential *keep, time_t revoke_at, struct err *e)
{
	bool more = true;
	int rc = 0;

	if (db_begin(s, e) == -1)
		return -1;
	while (rc == 0 && more)
		rc = take_over_next(s, keep, revoke_at, &more, e);
	return db_end(s, rc, e);
}

int store_find_last(struct store *s, const char *user, bool *ret_found, struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, SELECT_CREDENTIAL "id > 0" THIS_USER " ORDER BY c." ENDED ", c.id DESC LIMIT 1", e) == -1)
		return -1;
	query_put_text(&q, user);
	return credential_take(&q, ret_found, ret, e);
}

int store_find_id(struct store *s, int64_t id, bool *ret_found, struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, SELECT_CREDENTIAL "id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return credential_take(&q, ret_found, ret, e);
}

/* What query_text cannot tell the length of beforehand. */
static int take_text(struct query *q, char **ret, struct err *e)
{
	bool row;
	int rc = query_next(q, &row, e);

	if (rc == 0) {
		const char *text = row ? (const char *)sqlite3_column_text(q->st, 0) : NULL;

		*ret = xstrdup(text ? text : "");
	}
	query_close(q);
	return rc;
}

int store_serials_beside(struct store *s, const struct store_credential *c, char **ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT group_concat(c.cert_serial, ' ') FROM credentials c JOIN people p ON p.id = c.person"
		       " WHERE p.name = ? AND c.id <> ? AND c.cert_serial <> '' AND"
		       " (c." NOT_ENDED " OR (c.state = 'superseded' AND c.revoke_at <> 0))",
		       e) == -1)
		return -1;
	query_put_text(&q, c->user);
	query_put_int(&q, c->id);
	return take_text(&q, ret, e);
}

int store_find_due(struct store *s, time_t now, int64_t after, bool *ret_found, struct store_credential *ret,
		   struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       SELECT_CREDENTIAL "revoke_at <> 0 AND c.revoke_at <= ? AND c.not_after > ? AND c.id > ?"
					 " ORDER BY c.id LIMIT 1",
		       e) == -1)
		return -1;
	query_put_int(&q, now);
	query_put_int(&q, now);
	query_put_int(&q, after);
	return credential_take(&q, ret_found, ret, e);
}
