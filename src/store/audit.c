#include "store/audit.h"

#include "core/clean.h"
#include "core/xalloc.h"
#include "store/store.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_LEN 32
#define N_TEXTS 8

/* the columns of text, in the order in which they are hashed */
enum { LOGIN, SUDO_USER, HOST, ACTION, USER, TOKEN_SERIAL, CERT_SERIAL, DETAIL };

struct record {
	int64_t id, at;
	const char *text[N_TEXTS];
	size_t len[N_TEXTS];
	unsigned char prev[HASH_LEN], hash[HASH_LEN];
};

static int hash_field(EVP_MD_CTX *md, const void *data, size_t len)
{
	unsigned char head[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8),
				 (unsigned char)len};

	return EVP_DigestUpdate(md, head, sizeof(head)) && EVP_DigestUpdate(md, data, len);
}

static int hash_int(EVP_MD_CTX *md, int64_t v)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
	return hash_field(md, b, sizeof(b));
}

static int record_hash(const struct record *r, unsigned char ret[HASH_LEN], struct err *e)
{
	static const char domain[] = "tokenroll audit record 1";
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, domain, strlen(domain)) &&
		 hash_int(md, r->id) && hash_int(md, r->at);

	for (int i = 0; ok && i < N_TEXTS; i++)
		ok = hash_field(md, r->text[i], r->len[i]);
	ok = ok && hash_field(md, r->prev, HASH_LEN) && EVP_DigestFinal_ex(md, ret, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : err_openssl(e, ERR_FAILED, "cannot compute a SHA-256 for the audit trail");
}

static void find_out_who(struct store *s)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *sudo_user = getenv("SUDO_USER");
	char host[256] = "";

	s->login = pw ? xstrdup(pw->pw_name) : xasprintf("uid %lu", (unsigned long)getuid());
	s->sudo_user = xstrdup(sudo_user && strlen(sudo_user) < 256 ? sudo_user : "");
	if (gethostname(host, sizeof(host) - 1) == -1)
		host[0] = 0;
	s->host = xstrdup(host);
}

/* id and prev follow from the last record there is */
static int follow_last(struct store *s, struct record *r, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	r->id = 1;
	memset(r->prev, 0, HASH_LEN);
	if (query_open(&q, s, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", e) == -1 ||
	    query_next(&q, &row, e) == -1)
		goto out;
	if (row) {
		r->id = query_int(&q, 0) + 1;
		query_bytes(&q, 1, r->prev, HASH_LEN);
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int record_insert(struct store *s, const struct record *r, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "INSERT INTO audit (id, at, login, sudo_user, host, action, user, token_serial, cert_serial,"
		       " detail, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       e) == -1)
		return -1;
	query_put_int(&q, r->id);
	query_put_int(&q, r->at);
	for (int i = 0; i < N_TEXTS; i++)
		query_put_text(&q, r->text[i]);
	query_put_bytes(&q, r->prev, HASH_LEN);
	query_put_bytes(&q, r->hash, HASH_LEN);
	return query_run(&q, e);
}

int audit_append(struct store *s, const struct audit_entry *a, struct err *e)
{
	struct record r = {.at = time(NULL)};
	char *detail = clean_dup(a->detail);
	int rc = -1;

	if (!s->login)
		find_out_who(s);
	r.text[LOGIN] = s->login;
	r.text[SUDO_USER] = s->sudo_user;
	r.text[HOST] = s->host;
	r.text[ACTION] = a->action;
	r.text[USER] = a->user;
	r.text[TOKEN_SERIAL] = a->token_serial;
	r.text[CERT_SERIAL] = a->cert_serial;
	r.text[DETAIL] = detail;
	for (int i = 0; i < N_TEXTS; i++) {
		if (!r.text[i])
			r.text[i] = "";
		r.len[i] = strlen(r.text[i]);
	}
	if (follow_last(s, &r, e) == 0 && record_hash(&r, r.hash, e) == 0)
		rc = record_insert(s, &r, e);
	free(detail);
	return rc;
}

int store_audit(struct store *s, const char *action, const char *user, const char *token_serial, const char *detail,
		struct err *e)
{
	struct audit_entry a = {action, user, token_serial, NULL, detail};

	if (db_begin(s, e) == -1)
		return -1;
	return db_end(s, audit_append(s, &a, e), e);
}

int store_init_begun(struct store *s, const char *user, bool *ret_begun, char ret_serial[17], struct err *e)
{
	struct query q = QUERY_INIT;
	char action[32] = "", serial[17] = "";
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT action, token_serial FROM audit WHERE user = ? AND action IN (?, ?)"
		       " ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, user);
	query_put_text(&q, STORE_TOKEN_INIT);
	query_put_text(&q, cred_state_name(CRED_PLANNED));
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row) {
		query_text(&q, 0, action, sizeof(action));
		query_text(&q, 1, serial, sizeof(serial));
	}
	rc = query_check(&q, e);
	if (rc == 0) {
		*ret_begun = strcmp(action, STORE_TOKEN_INIT) == 0;
		snprintf(ret_serial, sizeof(serial), "%s", *ret_begun ? serial : "");
	}
out:
	query_close(&q);
	return rc;
}

int store_pin_begun(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	char action[32] = "";
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT action FROM audit WHERE token_serial = ? AND action IN (?, ?, ?, ?)"
		       " ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, token_serial);
	query_put_text(&q, STORE_TOKEN_INIT);
	query_put_text(&q, STORE_PIN_INIT);
	query_put_text(&q, STORE_PIN_SET);
	/* where somebody has made a key, there was a PIN to log in with */
	query_put_text(&q, cred_state_name(CRED_KEYED));
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row)
		query_text(&q, 0, action, sizeof(action));
	rc = query_check(&q, e);
	if (rc == 0)
		*ret = row && (strcmp(action, STORE_TOKEN_INIT) == 0 || strcmp(action, STORE_PIN_INIT) == 0);
out:
	query_close(&q);
	return rc;
}

/* The current row of a query over all columns; the texts live until the next row. */
static void record_read(struct query *q, struct record *ret)
{
	ret->id = query_int(q, 0);
	ret->at = query_int(q, 1);
	for (int i = 0; i < N_TEXTS; i++) {
		ret->text[i] = (const char *)sqlite3_column_text(q->st, 2 + i);
		ret->len[i] = (size_t)sqlite3_column_bytes(q->st, 2 + i);
		if (!ret->text[i])
			ret->text[i] = "";
	}
	query_bytes(q, 2 + N_TEXTS, ret->prev, HASH_LEN);
	query_bytes(q, 3 + N_TEXTS, ret->hash, HASH_LEN);
}

static int record_check(struct store *s, const struct record *r, int64_t id, const unsigned char prev[HASH_LEN],
			struct err *e)
{
	unsigned char hash[HASH_LEN];
	const char *fault = NULL;

	if (record_hash(r, hash, e) == -1)
		return -1;
	if (r->id != id)
		fault = "is missing";
	else if (memcmp(r->prev, prev, HASH_LEN) != 0)
		fault = "does not follow from the one before it";
	else if (memcmp(r->hash, hash, HASH_LEN) != 0)
		fault = "was altered";
	if (!fault)
		return 0;
	err_set(e, ERR_STORE, "record %" PRId64 " of the audit trail in %s %s", id, s->path, fault);
	return err_next(e, "Somebody has changed the database by other means. Compare it with a backup.");
}

int store_audit_verify(struct store *s, uint64_t *ret_records, struct err *e)
{
	struct query q = QUERY_INIT;
	unsigned char prev[HASH_LEN] = {0};
	struct record r;
	int64_t n = 0;
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT id, at, login, sudo_user, host, action, user, token_serial, cert_serial, detail, prev,"
		       " hash FROM audit ORDER BY id",
		       e) == -1)
		goto out;
	for (;;) {
		if (query_next(&q, &row, e) == -1)
			goto out;
		if (!row)
			break;
		record_read(&q, &r);
		if (record_check(s, &r, ++n, prev, e) == -1)
			goto out;
		memcpy(prev, r.hash, HASH_LEN);
	}
	*ret_records = (uint64_t)n;
	rc = 0;
out:
	query_close(&q);
	return rc;
}
