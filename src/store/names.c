/*
 * names: what the inventory calls things, for those who ask for something that it does not have.
 */
#include "core/xalloc.h"
#include "store/db.h"
#include "store/roll.h"

#include <string.h>

static int next_model(struct store *s, const char *after, char *ret, size_t size, bool *ret_found, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s, "SELECT model FROM tokens WHERE model > ? ORDER BY model LIMIT 1", e) == -1)
		goto out;
	query_put_text(&q, after);
	if (query_next(&q, ret_found, e) == -1)
		goto out;
	if (*ret_found)
		query_text(&q, 0, ret, size);
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int count_model(struct store *s, const char *model, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT count(*) FROM tokens WHERE model = ?", e) == -1)
		goto out;
	query_put_text(&q, model);
	if (query_next(&q, &row, e) == 0) {
		*ret = row ? query_int(&q, 0) : 0;
		rc = 0;
	}
out:
	query_close(&q);
	return rc;
}

/* From one model to the next by the index: there are few of them and many tokens. */
int store_models(struct store *s, void (*fn)(void *arg, const char *model, int64_t n), void *arg, struct err *e)
{
	char model[sizeof(((struct store_token *)0)->model)] = "", next[sizeof(model)] = "";
	bool found = true;
	int64_t n = 0;

	for (;;) {
		if (next_model(s, model, next, sizeof(next), &found, e) == -1)
			return -1;
		if (!found)
			return 0;
		if (count_model(s, next, &n, e) == -1)
			return -1;
		fn(arg, next, n);
		memcpy(model, next, sizeof(model));
	}
}

/* How many letters have to be changed, added, left out or swapped with the next (optimal string alignment). */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][STORE_NAME_MAX + 1];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[strlen(a) % 3][n];
}

/* Beginnings count as near: people shorten names. */
static unsigned farness(const char *asked, const char *name)
{
	size_t n = strlen(asked);
	unsigned limit = (unsigned)(n / 3 + 1), d;

	if (n > 1 && strncmp(asked, name, n) == 0)
		return 1;
	d = distance(asked, name);
	return d <= limit ? d : UINT32_MAX;
}

struct nearest {
	const char *asked;
	char (*names)[STORE_NAME_MAX];
	unsigned far[8];
	size_t n, room;
};

static void offer(struct nearest *best, const char *name, unsigned far)
{
	size_t at = best->n;

	while (at > 0 && best->far[at - 1] > far)
		at--;
	if (far == UINT32_MAX || at >= best->room)
		return;
	if (best->n < best->room)
		best->n++;
	for (size_t i = best->n - 1; i > at; i--) {
		memcpy(best->names[i], best->names[i - 1], STORE_NAME_MAX);
		best->far[i] = best->far[i - 1];
	}
	snprintf(best->names[at], STORE_NAME_MAX, "%s", name);
	best->far[at] = far;
}

int store_people(struct store *s, void (*fn)(void *arg, const char *name), void *arg, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = true;
	int rc = query_open(&q, s, "SELECT name FROM people ORDER BY name", e);

	while (rc == 0 && (rc = query_next(&q, &row, e)) == 0 && row) {
		const char *name = (const char *)sqlite3_column_text(q.st, 0);

		if (name)
			fn(arg, name);
	}
	query_close(&q);
	return rc;
}

static void compare_name(void *arg, const char *name)
{
	struct nearest *best = arg;

	if (strlen(name) < STORE_NAME_MAX)
		offer(best, name, farness(best->asked, name));
}

int store_near(struct store *s, const char *name, char (*ret)[STORE_NAME_MAX], size_t n, size_t *ret_n, struct err *e)
{
	struct nearest best = {.asked = name, .names = ret, .room = n < 8 ? n : 8};

	*ret_n = 0;
	if (strlen(name) >= STORE_NAME_MAX)
		return 0;
	if (store_people(s, compare_name, &best, e) == -1)
		return -1;
	*ret_n = best.n;
	return 0;
}
