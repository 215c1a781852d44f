#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/trail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int insert(struct store *s, const struct trail_checkpoint *c, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "INSERT INTO checkpoints (at, record, hash, cms) VALUES (?, ?, ?, ?)", e) == -1)
		return -1;
	query_put_int(&q, c->at);
	query_put_int(&q, c->record);
	query_put_bytes(&q, c->hash, TRAIL_HASH_LEN);
	query_put_bytes(&q, c->cms.data, c->cms.len);
	return query_run(&q, e);
}

int trail_checkpoint_add(struct store *s, const struct trail_checkpoint *c, struct err *e)
{
	char *detail = xasprintf(AUDIT_CHECKPOINT_OF "%" PRId64, c->record);
	struct audit_entry a = {.action = AUDIT_CHECKPOINT, .detail = detail};
	int rc = db_begin(s, e);

	if (rc == 0) {
		rc = insert(s, c, e);
		if (rc == 0)
			rc = audit_append(s, &a, e);
		rc = db_end(s, rc, e);
	}
	free(detail);
	return rc;
}

static void read_one(struct query *q, struct trail_checkpoint *c)
{
	*c = (struct trail_checkpoint){.id = query_int(q, 0), .at = query_int(q, 1), .record = query_int(q, 2)};
	query_bytes(q, 3, c->hash, TRAIL_HASH_LEN);
	query_blob(q, 4, &c->cms);
}

int trail_checkpoints(struct store *s, struct trail_checkpoint **ret, size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;
	struct trail_checkpoint *list = NULL;
	size_t n = 0;
	bool row = false;
	int rc = query_open(&q, s, "SELECT id, at, record, hash, cms FROM checkpoints ORDER BY id", e);

	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		list = xrealloc(list, n + 1, sizeof(*list));
		read_one(&q, &list[n++]);
	}
	query_close(&q);
	if (rc == 0) {
		*ret = list;
		*ret_n = n;
	} else {
		trail_checkpoints_free(&list, n);
	}
	return rc;
}

void trail_checkpoints_free(struct trail_checkpoint **list, size_t n)
{
	if (!list || !*list)
		return;
	for (size_t i = 0; i < n; i++)
		blob_free(&(*list)[i].cms);
	free(*list);
	*list = NULL;
}
