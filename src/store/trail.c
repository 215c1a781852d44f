#include "store/trail.h"

#include "core/clean.h"
#include "core/xalloc.h"
#include "store/audit_record.h"

#include <stdlib.h>
#include <string.h>

/* In the order of the numbers: by the clock alone they would be mixed up where it was set back. Without the plus SQLite
 * would look for the least number in the order of the numbers, and not in the index of times. */
#define SELECT_RECORDS "SELECT " AUDIT_COLUMNS " FROM audit"
#define SINCE " id >= (SELECT min(+id) FROM audit WHERE at >= ?) AND at >= ?"
#define IN_ORDER " ORDER BY id"

static const char *const selects[] = {
    [0] = SELECT_RECORDS " WHERE" SINCE IN_ORDER,
    [1] = SELECT_RECORDS " WHERE user = ? AND" SINCE IN_ORDER,
    [2] = SELECT_RECORDS " WHERE token_serial = ? AND" SINCE IN_ORDER,
    [3] = SELECT_RECORDS " WHERE user = ? AND token_serial = ? AND" SINCE IN_ORDER,
};

static struct trail_record record_of(const struct audit_record *r)
{
	struct trail_record t = {.id = r->id,
				 .at = r->at,
				 .login = r->text[AUDIT_LOGIN],
				 .sudo_user = r->text[AUDIT_SUDO_USER],
				 .host = r->text[AUDIT_HOST],
				 .action = r->text[AUDIT_ACTION],
				 .user = r->text[AUDIT_USER],
				 .token_serial = r->text[AUDIT_TOKEN_SERIAL],
				 .cert_serial = r->text[AUDIT_CERT_SERIAL],
				 .detail = r->text[AUDIT_DETAIL]};

	memcpy(t.hash, r->hash, TRAIL_HASH_LEN);
	return t;
}

int trail_each(struct store *s, const struct trail_filter *f, trail_each_fn *fn, void *arg, struct err *e)
{
	char *token = clean_dup(f->token); /* as it is in the trail */
	struct query q = QUERY_INIT;
	struct audit_record r;
	bool row = false;
	int rc = query_open(&q, s, selects[(f->user ? 1 : 0) + (f->token ? 2 : 0)], e);

	if (rc == 0) {
		if (f->user)
			query_put_text(&q, f->user);
		if (f->token)
			query_put_text(&q, token);
		query_put_int(&q, f->since);
		query_put_int(&q, f->since);
	}
	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		audit_record_read(&q, &r);
		const struct trail_record t = record_of(&r);

		rc = fn(arg, &t, e);
	}
	query_close(&q);
	free(token);
	return rc;
}

const char *trail_path(const struct store *s)
{
	return s->path;
}

int trail_hash(struct store *s, int64_t record, bool *ret_found, unsigned char ret[TRAIL_HASH_LEN], struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "SELECT hash FROM audit WHERE id = ?", e) == 0) {
		query_put_int(&q, record);
		rc = query_next(&q, ret_found, e);
	}
	if (rc == 0 && *ret_found)
		query_bytes(&q, 0, ret, TRAIL_HASH_LEN);
	query_close(&q);
	return rc;
}
