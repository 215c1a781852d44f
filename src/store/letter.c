#include "store/letter.h"

#include "core/xalloc.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/letter_due.h"
#include "store/roster_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                                       \
	"l.id, l.person, p.user, p.state, l.token_serial, l.sealed, l.created, l.printed, l.reprints, " LETTER_IS_DUE \
	", " LETTER_IS_OVERTAKEN
#define JOINED " FROM letters l CROSS JOIN roster_people p ON p.id = l.person"
#define IS_WAITING " WHERE l.printed = 0 AND l.sealed IS NOT NULL AND (?1 = 0 OR p.roster = ?1)"

static void read_row(struct query *q, struct store_letter *ret)
{
	struct store_letter l = {.id = query_int(q, 0), .person = query_int(q, 1)};

	query_text(q, 2, l.user, sizeof(l.user));
	l.state = roster_state_read(q, 3);
	query_text(q, 4, l.token_serial, sizeof(l.token_serial));
	query_blob(q, 5, &l.sealed);
	l.created = query_int(q, 6);
	l.printed = query_int(q, 7);
	l.reprints = query_int(q, 8);
	l.due = query_int(q, 9) != 0;
	l.overtaken = query_int(q, 10) != 0;
	*ret = l;
}

void store_letter_free(struct store_letter *l)
{
	blob_free(&l->sealed);
	*l = (struct store_letter){.id = 0};
}

/* Reads at most n rows of a query with all its values bound, which is closed. */
static int read_rows(struct query *q, struct store_letter *ret, size_t n, size_t *ret_n, struct err *e)
{
	size_t got = 0;
	bool row = false;
	int rc = 0;

	while (rc == 0 && got < n && (rc = query_next(q, &row, e)) == 0 && row)
		read_row(q, &ret[got++]);
	if (rc == 0)
		rc = query_check(q, e);
	query_close(q);
	if (rc == 0)
		*ret_n = got;
	for (; rc == -1 && got > 0; got--)
		store_letter_free(&ret[got - 1]);
	return rc;
}

static int read_one(struct query *q, bool *ret_found, struct store_letter *ret, struct err *e)
{
	struct store_letter l;
	size_t n = 0;

	if (read_rows(q, &l, 1, &n, e) == -1)
		return -1;
	*ret_found = n == 1;
	if (n == 1)
		*ret = l;
	return 0;
}

int store_letter_find_id(struct store *s, int64_t id, bool *ret_found, struct store_letter *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "SELECT " COLUMNS JOINED " WHERE l.id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return read_one(&q, ret_found, ret, e);
}

int store_letter_find(struct store *s, int64_t person, const char *token_serial, bool *ret_found,
		      struct store_letter *ret, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " COLUMNS JOINED " WHERE l.person = ? AND l.token_serial = ? ORDER BY l.id DESC LIMIT 1",
		       e) == -1)
		return -1;
	query_put_int(&q, person);
	query_put_text(&q, token_serial);
	return read_one(&q, ret_found, ret, e);
}

int store_letters_waiting(struct store *s, int64_t roster, int64_t after, struct store_letter *ret, size_t n,
			  size_t *ret_n, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "SELECT " COLUMNS JOINED IS_WAITING " AND l.id > ?2 ORDER BY l.id LIMIT ?3", e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_int(&q, after);
	query_put_int(&q, (int64_t)n);
	return read_rows(&q, ret, n, ret_n, e);
}

int store_letters_count(struct store *s, int64_t roster, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s, "SELECT count(*)" JOINED IS_WAITING " AND l.id > 0", e);

	if (rc == 0) {
		query_put_int(&q, roster);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? query_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

int store_letters_printed(struct store *s, int64_t roster, struct store_letter *ret, size_t n, size_t *ret_n,
			  struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " COLUMNS JOINED
		       " WHERE l.printed <> 0 AND l.sealed IS NOT NULL AND l.id > 0 AND p.roster = ?1"
		       " ORDER BY l.id LIMIT ?2",
		       e) == -1)
		return -1;
	query_put_int(&q, roster);
	query_put_int(&q, (int64_t)n);
	return read_rows(&q, ret, n, ret_n, e);
}

/* ---- changes */

static int record(struct store *s, const char *action, const struct store_letter *l, struct err *e)
{
	char *detail = xasprintf("letter %" PRId64, l->id);
	struct audit_entry a = {.action = action, .user = l->user, .token_serial = l->token_serial, .detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	return rc;
}

/* One that must be there, as far as it matters for a record. */
static int must_find(struct store *s, int64_t id, struct store_letter *ret, struct err *e)
{
	bool found = false;

	if (store_letter_find_id(s, id, &found, ret, e) == -1)
		return -1;
	if (found)
		return 0;
	err_set(e, ERR_STORE, "the database %s has no PIN letter number %" PRId64, s->path, id);
	return err_next(e, "Nothing was changed. Please report this with the message above.");
}

static int insert(struct store *s, int64_t person, const char *token_serial, const struct blob *sealed, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "INSERT INTO letters (person, token_serial, sealed, created) VALUES (?, ?, ?, ?)", e) ==
	    -1)
		return -1;
	query_put_int(&q, person);
	query_put_text(&q, token_serial);
	query_put_bytes(&q, sealed->data, sealed->len);
	query_put_int(&q, time(NULL));
	return query_run(&q, e);
}

static int nothing_sealed(struct err *e)
{
	err_set(e, ERR_STORE, "there is no sealed PIN to keep for a letter");
	return err_next(e, "Nothing was changed, and the PIN was not set. Please report this with the message above.");
}

int store_letter_put(struct store *s, int64_t person, const char *token_serial, const struct blob *sealed,
		     int64_t *ret_id, struct err *e)
{
	struct store_letter l = {.id = 0};
	int rc;

	if (sealed->len == 0)
		return nothing_sealed(e);
	if (db_begin(s, e) == -1)
		return -1;
	rc = insert(s, person, token_serial, sealed, e);
	if (rc == 0)
		rc = must_find(s, sqlite3_last_insert_rowid(s->db), &l, e);
	if (rc == 0)
		rc = record(s, "letter-kept", &l, e);
	if ((rc = db_end(s, rc, e)) == 0)
		*ret_id = l.id;
	store_letter_free(&l);
	return rc;
}

static int note_printed(struct store *s, const struct store_letter *l, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       l->printed == 0 ? "UPDATE letters SET printed = ?1 WHERE id = ?2"
				       : "UPDATE letters SET reprints = reprints + (?1 > 0) WHERE id = ?2",
		       e) == -1)
		return -1;
	query_put_int(&q, time(NULL));
	query_put_int(&q, l->id);
	return query_run(&q, e);
}

int store_letter_printed(struct store *s, int64_t id, struct err *e)
{
	struct store_letter l = {.id = 0};
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = must_find(s, id, &l, e);
	if (rc == 0)
		rc = note_printed(s, &l, e);
	if (rc == 0)
		rc = record(s, l.printed == 0 ? "letter-printed" : "letter-reprinted", &l, e);
	store_letter_free(&l);
	return db_end(s, rc, e);
}

int store_letter_begun(struct store *s, int64_t id, struct err *e)
{
	struct store_letter l = {.id = 0};
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = must_find(s, id, &l, e);
	if (rc == 0)
		rc = record(s, "letter-begun", &l, e);
	store_letter_free(&l);
	return db_end(s, rc, e);
}

static int forget(struct store *s, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s, "UPDATE letters SET sealed = NULL WHERE id = ?", e) == -1)
		return -1;
	query_put_int(&q, id);
	return query_run(&q, e);
}

/* The log still has the page as it was. While another process reads, it stays so until the next time. */
static void empty_log(struct store *s)
{
	db_wait(s, false);
	sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	db_wait(s, true);
}

int store_letter_drop(struct store *s, int64_t id, struct err *e)
{
	struct store_letter l = {.id = 0};
	int rc;

	if (db_exec(s, "PRAGMA secure_delete = ON", e, "write to") == -1 || db_begin(s, e) == -1)
		return -1;
	rc = must_find(s, id, &l, e);
	if (rc == 0 && l.sealed.len != 0)
		rc = forget(s, id, e);
	if (rc == 0 && l.sealed.len != 0)
		rc = record(s, "letter-dropped", &l, e);
	store_letter_free(&l);
	if (db_end(s, rc, e) == -1)
		return -1;
	empty_log(s);
	return 0;
}

static int find_other(struct store *s, int64_t person, int64_t id, bool *ret_found, struct store_letter *ret,
		      struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "SELECT " COLUMNS JOINED
		       " WHERE l.person = ? AND l.id <> ? AND l.sealed IS NOT NULL ORDER BY l.id LIMIT 1",
		       e) == -1)
		return -1;
	query_put_int(&q, person);
	query_put_int(&q, id);
	return read_one(&q, ret_found, ret, e);
}

/* 0 if there is none. */
static int find_true(struct store *s, int64_t person, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;
	int rc = query_open(&q, s,
			    "SELECT l.id" JOINED " WHERE l.person = ? AND l.sealed IS NOT NULL AND " LETTER_IS_TRUE
			    " ORDER BY l.id DESC LIMIT 1",
			    e);

	if (rc == 0) {
		query_put_int(&q, person);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0)
		*ret = row ? query_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

int store_letters_settle(struct store *s, int64_t person, int64_t id, struct err *e)
{
	struct store_letter l = {.id = 0};
	bool found = false;
	int rc = id != 0 ? 0 : find_true(s, person, &id, e);

	while (rc == 0 && (rc = find_other(s, person, id, &found, &l, e)) == 0 && found) {
		rc = store_letter_drop(s, l.id, e);
		store_letter_free(&l);
		if (rc == -1)
			return -1;
	}
	return rc;
}
