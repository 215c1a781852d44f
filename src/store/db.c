#include "store/db.h"

#include "core/clock.h"

#include "store/audit_syslog.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define BUSY_STEP_MS 25 /* until it is looked again whether another process has let it go */

struct fault {
	int code; /* primary result code */
	const char *why, *next;
};

static const struct fault faults[] = {
    {SQLITE_NOTADB, "the file is not a database",
     "Move that file away, or name another one as path in section [store] of the configuration. If it was "
     "tokenroll's, put the last backup in its place, or let `tokenroll adopt` make a new one from the PKI."},
    {SQLITE_CORRUPT, "the database is damaged",
     "Move the file and those that end in -wal and -shm away, but keep them, and put the last backup in their place. "
     "Without one, run `tokenroll adopt`, with the tokens plugged in one after the other: the PKI and they tell who "
     "has "
     "what. The audit trail and the SO PINs and PUKs in escrow are in the old file only; 'sqlite3 FILE .recover' saves "
     "what can still be read of it."},
    {SQLITE_FULL, "the disk is full",
     "Make room on that disk, then run the same command again: it goes on where it stopped."},
    {SQLITE_READONLY, "it is not writable",
     "Run this as the user who owns the database, or give that user the right to write the file and its folder."},
    {SQLITE_CANTOPEN, "it cannot be opened",
     "Check that the folder exists and that the user who runs this may write the file and the folder."},
    {SQLITE_PERM, "access is denied",
     "Run this as the user who owns the database, or give that user the right to write the file and its folder."},
    {SQLITE_BUSY, "another program keeps it locked",
     "Close the other program that has the database open, then run the same command again."},
    {SQLITE_IOERR, "reading or writing the disk failed",
     "Check the disk and the kernel's log, then run the same command again: it goes on where it stopped."},
    {SQLITE_CONSTRAINT, "the change contradicts what is already recorded",
     "Nothing was changed. Please report this with the message above."},
    {SQLITE_NOMEM, "memory ran out", "Close other programs, then run the same command again."},
};

static const struct fault unknown_fault = {0, "SQLite refused",
					   "Nothing was changed. Please report this with the message above."};

static const struct fault *fault_of(int rc, int os_error)
{
	int code = rc & 0xff;

	/* a full disk is met as an I/O error when it is the shared memory or a folder that does not grow */
	if (code == SQLITE_IOERR && (os_error == ENOSPC || os_error == EDQUOT))
		code = SQLITE_FULL;
	if (code == SQLITE_CANTOPEN && os_error == EROFS)
		code = SQLITE_READONLY;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].code == code)
			return &faults[i];
	return &unknown_fault;
}

int db_fail_code(struct store *s, int rc, struct err *e, const char *doing)
{
	int os_error = s->db ? sqlite3_system_errno(s->db) : 0;
	const struct fault *f = fault_of(rc, os_error);
	bool own_words = s->db && sqlite3_extended_errcode(s->db) == rc;

	err_set(e, ERR_STORE, "cannot %s the database %s: %s", doing, s->path, f->why);
	err_native(e, "%s%s%s", own_words ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), os_error ? ", " : "",
		   os_error ? strerror(os_error) : "");
	if (f->next[0])
		err_next(e, "%s", f->next);
	return -1;
}

int db_fail(struct store *s, struct err *e, const char *doing)
{
	return db_fail_code(s, sqlite3_extended_errcode(s->db), e, doing);
}

int db_exec(struct store *s, const char *sql, struct err *e, const char *doing)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(s, e, doing);
	return 0;
}

int db_int(struct store *s, const char *sql, int64_t *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row = false;

	if (query_open(&q, s, sql, e) == -1 || query_next(&q, &row, e) == -1) {
		query_close(&q);
		return -1;
	}
	*ret = row ? query_int(&q, 0) : 0;
	query_close(&q);
	return 0;
}

int db_begin(struct store *s, struct err *e)
{
	/* IMMEDIATE: a transaction that begins as a reader may be refused when it comes to write */
	return db_exec(s, "BEGIN IMMEDIATE", e, "begin a change in");
}

static void end_soon(struct store *s)
{
	if (s->soon)
		sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	s->soon = false;
}

/* With a write-ahead log NORMAL leaves out the sync at the end of a transaction, and nothing else. */
int db_begin_soon(struct store *s, struct err *e)
{
	if (s->syslog)
		return db_begin(s, e);
	s->soon = true;
	if (db_exec(s, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", e, "begin a change in") == 0)
		return 0;
	end_soon(s);
	return -1;
}

int db_end(struct store *s, int rc, struct err *e)
{
	bool done = rc == 0 && db_exec(s, "COMMIT", e, "write to") == 0;

	/* SQLite has rolled back by itself after some failures; then there is nothing left to undo */
	if (!done && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (done)
		audit_syslog_say(s);
	else
		audit_syslog_forget(s);
	end_soon(s);
	return done ? 0 : -1;
}

/* An idle statement with this text, which is the caller's then. */
static sqlite3_stmt *idle_take(struct store *s, const char *sql)
{
	for (size_t i = 0; i < DB_IDLE_MAX; i++) {
		sqlite3_stmt *st = s->idle[i];
		if (st && strcmp(sqlite3_sql(st), sql) == 0) {
			s->idle[i] = NULL;
			return st;
		}
	}
	return NULL;
}

static void idle_put(struct store *s, sqlite3_stmt *st)
{
	size_t i = 0;

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	while (i < DB_IDLE_MAX - 1 && s->idle[i])
		i++;
	sqlite3_finalize(s->idle[i]);
	for (; i > 0; i--)
		s->idle[i] = s->idle[i - 1];
	s->idle[0] = st;
}

void db_close(struct store *s)
{
	for (size_t i = 0; i < DB_IDLE_MAX; i++) {
		sqlite3_finalize(s->idle[i]);
		s->idle[i] = NULL;
	}
	sqlite3_close(s->db);
	s->db = NULL;
}

int query_open(struct query *q, struct store *s, const char *sql, struct err *e)
{
	*q = (struct query)QUERY_INIT;
	q->s = s;
	q->st = idle_take(s, sql);
	if (!q->st && sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->st, NULL) != SQLITE_OK)
		return db_fail(s, e, "read");
	return 0;
}

void query_close(struct query *q)
{
	if (q->st)
		idle_put(q->s, q->st);
	q->st = NULL;
}

static void query_bound(struct query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void query_put_int(struct query *q, int64_t v)
{
	query_bound(q, sqlite3_bind_int64(q->st, ++q->bound, v));
}

void query_put_text(struct query *q, const char *text)
{
	query_bound(q, sqlite3_bind_text(q->st, ++q->bound, text ? text : "", -1, SQLITE_STATIC));
}

void query_put_bytes(struct query *q, const void *data, size_t len)
{
	query_bound(q, sqlite3_bind_blob64(q->st, ++q->bound, len ? data : NULL, len, SQLITE_STATIC));
}

int query_next(struct query *q, bool *ret_row, struct err *e)
{
	const char *doing = sqlite3_stmt_readonly(q->st) ? "read" : "write to";

	if (q->rc != SQLITE_OK)
		return db_fail_code(q->s, q->rc, e, doing);
	q->rc = sqlite3_step(q->st);
	if (q->rc != SQLITE_ROW && q->rc != SQLITE_DONE)
		return db_fail_code(q->s, q->rc, e, doing);
	*ret_row = q->rc == SQLITE_ROW;
	q->rc = SQLITE_OK;
	return 0;
}

int query_run(struct query *q, struct err *e)
{
	bool row;
	int rc = query_next(q, &row, e);

	query_close(q);
	return rc;
}

int64_t query_int(struct query *q, int col)
{
	return sqlite3_column_int64(q->st, col);
}

void query_text(struct query *q, int col, char *ret, size_t size)
{
	const unsigned char *text = sqlite3_column_text(q->st, col);
	size_t len = (size_t)sqlite3_column_bytes(q->st, col);

	if (!text || len >= size || memchr(text, 0, len)) {
		/* NULL stands in no column of text */
		q->odd = true;
		len = 0;
	}
	if (len)
		memcpy(ret, text, len);
	ret[len] = 0;
}

void query_blob(struct query *q, int col, struct blob *ret)
{
	const void *data = sqlite3_column_blob(q->st, col);

	blob_set(ret, data, data ? (size_t)sqlite3_column_bytes(q->st, col) : 0);
}

void query_bytes(struct query *q, int col, void *ret, size_t len)
{
	const void *data = sqlite3_column_blob(q->st, col);

	if (!data || (size_t)sqlite3_column_bytes(q->st, col) != len) {
		q->odd = true;
		memset(ret, 0, len);
		return;
	}
	memcpy(ret, data, len);
}

int query_check(struct query *q, struct err *e)
{
	if (!q->odd)
		return 0;
	err_set(e, ERR_STORE, "the database %s holds a record that tokenroll did not write", q->s->path);
	return err_next(e, "Find out which program has changed the file; the last backup has the record as it was.");
}

int db_check(struct store *s, struct err *e)
{
	struct query q = QUERY_INIT;
	char finding[96] = "";
	bool row = false;
	int rc = -1;

	if (query_open(&q, s, "PRAGMA quick_check(1)", e) == -1 || query_next(&q, &row, e) == -1)
		goto out;
	if (row && strcmp((const char *)sqlite3_column_text(q.st, 0), "ok") != 0) {
		snprintf(finding, sizeof(finding), "%s", (const char *)sqlite3_column_text(q.st, 0));
		db_fail_code(s, SQLITE_CORRUPT, e, "open");
		err_native(e, "%s", finding);
		goto out;
	}
	rc = 0;
out:
	query_close(&q);
	return rc;
}

static int on_busy(void *arg, int times)
{
	struct store *s = arg;
	int64_t now = clock_ms();
	if (times == 0)
		s->busy_since = now;
	bool goes_on = now - s->busy_since < DB_BUSY_TIMEOUT_MS &&
		       (s->on_wait == NULL || s->on_wait(s->on_wait_arg, now - s->busy_since));
	int ms = times < BUSY_STEP_MS ? times + 1 : BUSY_STEP_MS;
	if (goes_on)
		nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
	return goes_on;
}

void db_wait(struct store *s, bool wait)
{
	sqlite3_busy_handler(s->db, wait ? on_busy : NULL, s);
}

void store_on_wait(struct store *s, store_wait_fn *fn, void *arg)
{
	s->on_wait = fn;
	s->on_wait_arg = arg;
}
