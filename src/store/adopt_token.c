/*
 * adopt_token: tokens that somebody enrolled by hand.
 */
#include "core/keytype.h"
#include "core/xalloc.h"
#include "store/adopt.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/identity.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT "c.purpose IN ('client', 'both')"

int store_adopt_find(struct store *s, const struct blob *spki, time_t prefer, bool *ret_found, bool *ret_gone,
		     struct store_credential *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row, good = false;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT c.state = 'valid' AND c.not_after > ?2 AND c.cert IS NOT NULL AND " CLIENT
		       ", p.name, c.spki, c.cert, c.cert_serial, c.not_after FROM certificates c"
		       " JOIN people p ON p.id = c.person WHERE c.spki = ?1 AND c.spki IS NOT NULL"
		       " ORDER BY 1 DESC, c.not_after = ?3 DESC, c.not_after DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_bytes(&q, spki->data, spki->len);
	query_put_int(&q, time(NULL));
	query_put_int(&q, prefer);
	if (query_next(&q, &row, e) == -1)
		goto out;
	good = row && query_int(&q, 0) != 0;
	if (good) {
		query_text(&q, 1, ret->user, sizeof(ret->user));
		query_blob(&q, 2, &ret->spki);
		query_blob(&q, 3, &ret->cert);
		query_text(&q, 4, ret->cert_serial, sizeof(ret->cert_serial));
		ret->not_after = query_int(&q, 5);
		/* a name of a form that no user has: the certificate is nobody's */
		good = !q.odd;
	}
	*ret_found = good;
	*ret_gone = row && !good;
	rc = 0;
out:
	query_close(&q);
	return rc;
}

int store_has_key(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT 1 FROM tokens t CROSS JOIN credentials c ON c.token = t.id WHERE t.serial = ?"
		       " AND t.model = ? AND t.manufacturer = ?"
		       " AND c.state NOT IN ('revoked', 'superseded', 'abandoned') AND c.spki = ? LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->manufacturer);
	query_put_bytes(&q, spki->data, spki->len);
	rc = query_next(&q, ret, e);
out:
	query_close(&q);
	return rc;
}

static int insert_credential(struct store *s, struct store_credential *c, int64_t person, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(
		&q, s,
		"INSERT INTO credentials (person, token, state, way, key_type, cka_id, spki, csr, serial, cert,"
		" cert_serial, not_after, module, pkcs11_id, client_module, key_attributes, enroll_id, created, "
		"changed)"
		" VALUES (?, ?, 'delivered', 'adopt', ?, ?, ?, coalesce(?, x''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e) == -1)
		return -1;
	query_put_int(&q, person);
	query_put_int(&q, c->token.id);
	query_put_text(&q, keytype_name(c->key_type));
	query_put_bytes(&q, c->cka_id.data, c->cka_id.len);
	query_put_bytes(&q, c->spki.data, c->spki.len);
	query_put_bytes(&q, c->csr.data, c->csr.len);
	query_put_bytes(&q, c->serial, sizeof(c->serial));
	query_put_bytes(&q, c->cert.data, c->cert.len);
	query_put_text(&q, c->cert_serial);
	query_put_int(&q, c->not_after);
	query_put_text(&q, c->module);
	query_put_text(&q, c->pkcs11_id);
	query_put_text(&q, c->client_module);
	query_put_text(&q, c->key_attributes);
	query_put_text(&q, c->enroll_id);
	query_put_int(&q, c->created);
	query_put_int(&q, c->changed);
	if (query_run(&q, e) == -1)
		return -1;
	c->id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int forget_certificate(struct store *s, const char *serial, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "DELETE FROM certificates WHERE cert_serial = ?", e) == -1)
		return -1;
	query_put_text(&q, serial);
	return query_run(&q, e);
}

static int record(struct store *s, const struct store_credential *c, struct err *e)
{
	char *cka_id = xcalloc(2 * c->cka_id.len + 1, 1);
	hex_encode(cka_id, 2 * c->cka_id.len + 1, c->cka_id.data, c->cka_id.len);
	char *detail = xasprintf("%s, CKA_ID %s, enrolled by hand", keytype_name(c->key_type), cka_id);
	struct audit_entry a = {.action = "adopted",
				.user = c->user,
				.token_serial = c->token.serial,
				.cert_serial = c->cert_serial,
				.detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	free(cka_id);
	return rc;
}

int store_adopt_token(struct store *s, struct store_credential *c, struct err *e)
{
	int64_t person;
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	c->created = c->changed = time(NULL);
	rc = person_ensure(s, c->user, &person, e);
	if (rc == 0)
		rc = token_ensure(s, &c->token, &c->token.id, e);
	if (rc == 0)
		rc = insert_credential(s, c, person, e);
	if (rc == 0)
		rc = forget_certificate(s, c->cert_serial, e);
	if (rc == 0)
		rc = record(s, c, e);
	if (db_end(s, rc, e) == -1)
		return -1;
	c->state = CRED_DELIVERED;
	return 0;
}
