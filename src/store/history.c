#include "store/history.h"

#include "core/xalloc.h"
#include "store/db.h"
#include "store/identity.h"

#include <stdlib.h>
#include <string.h>

enum { FIND_PERSON, FIND_CREDENTIALS, FIND_CERTIFICATES, FIND_TOKENS, FIND_END, SQL_COUNT };

const char *const history_sql[] = {
    [FIND_PERSON] = "SELECT id, created FROM people WHERE name = ?",
    [FIND_CREDENTIALS] =
	"SELECT c.state, c.way, '', '', c.cert_serial, c.key_type, hex(c.cka_id), c.key_attributes, c.attested,"
	" c.pkcs11_id, t.serial, t.model,"
	" ifnull((SELECT o.cert_serial FROM credentials o WHERE o.id = c.replaces), ''), c.reason, c.not_after,"
	" c.created, c.changed, c.revoked, c.revoke_at, c.cert"
	" FROM credentials c CROSS JOIN tokens t ON t.id = c.token WHERE c.person = ? ORDER BY c.id DESC",
    [FIND_CERTIFICATES] = "SELECT state, '', purpose, subject, cert_serial, '', '', '', '', '', '', '', '', reason,"
			  " not_after, created, changed, revoked, 0, cert"
			  " FROM certificates WHERE person = ? ORDER BY not_after DESC, id DESC",
    [FIND_TOKENS] = "SELECT t.id, t.manufacturer, t.model, t.serial, t.label, t.profile, t.lost,"
		    " max(c.state NOT IN ('revoked', 'superseded', 'abandoned')),"
		    " EXISTS (SELECT 1 FROM escrow WHERE token = t.id AND kind = 'so-pin' AND state = 'confirmed'),"
		    " EXISTS (SELECT 1 FROM escrow WHERE token = t.id AND kind = 'puk' AND state = 'confirmed'),"
		    " EXISTS (SELECT 1 FROM escrow WHERE token = t.id AND kind = 'so-pin' AND state = 'pending'),"
		    " EXISTS (SELECT 1 FROM escrow WHERE token = t.id AND kind = 'puk' AND state = 'pending')"
		    " FROM credentials c CROSS JOIN tokens t ON t.id = c.token WHERE c.person = ?"
		    " GROUP BY c.token ORDER BY max(c.id) DESC",
    [FIND_END] = "SELECT max("
		 " ifnull((SELECT max(not_after) FROM credentials WHERE person = p.id"
		 "  AND state IN ('proven', 'delivered') AND revoked = 0), 0),"
		 " ifnull((SELECT max(not_after) FROM certificates WHERE person = p.id"
		 "  AND state = 'valid' AND purpose <> 'server'), 0)) FROM people p WHERE p.name = ?",
};

const size_t history_sql_count = SQL_COUNT;

static char *text_of(struct query *q, int col)
{
	const unsigned char *text = sqlite3_column_text(q->st, col);

	return xstrdup(text ? (const char *)text : "");
}

static void read_certificate(struct query *q, struct history_certificate *c)
{
	char **texts[] = {&c->state,        &c->way,         &c->purpose,        &c->subject,  &c->serial,
			  &c->key_type,     &c->cka_id,      &c->key_attributes, &c->attested, &c->pkcs11_id,
			  &c->token_serial, &c->token_model, &c->replaces,       &c->reason};
	int col = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = text_of(q, col++);
	c->not_after = query_int(q, col++);
	c->created = query_int(q, col++);
	c->changed = query_int(q, col++);
	c->revoked = query_int(q, col++);
	c->revoke_at = query_int(q, col++);
	query_blob(q, col, &c->cert);
}

static void add_certificate(struct query *q, struct history *h, bool adopted)
{
	struct history_certificate *c;

	h->certificates = xrealloc(h->certificates, h->n_certificates + 1, sizeof(*h->certificates));
	c = &h->certificates[h->n_certificates++];
	*c = (struct history_certificate){.adopted = adopted};
	read_certificate(q, c);
}

static void add_credential(struct query *q, struct history *h)
{
	add_certificate(q, h, false);
}

static void add_adopted(struct query *q, struct history *h)
{
	add_certificate(q, h, true);
}

static void add_token(struct query *q, struct history *h)
{
	struct history_token *t;
	int col = 0;

	h->tokens = xrealloc(h->tokens, h->n_tokens + 1, sizeof(*h->tokens));
	t = &h->tokens[h->n_tokens++];
	*t = (struct history_token){0};
	token_read(q, &col, &t->token);
	t->profile = text_of(q, col++);
	t->lost = query_int(q, col++);
	t->current = query_int(q, col++) != 0;
	t->escrow[ESCROW_SO_PIN] = query_int(q, col++) != 0;
	t->escrow[ESCROW_PUK] = query_int(q, col++) != 0;
	t->pending[ESCROW_SO_PIN] = query_int(q, col++) != 0;
	t->pending[ESCROW_PUK] = query_int(q, col) != 0;
}

static int read_rows(struct store *s, int sql, int64_t person, void (*add)(struct query *q, struct history *h),
		     struct history *h, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = true;
	int rc = -1;

	if (query_open(&q, s, history_sql[sql], e) == -1)
		goto out;
	query_put_int(&q, person);
	while (row) {
		if (query_next(&q, &row, e) == -1)
			goto out;
		if (row)
			add(&q, h);
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int find_person(struct store *s, const char *user, int64_t *ret, time_t *ret_created, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = -1;

	*ret = 0;
	if (query_open(&q, s, history_sql[FIND_PERSON], e) == -1)
		goto out;
	query_put_text(&q, user);
	if (query_next(&q, &row, e) == -1)
		goto out;
	*ret = row ? query_int(&q, 0) : 0;
	*ret_created = row ? query_int(&q, 1) : 0;
	rc = 0;
out:
	query_close(&q);
	return rc;
}

int store_history(struct store *s, const char *user, bool *ret_found, struct history *ret, struct err *e)
{
	struct history h = {.user = NULL};
	int64_t person = 0;

	*ret_found = false;
	if (find_person(s, user, &person, &h.created, e) == -1)
		return -1;
	if (!person)
		return 0;
	h.user = xstrdup(user);
	if (read_rows(s, FIND_CREDENTIALS, person, add_credential, &h, e) == -1 ||
	    read_rows(s, FIND_CERTIFICATES, person, add_adopted, &h, e) == -1 ||
	    read_rows(s, FIND_TOKENS, person, add_token, &h, e) == -1) {
		history_free(&h);
		return -1;
	}
	*ret = h;
	*ret_found = true;
	return 0;
}

int store_certified(struct store *s, const char *user, time_t now, time_t *ret_until, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s, history_sql[FIND_END], e);

	if (rc == 0) {
		query_put_text(&q, user);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0) {
		int64_t end = row ? query_int(&q, 0) : 0;

		*ret_until = end > now ? end : 0;
	}
	query_close(&q);
	return rc;
}

static void certificate_free(struct history_certificate *c)
{
	char *texts[] = {c->state,       c->way,      c->purpose,  c->subject,       c->serial,
			 c->key_type,    c->cka_id,   c->attested, c->pkcs11_id,     c->token_serial,
			 c->token_model, c->replaces, c->reason,   c->key_attributes};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	blob_free(&c->cert);
}

void history_free(struct history *h)
{
	for (size_t i = 0; i < h->n_certificates; i++)
		certificate_free(&h->certificates[i]);
	for (size_t i = 0; i < h->n_tokens; i++)
		free(h->tokens[i].profile);
	free(h->certificates);
	free(h->tokens);
	free(h->user);
	*h = (struct history){.user = NULL};
}
