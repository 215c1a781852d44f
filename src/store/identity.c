#include "store/identity.h"

#include "core/xalloc.h"
#include "store/audit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* *ret is 0 if there is none */
static int person_find(struct store *s, const char *name, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT id FROM people WHERE name = ?", e) == -1)
		goto out;
	query_put_text(&q, name);
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret = row ? query_int(&q, 0) : 0;
	rc = 0;
out:
	query_close(&q);
	return rc;
}

static int person_add(struct store *s, const char *name, int64_t *ret, struct err *e)
{
	struct audit_entry a = {.action = "user-added", .user = name};
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "INSERT INTO people (name, created) VALUES (?, ?)", e) == -1)
		return -1;
	query_put_text(&q, name);
	query_put_int(&q, time(NULL));
	if (query_run(&q, e) == -1)
		return -1;
	*ret = sqlite3_last_insert_rowid(s->db);
	return audit_append(s, &a, e);
}

int person_ensure(struct store *s, const char *name, int64_t *ret, struct err *e)
{
	if (person_find(s, name, ret, e) == -1)
		return -1;
	return *ret ? 0 : person_add(s, name, ret, e);
}

int person_known(struct store *s, const char *name, int64_t *ret, struct err *e)
{
	if (person_find(s, name, ret, e) == -1)
		return -1;
	if (*ret)
		return 0;
	if (db_begin_soon(s, e) == -1)
		return -1;
	return db_end(s, person_ensure(s, name, ret, e), e);
}

/* *ret is 0 if there is none; label must have the size of a store_token's */
static int token_find(struct store *s, const struct store_token *t, int64_t *ret, char label[sizeof(t->label)],
		      struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT id, label FROM tokens WHERE serial = ? AND model = ? AND manufacturer = ?", e) ==
	    -1)
		goto out;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret = 0;
	if (row) {
		*ret = query_int(&q, 0);
		query_text(&q, 1, label, sizeof(t->label));
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int token_add(struct store *s, const struct store_token *t, int64_t *ret, struct err *e)
{
	char *detail = xasprintf("%s %s, label %s", t->manufacturer, t->model, t->label);
	struct audit_entry a = {.action = "token-added", .token_serial = t->serial, .detail = detail};
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "INSERT INTO tokens (manufacturer, model, serial, label, created) VALUES (?, ?, ?, ?, ?)",
		       e) == -1)
		goto out;
	query_put_text(&q, t->manufacturer);
	query_put_text(&q, t->model);
	query_put_text(&q, t->serial);
	query_put_text(&q, t->label);
	query_put_int(&q, time(NULL));
	if (query_run(&q, e) == -1)
		goto out;
	*ret = sqlite3_last_insert_rowid(s->db);
	rc = audit_append(s, &a, e);
out:
	free(detail);
	return rc;
}

static int token_relabel(struct store *s, const struct store_token *t, int64_t id, const char *before, struct err *e)
{
	char *detail = xasprintf("from %s to %s", before, t->label);
	struct audit_entry a = {.action = "token-label", .token_serial = t->serial, .detail = detail};
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "UPDATE tokens SET label = ? WHERE id = ?", e) == -1)
		goto out;
	query_put_text(&q, t->label);
	query_put_int(&q, id);
	if (query_run(&q, e) == 0)
		rc = audit_append(s, &a, e);
out:
	free(detail);
	return rc;
}

int token_ensure(struct store *s, const struct store_token *t, int64_t *ret, struct err *e)
{
	char label[sizeof(t->label)] = "";

	if (token_find(s, t, ret, label, e) == -1)
		return -1;
	if (!*ret)
		return token_add(s, t, ret, e);
	return strcmp(label, t->label) == 0 ? 0 : token_relabel(s, t, *ret, label, e);
}

int token_known(struct store *s, const struct store_token *t, int64_t *ret, struct err *e)
{
	char label[sizeof(t->label)] = "";

	if (token_find(s, t, ret, label, e) == -1)
		return -1;
	if (*ret && strcmp(label, t->label) == 0)
		return 0;
	if (db_begin_soon(s, e) == -1)
		return -1;
	return db_end(s, token_ensure(s, t, ret, e), e);
}

void token_read(struct query *q, int *col, struct store_token *ret)
{
	ret->id = query_int(q, (*col)++);
	query_text(q, (*col)++, ret->manufacturer, sizeof(ret->manufacturer));
	query_text(q, (*col)++, ret->model, sizeof(ret->model));
	query_text(q, (*col)++, ret->serial, sizeof(ret->serial));
	query_text(q, (*col)++, ret->label, sizeof(ret->label));
}
