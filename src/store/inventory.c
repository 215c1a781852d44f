#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* A token's holder is found by one look into the index for each token. */
#define SELECT_HOLDINGS                                                                                   \
	"SELECT t.id, t.manufacturer, t.model, t.serial, t.label, t.profile, ifnull(p.name, ''),"         \
	" ifnull(c.state, 'planned'), ifnull(c.not_after, 0), t.lost"                                     \
	" FROM tokens t LEFT JOIN credentials c ON c.id = (SELECT id FROM credentials WHERE token = t.id" \
	"  ORDER BY state IN ('revoked', 'superseded', 'abandoned'), id DESC LIMIT 1)"                    \
	" LEFT JOIN people p ON p.id = c.person"

static void holding_read(struct query *q, struct store_holding *h)
{
	char state[16];
	int col = 0;

	*h = (struct store_holding){0};
	token_read(q, &col, &h->token);
	query_text(q, col++, h->profile, sizeof(h->profile));
	query_text(q, col++, h->user, sizeof(h->user));
	query_text(q, col++, state, sizeof(state));
	h->not_after = query_int(q, col++);
	h->lost = query_int(q, col++);
	if (cred_state_parse(&h->state, state) == -1)
		q->odd = true;
}

static int read_all(struct query *q, struct store_holding **list, size_t *n, struct err *e)
{
	for (;;) {
		bool row;

		if (query_next(q, &row, e) == -1)
			return -1;
		if (!row)
			return query_check(q, e);
		*list = xrealloc(*list, *n + 1, sizeof(**list));
		holding_read(q, &(*list)[(*n)++]);
	}
}

/* serial may be NULL, if sql does not ask for it */
static int list_holdings(struct store *s, const char *sql, const char *serial, struct store_holding **ret,
			 size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;
	struct store_holding *list = NULL;
	size_t n = 0;
	int rc = -1;

	if (query_open(&q, s, sql, e) == -1)
		goto out;
	if (serial)
		query_put_text(&q, serial);
	if (read_all(&q, &list, &n, e) == -1)
		goto out;
	*ret = list;
	*ret_n = n;
	list = NULL;
	rc = 0;
out:
	free(list);
	query_close(&q);
	return rc;
}

int store_tokens(struct store *s, struct store_holding **ret, size_t *ret_n, struct err *e)
{
	return list_holdings(s, SELECT_HOLDINGS " ORDER BY t.id", NULL, ret, ret_n, e);
}

int store_find_by_serial(struct store *s, const char *serial, struct store_holding **ret, size_t *ret_n, struct err *e)
{
	return list_holdings(s, SELECT_HOLDINGS " WHERE t.serial = ? ORDER BY t.id", serial, ret, ret_n, e);
}

static int profile_read(struct store *s, int64_t token, char *ret, size_t size, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT profile FROM tokens WHERE id = ?", e) == -1)
		goto out;
	query_put_int(&q, token);
	if (query_next(&q, &row, e) == -1)
		goto out;
	ret[0] = 0;
	if (row)
		query_text(&q, 0, ret, size);
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int profile_write(struct store *s, int64_t token, const struct store_token *t, const char *profile,
			 const char *before, struct err *e)
{
	char *detail = before[0] ? xasprintf("%s, was %s", profile, before) : xstrdup(profile);
	struct audit_entry a = {.action = "token-profile", .token_serial = t->serial, .detail = detail};
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "UPDATE tokens SET profile = ? WHERE id = ?", e) == -1)
		goto out;
	query_put_text(&q, profile);
	query_put_int(&q, token);
	if (query_run(&q, e) == 0)
		rc = audit_append(s, &a, e);
out:
	free(detail);
	return rc;
}

static int note_profile(struct store *s, const struct store_token *t, const char *profile, struct err *e)
{
	char before[sizeof(((struct store_holding *)0)->profile)];
	int64_t token;

	if (token_ensure(s, t, &token, e) == -1 || profile_read(s, token, before, sizeof(before), e) == -1)
		return -1;
	return strcmp(before, profile) == 0 ? 0 : profile_write(s, token, t, profile, before, e);
}

int store_token_profile(struct store *s, const struct store_token *t, const char *profile, struct err *e)
{
	if (strlen(profile) >= sizeof(((struct store_holding *)0)->profile)) {
		err_set(e, ERR_STORE, "the id of the profile of token %s is too long for the database", t->serial);
		return err_next(e, "Give the profile's file a shorter name.");
	}
	if (db_begin_soon(s, e) == -1)
		return -1;
	return db_end(s, note_profile(s, t, profile, e), e);
}

int store_is_ours(struct store *s, const struct store_token *t, const struct blob *cka_id, const struct blob *spki,
		  bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT 1 FROM credentials c JOIN tokens t ON t.id = c.token WHERE t.serial = ? AND t.model = ? "
		       "AND t.manufacturer = ? AND (c.spki = ? OR (ifnull(length(?), 0) = 0 AND c.cka_id = ?)) LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	query_put_bytes(&q, spki->data, spki->len);
	query_put_bytes(&q, spki->data, spki->len);
	query_put_bytes(&q, cka_id->data, cka_id->len);
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret = row;
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}
