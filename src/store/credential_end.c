/* What becomes of credentials that are replaced, and of what they have left on a token. */
#include "store/audit.h"
#include "store/credential_impl.h"

static int supersede(struct store *s, struct store_credential *c, struct err *e)
{
	if (credential_update(s, c, CRED_SUPERSEDED, time(NULL), e) == -1)
		return -1;
	return credential_audit(s, c, CRED_SUPERSEDED, cred_state_name(c->state), e);
}

/* The next one to be superseded; *ret_found false when there is none left. */
static int find_superseded(struct store *s, const struct store_credential *keep, bool *ret_found,
			   struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, SELECT_LIVE THIS_USER " AND c.id <> ? AND c.cert_serial <> ''" NEWEST_FIRST, e) == -1)
		goto out;
	query_put_text(&q, keep->user);
	query_put_int(&q, keep->id);
	if (query_next(&q, ret_found, e) == -1)
		goto out;
	if (*ret_found)
		credential_read(&q, ret);
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int supersede_next(struct store *s, const struct store_credential *keep, bool *ret_more, struct err *e)
{
	struct store_credential c = {0};
	int rc = find_superseded(s, keep, ret_more, &c, e);

	if (rc == 0 && *ret_more)
		rc = supersede(s, &c, e);
	store_credential_free(&c);
	return rc;
}

int store_supersede(struct store *s, const struct store_credential *keep, struct err *e)
{
	bool more = true;
	int rc = 0;

	if (db_begin(s, e) == -1)
		return -1;
	while (rc == 0 && more)
		rc = supersede_next(s, keep, &more, e);
	return db_end(s, rc, e);
}

static int mark_removed(struct store *s, const struct store_credential *c, bool was_there, struct err *e)
{
	struct audit_entry a = {.action = was_there ? "removed-from-token" : "not-on-token",
				.user = c->user,
				.token_serial = c->token.serial,
				.cert_serial = c->cert_serial,
				.detail = cred_state_name(c->state)};
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE credentials SET removed = 1 WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, c->id);
	if (query_run(&q, e) == -1)
		return -1;
	return audit_append(s, &a, e);
}

int store_removed(struct store *s, const struct store_credential *c, bool was_there, struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, mark_removed(s, c, was_there, e), e);
}

int store_certificates(struct store *s, const struct store_token *t, struct blob *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = true;
	int rc = query_open(&q, s,
			    "SELECT c.cert FROM credentials c JOIN tokens t ON t.id = c.token"
			    " WHERE c.cert_serial <> ''" THIS_TOKEN,
			    e);

	blob_set(ret, NULL, 0);
	if (rc == 0) {
		query_put_text(&q, t->serial);
		query_put_text(&q, t->model);
		query_put_text(&q, t->manufacturer);
	}
	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		struct blob one = BLOB_INIT;

		query_blob(&q, 0, &one);
		blob_append(ret, &one);
		blob_free(&one);
	}
	if (rc == 0)
		rc = query_check(&q, e);
	query_close(&q);
	return rc;
}
