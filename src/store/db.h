/*
 * db: what the files of the store share: the connection, queries with bound
 * values, transactions, and the words for what SQLite reports.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "core/blob.h"
#include "core/err.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define DB_IDLE_MAX 16
#define DB_BUSY_TIMEOUT_MS 10000 /* how long another process is waited for */

struct store {
	sqlite3 *db;
	sqlite3_stmt *idle[DB_IDLE_MAX]; /* closed queries, kept because most come again; the latest first */
	char *path;                      /* absolute, links resolved */
	int lock_fd;                     /* PATH-lock, see claim.h */
	/* who is at work, for the audit trail; read when the first record is written */
	char *login, *sudo_user, *host;
	/* for the system's log, see audit_syslog.h: whether, and the records that are on disk soon but not there yet */
	bool syslog;
	int64_t unsaid_from, unsaid_to; /* 0: there are none */
	bool soon;                      /* see db_begin_soon */
	store_wait_fn *on_wait;         /* see store_on_wait */
	void *on_wait_arg;
	int64_t busy_since; /* clock_ms */
};

/* One statement with its place among the bound values. The first failure sticks until query_next reports it. */
struct query {
	struct store *s;
	sqlite3_stmt *st;
	int bound;
	int rc;
	bool odd; /* a column held what this program never writes */
};

#define QUERY_INIT                              \
	{                                       \
		NULL, NULL, 0, SQLITE_OK, false \
	}

/* Fills *e with ERR_STORE from the last SQLite call: the path, why, and what to do. doing completes "cannot …". */
int db_fail(struct store *s, struct err *e, const char *doing);

/* The same for a result code that SQLite gave without leaving it on the connection. */
int db_fail_code(struct store *s, int rc, struct err *e, const char *doing);

/* Runs statements that take no values and whose rows are of no interest. */
int db_exec(struct store *s, const char *sql, struct err *e, const char *doing);

/* The integer in the first column of the first row; 0 if there is no row. */
int db_int(struct store *s, const char *sql, int64_t *ret, struct err *e);

/* Checks the whole file; ERR_STORE if it is damaged. */
int db_check(struct store *s, struct err *e);

/* From here on another process that keeps it locked is waited for, or is not. */
void db_wait(struct store *s, bool wait);

/* Closes the connection, if there is one. */
void db_close(struct store *s);

/* A write transaction. db_end commits if rc is 0, else rolls back and passes the -1 on. */
int db_begin(struct store *s, struct err *e);

/* The same for a change whose loss, when the power fails, is no worse than if the program had ended before it: it is
 * on the disk with the next one that does not go by this. With the system's log in use it is there at once, so that the
 * log has what the trail has, in each process's own lines. */
int db_begin_soon(struct store *s, struct err *e);
int db_end(struct store *s, int rc, struct err *e);

int query_open(struct query *q, struct store *s, const char *sql, struct err *e);
void query_close(struct query *q);

/* Bind the next value. The bytes must stay as they are until the query is closed; no bytes are bound as NULL. */
void query_put_int(struct query *q, int64_t v);
void query_put_text(struct query *q, const char *text);
void query_put_bytes(struct query *q, const void *data, size_t len);

/* Goes to the next row; *ret_row is false behind the last. */
int query_next(struct query *q, bool *ret_row, struct err *e);

/* Runs a statement that has no rows, and closes it. */
int query_run(struct query *q, struct err *e);

/* Read a column of the current row. What does not fit makes the query odd, and reads as empty. */
int64_t query_int(struct query *q, int col);
void query_text(struct query *q, int col, char *ret, size_t size);
void query_blob(struct query *q, int col, struct blob *ret);
void query_bytes(struct query *q, int col, void *ret, size_t len);

/* Fails if a column of this query was odd: somebody else has written into the database. */
int query_check(struct query *q, struct err *e);

#endif
