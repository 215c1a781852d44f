#include "store/timing.h"

#include "core/keytype.h"
#include "store/db.h"

#include <stdlib.h>
#include <time.h>

static int run_by_kind(struct store *s, const char *sql, const char *model, unsigned key_type, int64_t first,
		       int64_t second, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, sql, e) == -1)
		return -1;
	query_put_text(&q, model);
	query_put_text(&q, keytype_name((enum keytype)key_type));
	query_put_int(&q, first);
	query_put_int(&q, second);
	return query_run(&q, e);
}

int store_timing_add(struct store *s, const char *model, unsigned key_type, int64_t took_ms, struct err *e)
{
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = run_by_kind(s, "INSERT INTO timings (model, key_type, took, at) VALUES (?, ?, ?, ?)", model, key_type,
			 took_ms, time(NULL), e);
	if (rc == 0)
		rc = run_by_kind(
		    s,
		    "DELETE FROM timings WHERE model = ?1 AND key_type = ?2 AND id <= (SELECT id FROM timings"
		    " WHERE model = ?1 AND key_type = ?2 ORDER BY id DESC LIMIT ?4 OFFSET ?3)",
		    model, key_type, TIMINGS_KEPT, 1, e);
	return db_end(s, rc, e);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *list, size_t n)
{
	if (n == 0)
		return 0;
	qsort(list, n, sizeof(*list), by_size);
	return n % 2 != 0 ? list[n / 2] : (list[n / 2 - 1] + list[n / 2]) / 2;
}

int store_timing_median(struct store *s, const char *model, unsigned key_type, int64_t *ret_ms, size_t *ret_n,
			struct err *e)
{
	int64_t took[TIMINGS_KEPT];
	struct query q = QUERY_INIT;
	size_t n = 0;
	bool row = false;
	int rc = query_open(&q, s, "SELECT took FROM timings WHERE model = ? AND key_type = ? ORDER BY id DESC", e);

	if (rc == 0) {
		query_put_text(&q, model);
		query_put_text(&q, keytype_name((enum keytype)key_type));
	}
	while (rc == 0 && n < TIMINGS_KEPT && (rc = query_next(&q, &row, e)) == 0 && row)
		took[n++] = query_int(&q, 0);
	query_close(&q);
	if (rc == 0) {
		*ret_n = n;
		*ret_ms = median(took, n);
	}
	return rc;
}
