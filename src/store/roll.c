#include "store/roll.h"

#include "core/xalloc.h"
#include "store/db.h"
#include "store/roll_rows.h"

#include <stdlib.h>
#include <string.h>

/* What the search begins with; all else is only compared. The order of the joins is fixed (CROSS JOIN), because the
 * planner knows nothing of how many there are of what. */
enum driver { BY_USER, BY_END, BY_MODEL, BY_STATE, BY_NOTHING };

/* An index that is walked through in another order than it was filled in. */
#define CACHE_KIB "8192"

#define LIVE "c.state NOT IN ('revoked', 'superseded', 'abandoned')"

static bool is_live_only(const struct roll_filter *f)
{
	return f->states == 0 || f->states == ROLL_LIVE;
}

static enum driver driver_of(const struct roll_filter *f)
{
	if (f->user)
		return BY_USER;
	if (f->until && f->by_end)
		return BY_END;
	if (f->model)
		return BY_MODEL;
	return is_live_only(f) || f->states == ROLL_ALL ? BY_NOTHING : BY_STATE;
}

/* " AND c.state IN ('planned', ...)"; the plus keeps the planner from beginning with it. */
static void put_states(FILE *sql, unsigned states, bool first)
{
	static const char *const names[] = {"valid", "revoked", "expired"};
	const char *comma = "";

	/* what most are is compared at once: for IN the names are kept in a table */
	const char *most = states & 1U << CRED_DELIVERED ? "delivered" : states & ROLL_CERT_VALID ? "valid" : NULL;
	if (first || !most)
		fprintf(sql, " AND (%sc.state IN (", first ? "" : "+");
	else
		fprintf(sql, " AND (+c.state = '%s' OR +c.state IN (", most);
	for (unsigned i = 0; i < CRED_STATE_COUNT; i++) {
		if (!(states & 1U << i))
			continue;
		fprintf(sql, "%s'%s'", comma, cred_state_name((enum cred_state)i));
		comma = ", ";
	}
	for (unsigned i = 0; i < 3; i++) {
		if (!(states & (unsigned)ROLL_CERT_VALID << i))
			continue;
		fprintf(sql, "%s'%s'", comma, names[i]);
		comma = ", ";
	}
	fputs("))", sql);
}

/* One that somebody else has revoked counts as revoked, whatever its state. */
static void put_credential_states(FILE *sql, unsigned states, bool first)
{
	unsigned wanted = states & ((1U << CRED_STATE_COUNT) - 1U);
	bool revoked = wanted & 1U << CRED_REVOKED;

	if (wanted == (1U << CRED_STATE_COUNT) - 1U)
		return;
	if (!revoked) {
		put_states(sql, wanted, first);
		fputs(" AND c.revoked = 0", sql);
		return;
	}
	put_states(sql, wanted | ROLL_UNFINISHED | 1U << CRED_DELIVERED, first);
	fputs(" AND (c.revoked <> 0", sql);
	for (unsigned i = 0; i < CRED_STATE_COUNT; i++)
		if (wanted & 1U << i)
			fprintf(sql, " OR c.state = '%s'", cred_state_name((enum cred_state)i));
	fputs(")", sql);
}

static void put_rest(FILE *sql, const struct roll_filter *f, enum driver d)
{
	/* People and tokens come in the order of their numbers, and are sorted afterwards: to look for each in the
	 * order of the names takes three times as long. */
	if (d == BY_NOTHING)
		fputs(" AND c.person > 0", sql);
	/* the first two narrow a pattern down to where it can begin */
	if (f->user)
		fputs(" AND p.name >= ?1 AND p.name < ?2 AND p.name GLOB ?3", sql);
	if (f->until)
		fprintf(sql, " AND %sc.not_after >= ?4 AND %sc.not_after < ?5", d == BY_END ? "" : "+",
			d == BY_END ? "" : "+");
	if (f->model && d == BY_MODEL)
		fputs(" AND t.model >= ?6 AND t.model < ?7", sql);
	if (f->model)
		fputs(" AND t.model GLOB ?8", sql);
	if (d == BY_END)
		fputs(" ORDER BY c.not_after", sql);
}

static const char *const credential_joins[] = {
    [BY_USER] = "people p CROSS JOIN credentials c ON c.person = p.id CROSS JOIN tokens t ON t.id = c.token",
    [BY_END] = "credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token",
    [BY_MODEL] = "tokens t CROSS JOIN credentials c ON c.token = t.id CROSS JOIN people p ON p.id = c.person",
    [BY_STATE] = "credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token",
    [BY_NOTHING] = "credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token",
};

static const char *const certificate_joins[] = {
    [BY_USER] = "people p CROSS JOIN certificates c ON c.person = p.id",
    [BY_END] = "certificates c CROSS JOIN people p ON p.id = c.person",
    [BY_STATE] = "certificates c CROSS JOIN people p ON p.id = c.person",
    [BY_NOTHING] = "certificates c CROSS JOIN people p ON p.id = c.person",
};

char *roll_credentials_sql(const struct roll_filter *f)
{
	unsigned states = f->states ? f->states : ROLL_LIVE;
	enum driver d = driver_of(f);
	char *text = NULL;
	size_t len;

	if (!(states & ((1U << CRED_STATE_COUNT) - 1U)))
		return NULL;
	FILE *sql = open_memstream(&text, &len);
	fprintf(sql, "SELECT p.name, %s, c.not_after, c.cert_serial, t.serial, t.model, t.lost FROM %s WHERE 1",
		states & 1U << CRED_REVOKED ? "CASE WHEN c.revoked <> 0 AND " LIVE " THEN 'revoked' ELSE c.state END"
					    : "c.state",
		credential_joins[d]);
	put_credential_states(sql, states, d == BY_STATE);
	put_rest(sql, f, d);
	fclose(sql);
	return text;
}

char *roll_certificates_sql(const struct roll_filter *f)
{
	unsigned all = ROLL_CERT_VALID | ROLL_CERT_REVOKED | ROLL_CERT_EXPIRED;
	unsigned states = (f->states ? f->states : ROLL_LIVE) & all;
	enum driver d = driver_of(f);
	char *text = NULL;
	size_t len;

	/* no token is known, so no model */
	if (!states || f->model)
		return NULL;
	FILE *sql = open_memstream(&text, &len);
	fprintf(sql, "SELECT p.name, c.state, c.not_after, c.cert_serial, c.purpose FROM %s WHERE 1",
		certificate_joins[d]);
	if (states != all || d == BY_STATE)
		put_states(sql, states, d == BY_STATE);
	put_rest(sql, f, d);
	fclose(sql);
	return text;
}

/* Where a pattern can begin: what stands before its first special character, and the least text behind all that begin
 * so. */
static void bounds_of(const char *pattern, char **ret_from, char **ret_to)
{
	size_t n = strcspn(pattern, "*?[");

	*ret_from = xasprintf("%.*s", (int)n, pattern);
	/* no UTF-8 text has this byte in it, and it is above all that one has */
	*ret_to = xasprintf("%.*s\xff", (int)n, pattern);
}

/* Rows as they come out of the database where they come in order, else all of them, sorted. */
struct side {
	struct query q;
	struct roll_row row;
	struct roll_rows rows;
	size_t at;
	bool there, adopted, sorted;
};

static const char *column(const struct side *side, int col)
{
	const char *text = (const char *)sqlite3_column_text(side->q.st, col);

	return text ? text : "";
}

static int side_fetch(struct side *side, struct err *e)
{
	if (query_next(&side->q, &side->there, e) == -1)
		return -1;
	if (!side->there)
		return 0;
	side->row = (struct roll_row){
	    .user = column(side, 0),
	    .state = column(side, 1),
	    .not_after = query_int(&side->q, 2),
	    .cert_serial = column(side, 3),
	    .token_serial = side->adopted ? "" : column(side, 4),
	    .model = side->adopted ? "" : column(side, 5),
	    .lost = side->adopted ? 0 : query_int(&side->q, 6),
	    .purpose = side->adopted ? column(side, 4) : "",
	    .adopted = side->adopted,
	};
	return 0;
}

static int side_next(struct side *side, struct err *e)
{
	if (!side->sorted)
		return side_fetch(side, e);
	side->there = side->at < side->rows.n;
	if (side->there)
		side->row = *side->rows.sorted[side->at++].row;
	return 0;
}

static int side_sort(struct side *side, struct err *e)
{
	int rc;

	while ((rc = side_fetch(side, e)) == 0 && side->there)
		roll_rows_add(&side->rows, &side->row);
	roll_rows_sort(&side->rows);
	side->sorted = true;
	return rc;
}

static void side_close(struct side *side)
{
	query_close(&side->q);
	roll_rows_free(&side->rows);
}

static void bind_text(struct query *q, int at, const char *text)
{
	if (q->rc == SQLITE_OK && at <= sqlite3_bind_parameter_count(q->st))
		q->rc = sqlite3_bind_text(q->st, at, text, -1, SQLITE_TRANSIENT);
}

static void bind_pattern(struct query *q, int at, const char *pattern)
{
	char *from = NULL, *to = NULL;

	if (!pattern)
		return;
	bounds_of(pattern, &from, &to);
	bind_text(q, at, from);
	bind_text(q, at + 1, to);
	bind_text(q, at + 2, pattern);
	free(from);
	free(to);
}

static int side_open(struct side *side, struct store *s, const char *sql, const struct roll_filter *f, struct err *e)
{
	if (!sql)
		return 0;
	if (query_open(&side->q, s, sql, e) == -1)
		return -1;
	bind_pattern(&side->q, 1, f->user);
	bind_pattern(&side->q, 6, f->model);
	if (f->until && side->q.rc == SQLITE_OK)
		side->q.rc = sqlite3_bind_int64(side->q.st, 4, f->from);
	if (f->until && side->q.rc == SQLITE_OK)
		side->q.rc = sqlite3_bind_int64(side->q.st, 5, f->until);
	if (driver_of(f) != BY_END && side_sort(side, e) == -1)
		return -1;
	return side_next(side, e);
}

/* Whether a comes first. */
static bool is_first(const struct side *a, const struct side *b, enum driver d)
{
	if (!a->there || !b->there)
		return a->there;
	if (d == BY_END)
		return a->row.not_after <= b->row.not_after;
	return strcmp(a->row.user, b->row.user) <= 0;
}

static int merge(struct side sides[2], enum driver d, roll_fn *fn, void *arg, bool *ret_stopped, struct err *e)
{
	*ret_stopped = false;
	while (!*ret_stopped && (sides[0].there || sides[1].there)) {
		struct side *next = is_first(&sides[0], &sides[1], d) ? &sides[0] : &sides[1];

		*ret_stopped = fn(arg, &next->row) != 0;
		if (!*ret_stopped && side_next(next, e) == -1)
			return -1;
	}
	return 0;
}

int store_roll(struct store *s, const struct roll_filter *f, roll_fn *fn, void *arg, bool *ret_stopped, struct err *e)
{
	struct side sides[2] = {{.q = QUERY_INIT}, {.q = QUERY_INIT, .adopted = true}};
	char *sql[2] = {roll_credentials_sql(f), roll_certificates_sql(f)};
	int rc = -1;

	if (db_exec(s, "PRAGMA cache_size = -" CACHE_KIB, e, "read") == 0 &&
	    side_open(&sides[0], s, sql[0], f, e) == 0 && side_open(&sides[1], s, sql[1], f, e) == 0)
		rc = merge(sides, driver_of(f), fn, arg, ret_stopped, e);
	side_close(&sides[0]);
	side_close(&sides[1]);
	free(sql[0]);
	free(sql[1]);
	return rc;
}
