#include "store/survey.h"

#include "core/xalloc.h"
#include "store/db.h"

#include <stdlib.h>
#include <string.h>

#define LIVE "state NOT IN ('revoked', 'superseded', 'abandoned')"

/* The holder has one that counts and ends later. */
#define NO_LATER                                                                                        \
	" AND NOT EXISTS (SELECT 1 FROM credentials l WHERE l.person = c.person AND l." LIVE            \
	" AND l.revoked = 0 AND l.not_after > c.not_after)"                                             \
	" AND NOT EXISTS (SELECT 1 FROM certificates l WHERE l.person = c.person AND l.state = 'valid'" \
	" AND l.not_after > c.not_after)"

enum {
	/* the questions come first */
	COUNT_STATE = SURVEY_QUESTION_COUNT,
	COUNT_REVOKED,
	COUNT_CERTIFICATES,
	COUNT_ENDS,
	COUNT_ADOPTED_ENDS,
	SERIALS,
	ADOPTED_SERIALS,
	HOLDER,
	ADOPTED_HOLDER,
	INITIALIZED,
};

/* Of the questions the columns are those of struct survey_row; the last ones may be missing. CROSS JOIN fixes the
 * order: see roll.c. */
const char *const survey_sql[] = {
    [SURVEY_EXPIRING] =
	"SELECT p.name, t.serial, t.profile, c.cert_serial, c.state, c.way, '', c.not_after"
	" FROM credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token"
	" WHERE c.not_after >= ?1 AND c.not_after < ?2 AND c.not_after > 0 AND +c." LIVE " AND c.revoked = 0" NO_LATER
	" ORDER BY c.not_after",
    [SURVEY_EXPIRING_ADOPTED] =
	"SELECT p.name, '', '', c.cert_serial, c.state, '', c.purpose, c.not_after"
	" FROM certificates c CROSS JOIN people p ON p.id = c.person"
	" WHERE c.not_after >= ?1 AND c.not_after < ?2 AND +c.state IN ('valid', 'expired')" NO_LATER
	" ORDER BY c.not_after",
    [SURVEY_UNFINISHED] =
	"SELECT p.name, t.serial, t.profile, c.cert_serial, c.state, c.way, '', c.changed, '', '', '',"
	" c.way = 'renew' AND c.state = 'issued' AND c.module = '',"
	" (SELECT o.not_after FROM credentials o WHERE o.id = c.replaces)"
	" FROM credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token"
	" WHERE c.state IN ('planned', 'keyed', 'requested', 'issued', 'written', 'proven') AND c.revoked = 0"
	" ORDER BY p.name",
    [SURVEY_WAITING] =
	"SELECT p.name, t.serial, t.profile, c.cert_serial, c.state, c.way, '', c.revoke_at"
	" FROM credentials c CROSS JOIN people p ON p.id = c.person CROSS JOIN tokens t ON t.id = c.token"
	" WHERE c.revoke_at > 0 AND c.revoke_at <> 0 AND c.revoked = 0 AND c.not_after > unixepoch()"
	" ORDER BY c.revoke_at",
    [SURVEY_LOST] =
	"SELECT p.name, t.serial, t.profile, c.cert_serial, c.state, c.way, '', t.lost"
	" FROM tokens t CROSS JOIN credentials c ON c.token = t.id CROSS JOIN people p ON p.id = c.person"
	" WHERE t.lost > 0 AND t.lost <> 0 AND c." LIVE " AND c.revoked = 0 AND c.cert_serial <> '' ORDER BY p.name",
    [SURVEY_PENDING] = "SELECT '', t.serial, t.profile, '', e.kind, '', '', e.created"
		       " FROM escrow e CROSS JOIN tokens t ON t.id = e.token"
		       " WHERE e.state = 'pending' ORDER BY t.serial",
    /* both sides of the comparison go by the token's number, so that neither is searched */
    [SURVEY_UNKEPT] = "SELECT '', t.serial, t.profile, '', '', '', '', 0, t.manufacturer, t.model, t.label FROM tokens "
		      "t WHERE t.id > 0"
		      " AND NOT EXISTS (SELECT 1 FROM escrow e WHERE e.token = t.id)"
		      " AND EXISTS (SELECT 1 FROM credentials c WHERE c.token = t.id AND c." LIVE " AND c.revoked = 0)"
		      " ORDER BY t.id",
    [COUNT_STATE] = "SELECT count(*) FROM credentials WHERE state = ?",
    [COUNT_REVOKED] = "SELECT count(*) FROM credentials WHERE state IN ('planned', 'keyed', 'requested', 'issued',"
		      " 'written', 'proven', 'delivered') AND revoked > 0",
    [COUNT_CERTIFICATES] = "SELECT count(*) FROM certificates WHERE state = ?",
    [COUNT_ENDS] = "SELECT count(*) FROM credentials WHERE not_after >= ? AND not_after < ? AND not_after > 0"
		   " AND +" LIVE " AND revoked = 0",
    [COUNT_ADOPTED_ENDS] = "SELECT count(*) FROM certificates WHERE not_after >= ? AND not_after < ?"
			   " AND +state IN ('valid', 'expired')",
    [SERIALS] = "SELECT cert_serial, state, revoked, not_after FROM credentials WHERE cert_serial > ''"
		" AND cert_serial <> '' ORDER BY cert_serial",
    [ADOPTED_SERIALS] = "SELECT cert_serial, state, 0, not_after FROM certificates WHERE cert_serial > ''"
			" ORDER BY cert_serial",
    [HOLDER] = "SELECT p.name FROM credentials c CROSS JOIN people p ON p.id = c.person"
	       " WHERE c.cert_serial = ? AND c.cert_serial <> '' LIMIT 1",
    [ADOPTED_HOLDER] = "SELECT p.name FROM certificates c CROSS JOIN people p ON p.id = c.person"
		       " WHERE c.cert_serial = ? LIMIT 1",
    [INITIALIZED] = "SELECT count(*) FROM audit WHERE token_serial = ? AND action = '" STORE_TOKEN_INIT "'",
    NULL,
};

static const char *column(struct query *q, int col)
{
	const char *text = (const char *)sqlite3_column_text(q->st, col);

	return text ? text : "";
}

static void tell(struct query *q, survey_fn *fn, void *arg)
{
	const struct survey_row row = {
	    .user = column(q, 0),
	    .token = column(q, 1),
	    .profile = column(q, 2),
	    .serial = column(q, 3),
	    .state = column(q, 4),
	    .way = column(q, 5),
	    .purpose = column(q, 6),
	    .at = query_int(q, 7),
	    .manufacturer = column(q, 8),
	    .model = column(q, 9),
	    .label = column(q, 10),
	    .ahead = query_int(q, 11) != 0,
	    .ends = query_int(q, 12),
	};

	fn(arg, &row);
}

int store_survey(struct store *s, enum survey_question what, time_t from, time_t until, survey_fn *fn, void *arg,
		 struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = true;
	int rc = -1;

	if (query_open(&q, s, survey_sql[what], e) == -1)
		goto out;
	if (what <= SURVEY_EXPIRING_ADOPTED) {
		query_put_int(&q, from);
		query_put_int(&q, until);
	}
	while (row) {
		if (query_next(&q, &row, e) == -1)
			goto out;
		if (row)
			tell(&q, fn, arg);
	}
	rc = 0;
out:
	query_close(&q);
	return rc;
}

/* The only column of the only row. text may be NULL, if the statement does not ask for it. */
static int count(struct store *s, int sql, const char *text, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, survey_sql[sql], e) == -1)
		goto out;
	if (text)
		query_put_text(&q, text);
	if (query_next(&q, &row, e) == 0) {
		*ret = row ? query_int(&q, 0) : 0;
		rc = 0;
	}
out:
	query_close(&q);
	return rc;
}

int store_count(struct store *s, struct survey_counts *ret, struct err *e)
{
	*ret = (struct survey_counts){.valid = 0};
	for (int i = 0; i < CRED_STATE_COUNT; i++)
		if (count(s, COUNT_STATE, cred_state_name((enum cred_state)i), &ret->credentials[i], e) == -1)
			return -1;
	if (count(s, COUNT_REVOKED, NULL, &ret->revoked_elsewhere, e) == -1 ||
	    count(s, COUNT_CERTIFICATES, "valid", &ret->valid, e) == -1 ||
	    count(s, COUNT_CERTIFICATES, "revoked", &ret->revoked, e) == -1)
		return -1;
	return count(s, COUNT_CERTIFICATES, "expired", &ret->expired, e);
}

static int count_between(struct store *s, int sql, time_t from, time_t until, int64_t *sum, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, survey_sql[sql], e) == -1)
		goto out;
	query_put_int(&q, from);
	query_put_int(&q, until);
	if (query_next(&q, &row, e) == 0) {
		*sum += row ? query_int(&q, 0) : 0;
		rc = 0;
	}
out:
	query_close(&q);
	return rc;
}

int store_count_ends(struct store *s, time_t from, time_t until, int64_t *ret, struct err *e)
{
	*ret = 0;
	if (count_between(s, COUNT_ENDS, from, until, ret, e) == -1)
		return -1;
	return count_between(s, COUNT_ADOPTED_ENDS, from, until, ret, e);
}

int store_was_initialized(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	int64_t n = 0;

	if (count(s, INITIALIZED, token_serial, &n, e) == -1)
		return -1;
	*ret = n > 0;
	return 0;
}

static int find_holder(struct store *s, int sql, const char *serial, char *ret, size_t size, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, survey_sql[sql], e) == -1)
		goto out;
	query_put_text(&q, serial);
	if (query_next(&q, &row, e) == 0) {
		snprintf(ret, size, "%s", row ? column(&q, 0) : "");
		rc = 0;
	}
out:
	query_close(&q);
	return rc;
}

int store_holder(struct store *s, const char *cert_serial, char *ret, size_t size, struct err *e)
{
	if (find_holder(s, HOLDER, cert_serial, ret, size, e) == -1)
		return -1;
	return ret[0] ? 0 : find_holder(s, ADOPTED_HOLDER, cert_serial, ret, size, e);
}

/* ---- by serial number */

struct survey_serials {
	struct query q[2];
	struct survey_serial row[2];
	bool there[2];
};

static void read_serial(struct query *q, bool adopted, struct survey_serial *ret)
{
	const char *state = column(q, 1);
	enum cred_state st = CRED_ABANDONED;

	*ret = (struct survey_serial){.adopted = adopted, .not_after = query_int(q, 3)};
	query_text(q, 0, ret->serial, sizeof(ret->serial));
	ret->revoked = strcmp(state, "revoked") == 0 || query_int(q, 2) != 0;
	if (adopted)
		ret->counts = strcmp(state, "valid") == 0;
	else if (cred_state_parse(&st, state) == 0)
		ret->counts = st <= CRED_DELIVERED && !ret->revoked;
	ret->ended = !adopted && st > CRED_DELIVERED;
	ret->replaced = !adopted && st == CRED_SUPERSEDED;
}

static int serials_step(struct survey_serials *q, int side, struct err *e)
{
	if (query_next(&q->q[side], &q->there[side], e) == -1)
		return -1;
	if (q->there[side])
		read_serial(&q->q[side], side == 1, &q->row[side]);
	return query_check(&q->q[side], e);
}

int store_serials_open(struct survey_serials **ret, struct store *s, struct err *e)
{
	struct survey_serials *q = xcalloc(1, sizeof(*q));

	if (query_open(&q->q[0], s, survey_sql[SERIALS], e) == 0 &&
	    query_open(&q->q[1], s, survey_sql[ADOPTED_SERIALS], e) == 0 && serials_step(q, 0, e) == 0 &&
	    serials_step(q, 1, e) == 0) {
		*ret = q;
		return 0;
	}
	store_serials_close(&q);
	return -1;
}

int store_serials_next(struct survey_serials *q, bool *ret_more, struct survey_serial *ret, struct err *e)
{
	int side = q->there[0] && (!q->there[1] || strcmp(q->row[0].serial, q->row[1].serial) <= 0) ? 0 : 1;

	*ret_more = q->there[side];
	if (!*ret_more)
		return 0;
	*ret = q->row[side];
	return serials_step(q, side, e);
}

void store_serials_close(struct survey_serials **q)
{
	if (!*q)
		return;
	query_close(&(*q)->q[0]);
	query_close(&(*q)->q[1]);
	free(*q);
	*q = NULL;
}
