#include "store/adopt.h"

#include "core/keytype.h"
#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/identity.h"

#include <stdlib.h>
#include <string.h>

#define NOTED 24 /* serial numbers in a record of the trail */

static int note_change(struct store *s, const struct adopt_row *r, const char *before, struct err *e)
{
	char *detail = xasprintf("by index.txt: %s%s%s, was %s", r->state, r->reason[0] ? ", " : "", r->reason, before);
	struct audit_entry a = {.action = "found-changed", .user = r->name, .cert_serial = r->serial, .detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	return rc;
}

/* ---- a row that a credential has */

static int credential_revocation(struct store *s, const struct adopt_row *r, bool *ret_has, int64_t *ret_revoked,
				 bool *ret_live, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT revoked, state NOT IN ('revoked', 'superseded', 'abandoned') FROM credentials"
		       " WHERE cert_serial = ? AND cert_serial <> '' ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, r->serial);
	if (query_next(&q, ret_has, e) == -1)
		goto out;
	*ret_revoked = *ret_has ? query_int(&q, 0) : 0;
	*ret_live = *ret_has && query_int(&q, 1) != 0;
	rc = 0;
out:
	query_close(&q);
	return rc;
}

static int set_revocation(struct store *s, const struct adopt_row *r, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE credentials SET revoked = ?, reason = ? WHERE cert_serial = ? AND cert_serial <> ''",
		       e) == -1)
		return -1;
	query_put_int(&q, r->revoked);
	query_put_text(&q, r->reason);
	query_put_text(&q, r->serial);
	return query_run(&q, e);
}

/* One that we have ended ourselves is not taken back by an index that does not know it yet. */
static int adopt_credential(struct store *s, const struct adopt_row *r, bool *ret_has, struct adopt_counts *n,
			    struct err *e)
{
	int64_t revoked;
	bool live;

	if (credential_revocation(s, r, ret_has, &revoked, &live, e) == -1)
		return -1;
	if (!*ret_has)
		return 0;
	bool is = strcmp(r->state, "revoked") == 0;
	if (is == (revoked != 0) || (!is && !live)) {
		n->known++;
		return 0;
	}
	n->changed++;
	return set_revocation(s, r, e) == -1 ? -1 : note_change(s, r, is ? "not revoked" : "revoked", e);
}

/* ---- a row that no credential has */

struct known {
	char state[16], reason[64];
	int64_t revoked, not_after;
	bool has_cert;
};

static int certificate_read(struct store *s, const char *serial, bool *ret_has, struct known *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(
		&q, s,
		"SELECT state, reason, revoked, not_after, cert IS NOT NULL FROM certificates WHERE cert_serial = ?",
		e) == -1)
		goto out;
	query_put_text(&q, serial);
	if (query_next(&q, ret_has, e) == -1)
		goto out;
	if (*ret_has) {
		query_text(&q, 0, ret->state, sizeof(ret->state));
		query_text(&q, 1, ret->reason, sizeof(ret->reason));
		ret->revoked = query_int(&q, 2);
		ret->not_after = query_int(&q, 3);
		ret->has_cert = query_int(&q, 4) != 0;
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int certificate_update(struct store *s, const struct adopt_row *r, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE certificates SET state = ?, reason = ?, revoked = ?, not_after = ?,"
		       " purpose = CASE WHEN cert IS NULL THEN ? ELSE purpose END, cert = ifnull(cert, ?),"
		       " spki = ifnull(spki, ?), changed = ? WHERE cert_serial = ?",
		       e) == -1)
		return -1;
	query_put_text(&q, r->state);
	query_put_text(&q, r->reason);
	query_put_int(&q, r->revoked);
	query_put_int(&q, r->not_after);
	query_put_text(&q, r->purpose);
	query_put_bytes(&q, r->cert->data, r->cert->len);
	query_put_bytes(&q, r->spki->data, r->spki->len);
	query_put_int(&q, time(NULL));
	query_put_text(&q, r->serial);
	return query_run(&q, e);
}

static int certificate_insert(struct store *s, const struct adopt_row *r, struct err *e)
{
	struct query q = QUERY_INIT;
	int64_t person;
	time_t now = time(NULL);

	if (person_ensure(s, r->name, &person, e) == -1 ||
	    query_open(
		&q, s,
		"INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, revoked, reason,"
		" spki, cert, created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e) == -1)
		return -1;
	query_put_int(&q, person);
	query_put_text(&q, r->serial);
	query_put_text(&q, r->subject);
	query_put_text(&q, r->purpose);
	query_put_text(&q, r->state);
	query_put_int(&q, r->not_after);
	query_put_int(&q, r->revoked);
	query_put_text(&q, r->reason);
	query_put_bytes(&q, r->spki->data, r->spki->len);
	query_put_bytes(&q, r->cert->data, r->cert->len);
	query_put_int(&q, now);
	query_put_int(&q, now);
	return query_run(&q, e);
}

static int adopt_certificate(struct store *s, const struct adopt_row *r, struct adopt_counts *n, struct err *e)
{
	struct known k = {.revoked = 0};
	bool has = false;

	if (certificate_read(s, r->serial, &has, &k, e) == -1)
		return -1;
	if (!has) {
		n->added++;
		return certificate_insert(s, r, e);
	}
	if (strcmp(k.state, r->state) == 0 && strcmp(k.reason, r->reason) == 0 && k.revoked == r->revoked &&
	    k.not_after == r->not_after && (k.has_cert || !r->cert->len)) {
		n->known++;
		return 0;
	}
	n->changed++;
	return certificate_update(s, r, e) == -1 ? -1 : note_change(s, r, k.state, e);
}

/* Which ones were taken in, a line of the trail for each handful: there may be a million. */
struct taken {
	char serials[NOTED * 41 + 1];
	size_t n;
};

static int note_taken(struct store *s, struct taken *t, struct err *e)
{
	if (t->n == 0)
		return 0;
	char *detail = xasprintf("%zu certificate%s of index.txt:%s", t->n, t->n == 1 ? "" : "s", t->serials);
	struct audit_entry a = {.action = "adopted", .detail = detail};
	int rc = audit_append(s, &a, e);
	free(detail);
	*t = (struct taken){.n = 0};
	return rc;
}

static int take(struct store *s, struct taken *t, const char *serial, struct err *e)
{
	size_t len = strlen(t->serials);
	snprintf(t->serials + len, sizeof t->serials - len, " %s", serial);
	return ++t->n == NOTED ? note_taken(s, t, e) : 0;
}

static int adopt_rows(struct store *s, const struct adopt_row *rows, size_t n, struct adopt_counts *ret, struct err *e)
{
	struct taken taken = {.n = 0};

	for (size_t i = 0; i < n; i++) {
		size_t before = ret->added;
		bool has = false;

		if (adopt_credential(s, &rows[i], &has, ret, e) == -1)
			return -1;
		if (!has && adopt_certificate(s, &rows[i], ret, e) == -1)
			return -1;
		if (ret->added != before && take(s, &taken, rows[i].serial, e) == -1)
			return -1;
	}
	return note_taken(s, &taken, e);
}

int store_adopt(struct store *s, const struct adopt_row *rows, size_t n, struct adopt_counts *ret, struct err *e)
{
	struct adopt_counts counts = *ret;

	if (db_begin(s, e) == -1 || db_end(s, adopt_rows(s, rows, n, &counts, e), e) == -1)
		return -1;
	*ret = counts;
	return 0;
}
