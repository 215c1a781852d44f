#include "store/audit.h"

#include "core/clean.h"
#include "core/xalloc.h"
#include "store/audit_record.h"
#include "store/audit_syslog.h"
#include "store/store.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void audit_find_who(struct store *s)
{
	if (s->login)
		return;
	const struct passwd *pw = getpwuid(getuid());
	const char *sudo_user = getenv("SUDO_USER");
	char host[256] = "";

	s->login = pw ? xstrdup(pw->pw_name) : xasprintf("uid %lu", (unsigned long)getuid());
	s->sudo_user = xstrdup(sudo_user && strlen(sudo_user) < 256 ? sudo_user : "");
	if (gethostname(host, sizeof(host) - 1) == -1)
		host[0] = 0;
	s->host = xstrdup(host);
}

static int headless(struct store *s, struct err *e)
{
	err_set(e, ERR_STORE, "the database %s does not know any more where its audit trail ends: audit_head is empty",
		s->path);
	return err_next(e, "Somebody has changed the database by other means. Put the last backup in its place.");
}

/*
 * id and prev follow from where the trail ends by audit_head, not from the last record that is left: else the next
 * record would close the gap behind which others were removed.
 */
static int follow_head(struct store *s, struct audit_record *r, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	if (query_open(&q, s, "SELECT max(id, ifnull((SELECT max(id) FROM audit), 0)) + 1, hash FROM audit_head", e) ==
		-1 ||
	    query_next(&q, &row, e) == -1)
		goto out;
	if (!row) {
		headless(s, e);
		goto out;
	}
	r->id = query_int(&q, 0);
	query_bytes(&q, 1, r->prev, AUDIT_HASH_LEN);
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static int record_insert(struct store *s, const struct audit_record *r, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", e) ==
	    -1)
		return -1;
	query_put_int(&q, r->id);
	query_put_int(&q, r->at);
	for (int i = 0; i < AUDIT_TEXTS; i++)
		query_put_text(&q, r->text[i]);
	query_put_bytes(&q, r->prev, AUDIT_HASH_LEN);
	query_put_bytes(&q, r->hash, AUDIT_HASH_LEN);
	return query_run(&q, e);
}

static int append(struct store *s, struct audit_record *r, struct err *e)
{
	struct audit_hasher h = AUDIT_HASHER_INIT;
	int rc = -1;

	if (follow_head(s, r, e) == 0 && audit_hasher_open(&h, e) == 0 &&
	    audit_record_hash(&h, r, r->id, r->hash, e) == 0)
		rc = record_insert(s, r, e);
	if (rc == 0)
		audit_syslog_note(s, r->id);
	audit_hasher_close(&h);
	return rc;
}

/* What a token says of itself, or the environment, may hold anything: a record is one line of text. */
int audit_append(struct store *s, const struct audit_entry *a, struct err *e)
{
	struct audit_record r = {.at = time(NULL)};
	char *clean[AUDIT_TEXTS];
	int rc;

	audit_find_who(s);
	const char *const raw[AUDIT_TEXTS] = {[AUDIT_LOGIN] = s->login,
					      [AUDIT_SUDO_USER] = s->sudo_user,
					      [AUDIT_HOST] = s->host,
					      [AUDIT_ACTION] = a->action,
					      [AUDIT_USER] = a->user,
					      [AUDIT_TOKEN_SERIAL] = a->token_serial,
					      [AUDIT_CERT_SERIAL] = a->cert_serial,
					      [AUDIT_DETAIL] = a->detail};
	for (int i = 0; i < AUDIT_TEXTS; i++) {
		r.text[i] = clean[i] = clean_dup(raw[i]);
		r.len[i] = strlen(clean[i]);
	}
	rc = append(s, &r, e);
	for (int i = 0; i < AUDIT_TEXTS; i++)
		free(clean[i]);
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
