#include "store/audit.h"
#include "store/db.h"
#include "store/store.h"

#include <time.h>

/* Whether a credential has this certificate, or its revocation is in the trail already: a run that broke off is told of
 * it again. */
static int is_recorded(struct store *s, const char *user, const char *cert_serial, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT 1 FROM credentials WHERE cert_serial = ? AND cert_serial <> '' UNION ALL"
		       " SELECT 1 FROM audit WHERE user = ? AND action = ? AND cert_serial = ? LIMIT 1",
		       e) == 0) {
		query_put_text(&q, cert_serial);
		query_put_text(&q, user);
		query_put_text(&q, cred_state_name(CRED_REVOKED));
		query_put_text(&q, cert_serial);
		rc = query_next(&q, ret, e);
	}
	query_close(&q);
	return rc;
}

static int certificate_revoked(struct store *s, const char *cert_serial, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE certificates SET state = 'revoked', reason = 'superseded', revoked = ?1, changed = ?1"
		       " WHERE cert_serial = ?2 AND state <> 'revoked'",
		       e) == -1)
		return -1;
	query_put_int(&q, time(NULL));
	query_put_text(&q, cert_serial);
	return query_run(&q, e);
}

static int record(struct store *s, const char *user, const char *cert_serial, struct err *e)
{
	struct audit_entry a = {.action = cred_state_name(CRED_REVOKED),
				.user = user,
				.cert_serial = cert_serial,
				.detail = "superseded, not of the inventory"};
	bool known = false;

	if (is_recorded(s, user, cert_serial, &known, e) == -1)
		return -1;
	if (known)
		return 0;
	return certificate_revoked(s, cert_serial, e) == 0 ? audit_append(s, &a, e) : -1;
}

int store_replaced(struct store *s, const char *user, const char *cert_serial, struct err *e)
{
	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, record(s, user, cert_serial, e), e);
}
