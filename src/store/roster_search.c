/*
 * roster_search: whom an operator means.
 */
#include "core/fold.h"
#include "core/xalloc.h"
#include "store/roster_impl.h"

#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX 1000
#define BLANKS " \t\r\n"

/* ?1 roster, ?2 what was typed, ?3 the same folded, ?4 what is behind all that begin so. */
#define ON_ROSTER "roster = ?1 AND withdrawn = 0"

#define BY_USER "SELECT id FROM roster_people WHERE " ON_ROSTER " AND user = ?2"
#define BY_EMAIL "SELECT id FROM roster_people WHERE " ON_ROSTER " AND email = ?2 AND email <> ''"
#define BY_NAME "SELECT id FROM roster_people WHERE " ON_ROSTER " AND name_key = ?3 AND name_key <> ''"
/* a user name is ASCII and folded by its column */
#define BEGINNING                                                                                      \
	"SELECT id FROM roster_people WHERE " ON_ROSTER " AND user >= ?3 AND user < ?4"                \
	" UNION SELECT id FROM roster_people WHERE " ON_ROSTER " AND name_key >= ?3 AND name_key < ?4" \
	" AND name_key <> ''"                                                                          \
	" UNION SELECT id FROM roster_people WHERE " ON_ROSTER " AND last_key >= ?3 AND last_key < ?4" \
	" AND last_key <> ''"

static const char *const ways[] = {BY_USER, BY_EMAIL, BY_NAME, BEGINNING};

struct search {
	struct store *s;
	int64_t roster;
	char *typed, *folded, *behind;
};

static void bind_values(struct query *q, const struct search *x)
{
	query_put_int(q, x->roster);
	query_put_text(q, x->typed);
	query_put_text(q, x->folded);
	query_put_text(q, x->behind);
}

/* SQLite counts the parameters up to the greatest number: each statement has to name all four. */
#define ALL_VALUES " AND ?2 || ?3 || ?4 IS NOT NULL"

static int count(const struct search *x, const char *way, size_t *ret, struct err *e)
{
	char *sql =
	    xasprintf("SELECT count(*) FROM (SELECT 1 FROM (%s) WHERE 1" ALL_VALUES " LIMIT %d)", way, SEARCH_MAX);
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, x->s, sql, e);

	if (rc == 0) {
		bind_values(&q, x);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? (size_t)query_int(&q, 0) : 0;
	query_close(&q);
	free(sql);
	return rc;
}

static int read_found(const struct search *x, const char *way, struct roster_person *ret, size_t n, size_t *ret_n,
		      struct err *e)
{
	char *sql = xasprintf(
	    "SELECT " ROSTER_COLUMNS " FROM roster_people WHERE id IN (%s)" ALL_VALUES " ORDER BY line, id", way);
	struct query q = QUERY_INIT;
	int rc = query_open(&q, x->s, sql, e);

	if (rc == 0) {
		bind_values(&q, x);
		rc = roster_read_some(&q, ret, n, ret_n, e);
	}
	free(sql);
	return rc;
}

/* The first way that finds anybody decides: whose name is exactly that is meant, also if others' begin with it. */
static int search(const struct search *x, struct roster_person *ret, size_t n, size_t *ret_n, size_t *ret_all,
		  struct err *e)
{
	const char *way = NULL;

	*ret_n = *ret_all = 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && *ret_all == 0; i++) {
		way = ways[i];
		if (count(x, way, ret_all, e) == -1)
			return -1;
	}
	return *ret_all != 0 ? read_found(x, way, ret, n, ret_n, e) : 0;
}

static char *trimmed(const char *typed)
{
	char *copy = xstrdup(typed + strspn(typed, BLANKS));
	size_t len = strlen(copy);

	while (len > 0 && strchr(BLANKS, copy[len - 1]))
		copy[--len] = 0;
	return copy;
}

int store_roster_search(struct store *s, int64_t roster, const char *typed, struct roster_person *ret, size_t n,
			size_t *ret_n, size_t *ret_all, struct err *e)
{
	struct fold *fold = fold_new();
	struct search x = {.s = s, .roster = roster, .typed = trimmed(typed)};
	int rc = 0;

	x.folded = xstrdup(fold_text(fold, x.typed));
	/* no UTF-8 text has this byte in it, and it is above all that one has */
	x.behind = xasprintf("%s\xff", x.folded);
	*ret_n = *ret_all = 0;
	if (x.typed[0])
		rc = search(&x, ret, n, ret_n, ret_all, e);
	free(x.typed);
	free(x.folded);
	free(x.behind);
	fold_free(&fold);
	return rc;
}
