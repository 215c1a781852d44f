#include "core/keytype.h"
#include "store/audit.h"
#include "store/credential_impl.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/store.h"

#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[CRED_STATE_COUNT] = {
    [CRED_PLANNED] = "planned",     [CRED_KEYED] = "keyed",     [CRED_REQUESTED] = "requested",
    [CRED_ISSUED] = "issued",       [CRED_WRITTEN] = "written", [CRED_PROVEN] = "proven",
    [CRED_DELIVERED] = "delivered", [CRED_REVOKED] = "revoked", [CRED_SUPERSEDED] = "superseded",
    [CRED_ABANDONED] = "abandoned",
};

static const char *const way_names[CRED_WAY_COUNT] = {
    [CRED_WAY_ENROLL] = "enroll", [CRED_WAY_RENEW] = "renew", [CRED_WAY_REKEY] = "rekey", [CRED_WAY_ADOPT] = "adopt"};

const char *cred_way_name(enum cred_way way)
{
	return (unsigned)way < CRED_WAY_COUNT ? way_names[way] : "unknown";
}

const char *cred_state_name(enum cred_state st)
{
	return (unsigned)st < CRED_STATE_COUNT ? state_names[st] : "unknown";
}

int cred_state_parse(enum cred_state *ret, const char *name)
{
	for (int i = 0; i < CRED_STATE_COUNT; i++) {
		if (strcmp(state_names[i], name) != 0)
			continue;
		*ret = (enum cred_state)i;
		return 0;
	}
	return -1;
}

void store_credential_free(struct store_credential *c)
{
	blob_free(&c->cka_id);
	blob_free(&c->spki);
	blob_free(&c->csr);
	blob_free(&c->cert);
	blob_free(&c->attestation);
	blob_free(&c->earlier);
}

static int way_parse(enum cred_way *ret, const char *name)
{
	for (int i = 0; i < CRED_WAY_COUNT; i++) {
		if (strcmp(way_names[i], name) != 0)
			continue;
		*ret = (enum cred_way)i;
		return 0;
	}
	return -1;
}

void credential_read(struct query *q, struct store_credential *c)
{
	char state[16], key_type[32], way[16];
	enum keytype type = KEYTYPE_NONE;
	int col = 0;

	c->id = query_int(q, col++);
	query_text(q, col++, c->user, sizeof(c->user));
	token_read(q, &col, &c->token);
	query_text(q, col++, state, sizeof(state));
	query_text(q, col++, key_type, sizeof(key_type));
	query_blob(q, col++, &c->cka_id);
	query_blob(q, col++, &c->spki);
	query_blob(q, col++, &c->csr);
	query_bytes(q, col++, c->serial, sizeof(c->serial));
	query_blob(q, col++, &c->cert);
	query_text(q, col++, c->cert_serial, sizeof(c->cert_serial));
	c->not_after = query_int(q, col++);
	query_text(q, col++, c->module, sizeof(c->module));
	query_text(q, col++, c->pkcs11_id, sizeof(c->pkcs11_id));
	query_text(q, col++, c->client_module, sizeof(c->client_module));
	query_text(q, col++, c->key_attributes, sizeof(c->key_attributes));
	query_text(q, col++, c->enroll_id, sizeof(c->enroll_id));
	query_blob(q, col++, &c->attestation);
	query_text(q, col++, c->attested, sizeof(c->attested));
	query_blob(q, col++, &c->earlier);
	c->handed_over = query_int(q, col++) != 0;
	c->created = query_int(q, col++);
	c->changed = query_int(q, col++);
	query_text(q, col++, way, sizeof(way));
	c->replaces = query_int(q, col++);
	c->revoke_at = query_int(q, col++);
	c->revoked = query_int(q, col++);
	query_text(q, col++, c->reason, sizeof(c->reason));
	if (cred_state_parse(&c->state, state) == -1 || way_parse(&c->way, way) == -1 ||
	    keytype_parse(&type, key_type, NULL) == -1)
		q->odd = true;
	c->key_type = type;
}

int credential_take(struct query *q, bool *ret_found, struct store_credential *ret, struct err *e)
{
	struct store_credential c = {0};
	bool row;
	int rc = -1;

	if (query_next(q, &row, e) == -1)
		goto out;
	if (row)
		credential_read(q, &c);
	if (query_check(q, e) == -1)
		goto out;
	*ret = c;
	c = (struct store_credential){0};
	*ret_found = row;
	rc = 0;
out:
	store_credential_free(&c);
	query_close(q);
	return rc;
}

/* user or t may be NULL, if sql does not ask for it */
static int find(struct store *s, const char *sql, const char *user, const struct store_token *t, bool *ret_found,
		struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, sql, e) == -1)
		return -1;
	if (user)
		query_put_text(&q, user);
	if (t) {
		query_put_text(&q, t->serial);
		query_put_text(&q, t->model);
		query_put_text(&q, t->manufacturer);
	}
	return credential_take(&q, ret_found, ret, e);
}

int store_find(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
	       struct store_credential *ret, struct err *e)
{
	return find(s, SELECT_LIVE THIS_USER THIS_TOKEN NEWEST_FIRST, user, t, ret_found, ret, e);
}

int store_find_by_token(struct store *s, const struct store_token *t, bool *ret_found, struct store_credential *ret,
			struct err *e)
{
	return find(s, SELECT_LIVE THIS_TOKEN NEWEST_FIRST, NULL, t, ret_found, ret, e);
}

int store_find_elsewhere(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
			 struct store_credential *ret, struct err *e)
{
	return find(s, SELECT_LIVE THIS_USER OTHER_TOKEN NEWEST_FIRST, user, t, ret_found, ret, e);
}

int store_find_user(struct store *s, const char *user, bool *ret_found, struct store_credential *ret, struct err *e)
{
	return find(s, SELECT_CREDENTIAL "state IN ('proven', 'delivered')" THIS_USER NEWEST_FIRST, user, NULL,
		    ret_found, ret, e);
}

int store_find_leftover(struct store *s, const struct store_token *t, int64_t before, bool *ret_found,
			struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, SELECT_CREDENTIAL ENDED THIS_TOKEN NOT_IN_USE " AND c.id < ?" NEWEST_FIRST, e) == -1)
		return -1;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	query_put_int(&q, before != 0 ? before : INT64_MAX);
	return credential_take(&q, ret_found, ret, e);
}

int store_key_ended(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT count(*) > 0 AND min(c." ENDED ") FROM credentials c JOIN tokens t ON t.id = c.token "
		       "WHERE c.spki = ?" THIS_TOKEN,
		       e) == -1)
		goto out;
	query_put_bytes(&q, spki->data, spki->len);
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	bool row;
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret = row && query_int(&q, 0) != 0;
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

int credential_audit(struct store *s, const struct store_credential *c, enum cred_state to, const char *before,
		     struct err *e)
{
	char *cka_id = xcalloc(2 * c->cka_id.len + 1, 1);
	char *detail = NULL;
	struct audit_entry a = {.action = cred_state_name(to),
				.user = c->user,
				.token_serial = c->token.serial,
				.cert_serial = c->cert_serial};
	int rc;

	hex_encode(cka_id, 2 * c->cka_id.len + 1, c->cka_id.data, c->cka_id.len);
	detail =
	    xasprintf("%s, CKA_ID %s, %s%s", keytype_name(c->key_type), cka_id, before[0] ? "was " : "new", before);
	a.detail = detail;
	rc = audit_append(s, &a, e);
	free(detail);
	free(cka_id);
	return rc;
}

/* The fields that every write sets, in the order of the columns from key_type to reason. */
static void put_fields(struct query *q, const struct store_credential *c)
{
	query_put_text(q, keytype_name(c->key_type));
	query_put_bytes(q, c->cka_id.data, c->cka_id.len);
	query_put_bytes(q, c->spki.data, c->spki.len);
	query_put_bytes(q, c->csr.data, c->csr.len);
	query_put_bytes(q, c->serial, sizeof(c->serial));
	query_put_bytes(q, c->cert.data, c->cert.len);
	query_put_text(q, c->cert_serial);
	query_put_int(q, c->not_after);
	query_put_text(q, c->module);
	query_put_text(q, c->pkcs11_id);
	query_put_text(q, c->client_module);
	query_put_text(q, c->key_attributes);
	query_put_text(q, c->enroll_id);
	query_put_bytes(q, c->attestation.data, c->attestation.len);
	query_put_text(q, c->attested);
	query_put_bytes(q, c->earlier.data, c->earlier.len);
	query_put_int(q, c->revoke_at);
	query_put_int(q, c->revoked);
	query_put_text(q, c->reason);
}

static int credential_insert(struct store *s, struct store_credential *c, int64_t person, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(
		&q, s,
		"INSERT INTO credentials (person, token, state, key_type, cka_id, spki, csr, serial, cert,"
		" cert_serial, not_after, module, pkcs11_id, client_module, key_attributes, enroll_id, attestation,"
		" attested, earlier, revoke_at, revoked, reason, created, changed, way, replaces)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0))",
		e) == -1)
		return -1;
	query_put_int(&q, person);
	query_put_int(&q, c->token.id);
	query_put_text(&q, cred_state_name(c->state));
	put_fields(&q, c);
	query_put_int(&q, c->created);
	query_put_int(&q, c->changed);
	query_put_text(&q, cred_way_name(c->way));
	query_put_int(&q, c->replaces);
	if (query_run(&q, e) == -1)
		return -1;
	c->id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

/* What a new credential starts from; the blobs are borrowed from what was asked for. */
static struct store_credential plan_of(const struct store_credential *c)
{
	struct store_credential n = {
	    .token = c->token, .state = CRED_PLANNED, .key_type = c->key_type, .way = c->way, .replaces = c->replaces};

	memcpy(n.user, c->user, sizeof(n.user));
	memcpy(n.serial, c->serial, sizeof(n.serial));
	memcpy(n.module, c->module, sizeof(n.module));
	n.cka_id = c->cka_id;
	n.earlier = c->earlier;
	n.created = n.changed = time(NULL);
	return n;
}

int store_plan(struct store *s, struct store_credential *c, struct err *e)
{
	struct store_credential n = plan_of(c);
	int64_t person;
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = person_ensure(s, n.user, &person, e);
	if (rc == 0)
		rc = token_ensure(s, &n.token, &n.token.id, e);
	if (rc == 0)
		rc = credential_insert(s, &n, person, e);
	if (rc == 0)
		rc = credential_audit(s, &n, CRED_PLANNED, "", e);
	if (db_end(s, rc, e) == -1)
		return -1;
	c->id = n.id;
	c->token.id = n.token.id;
	c->state = n.state;
	c->created = n.created;
	c->changed = n.changed;
	return 0;
}

/* What the journal says of it has to be what this process knows. */
int credential_check_changed(struct store *s, const struct store_credential *c, const char *to, struct err *e)
{
	if (sqlite3_changes(s->db) == 1)
		return 0;
	err_set(e, ERR_STORE, "cannot go from %s to %s for user %s: the journal no longer says %s",
		cred_state_name(c->state), to, c->user, cred_state_name(c->state));
	return err_next(e, "Another tokenroll has gone on or ended this enrollment; run the command again.");
}

int credential_update(struct store *s, const struct store_credential *c, enum cred_state to, time_t now, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE credentials SET key_type = ?, cka_id = ?, spki = ?,"
		       /* one that was adopted may have none */
		       " csr = coalesce(?, CASE way WHEN 'adopt' THEN x'' END), serial = ?, cert = ?,"
		       " cert_serial = ?, not_after = ?, module = ?, pkcs11_id = ?, client_module = ?,"
		       " key_attributes = ?, enroll_id = ?, attestation = ?, attested = ?, earlier = ?, revoke_at = ?,"
		       " revoked = ?, reason = ?, handed_over = 0, state = ?, changed = ? WHERE id = ? AND state = ? "
		       "AND " NOT_ENDED,
		       e) == -1)
		return -1;
	put_fields(&q, c);
	query_put_text(&q, cred_state_name(to));
	query_put_int(&q, now);
	query_put_int(&q, c->id);
	query_put_text(&q, cred_state_name(c->state));
	return query_run(&q, e) == 0 ? credential_check_changed(s, c, cred_state_name(to), e) : -1;
}

int store_advance(struct store *s, struct store_credential *c, enum cred_state to, struct err *e)
{
	time_t now = time(NULL);
	/* of these the token tells as well, and the step that follows is on disk before the CA or the user gets
	 * anything */
	bool soon = to == CRED_KEYED || to == CRED_WRITTEN || to == CRED_PROVEN;
	int rc = soon ? db_begin_soon(s, e) : db_begin(s, e);

	if (rc == 0)
		rc = credential_update(s, c, to, now, e);
	if (rc == 0)
		rc = credential_audit(s, c, to, cred_state_name(c->state), e);
	if (db_end(s, rc, e) == -1)
		return -1;
	c->state = to;
	c->handed_over = false;
	c->changed = now;
	return 0;
}

static int mark_handed_over(struct store *s, const struct store_credential *c, struct err *e)
{
	struct audit_entry a = {.action = "handed-over",
				.user = c->user,
				.token_serial = c->token.serial,
				.cert_serial = c->cert_serial,
				.detail = cred_state_name(c->state)};
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE credentials SET handed_over = 1 WHERE id = ? AND state = 'proven'", e) == -1)
		return -1;
	query_put_int(&q, c->id);
	if (query_run(&q, e) == -1 || credential_check_changed(s, c, a.action, e) == -1)
		return -1;
	return audit_append(s, &a, e);
}

int store_handed_over(struct store *s, struct store_credential *c, struct err *e)
{
	if (db_begin(s, e) == -1 || db_end(s, mark_handed_over(s, c, e), e) == -1)
		return -1;
	c->handed_over = true;
	return 0;
}
