#include "store/copy.h"

#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every change has its audit record in the same transaction, so two databases with the same last record are alike. */
struct head {
	int64_t version, id;
	unsigned char hash[32];
};

int copy_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd != -1 ? fsync(fd) : -1;

	if (rc == -1)
		err_errno(e, ERR_STORE, "cannot write the new database %s", path);
	if (fd != -1)
		close(fd);
	return rc;
}

void copy_remove(const char *path)
{
	static const char *const parts[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *part = xasprintf("%s%s", path, parts[i]);

		unlink(part);
		free(part);
	}
}

static int read_head(struct store *s, struct head *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	bool row;
	int rc = -1;

	*ret = (struct head){0};
	if (db_int(s, "PRAGMA user_version", &ret->version, e) == -1 ||
	    query_open(&q, s, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", e) == -1 ||
	    query_next(&q, &row, e) == -1)
		goto out;
	if (row) {
		ret->id = query_int(&q, 0);
		query_bytes(&q, 1, ret->hash, sizeof(ret->hash));
	}
	rc = query_check(&q, e);
out:
	query_close(&q);
	return rc;
}

static bool same_head(const struct head *a, const struct head *b)
{
	return a->version == b->version && a->id == b->id && memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* Whether the file is a copy of what the database holds now; a file that cannot be read is none. */
static int is_current(struct store *s, char *path, bool *ret, struct err *e)
{
	struct store old = {.path = path, .lock_fd = -1};
	struct head ours, theirs;
	int rc = read_head(s, &ours, e);

	*ret = rc == 0 &&
	       sqlite3_open_v2(path, &old.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	       read_head(&old, &theirs, NULL) == 0 && same_head(&ours, &theirs) && db_check(&old, NULL) == 0;
	db_close(&old);
	return rc;
}

static int check_old(struct store *s, char *path, struct err *e)
{
	bool current;

	if (is_current(s, path, &current, e) == -1)
		return -1;
	if (current)
		return 0;
	err_set(
	    e, ERR_STORE,
	    "before this version can use the database %s a copy is kept as %s, but there is another file of that name",
	    s->path, path);
	return err_next(e, "Nothing was changed. Move %s elsewhere, then run the same command again.", path);
}

static int make_empty(const char *path, struct err *e)
{
	int fd;

	copy_remove(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd != -1 && close(fd) == 0)
		return 0;
	err_errno(e, ERR_STORE, "cannot make %s for a copy of the database", path);
	return err_next(e, "Run this as the user who owns the database; its folder must be writable.");
}

static int open_db(struct store *s, int flags, struct err *e)
{
	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	return sqlite3_open_v2(s->path, &s->db, flags, NULL) == SQLITE_OK ? 0 : db_fail(s, e, "open");
}

/* SQLite's own way to copy, which also takes along what is still in the log. */
static int copy_pages(struct store *to, struct store *from, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");

	if (!b)
		return db_fail(to, e, "copy to");
	sqlite3_backup_step(b, -1);
	int rc = sqlite3_backup_finish(b);

	return rc == SQLITE_OK ? 0 : db_fail_code(to, rc, e, "copy to");
}

static int fill(struct store *s, char *path, struct err *e)
{
	/* a connection that is in a transaction to write cannot be copied from; another one sees what was there before
	 * it, and nobody else can write now */
	struct store from = {.path = s->path, .lock_fd = -1}, copy = {.path = path, .lock_fd = -1};
	int rc = open_db(&from, SQLITE_OPEN_READONLY, e);

	if (rc == 0)
		rc = open_db(&copy, SQLITE_OPEN_READWRITE, e);
	/* it is synced as a whole, and begun anew if it is not finished */
	if (rc == 0)
		rc = db_exec(&copy, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", e, "write to");
	if (rc == 0)
		rc = copy_pages(&copy, &from, e);
	/* one file, without a log of its own */
	if (rc == 0)
		rc = db_exec(&copy, "PRAGMA journal_mode = DELETE", e, "write to");
	db_close(&copy);
	db_close(&from);
	return rc;
}

static int put_in_place(const char *from, const char *to, struct err *e)
{
	char *for_dir = xstrdup(to);
	int rc = copy_sync(from, e);

	if (rc == 0 && rename(from, to) == -1)
		rc = err_errno(e, ERR_STORE, "cannot keep a copy of the database as %s", to);
	if (rc == 0)
		rc = file_sync_dir(dirname(for_dir), e);
	free(for_dir);
	return rc;
}

static int make_copy(struct store *s, const char *path, struct err *e)
{
	/* the name that a new database has until it is whole, too: what is to be hidden from a token's module and the
	 * mail is known by its name */
	char *temp = xasprintf("%s-new", s->path);
	int rc = make_empty(temp, e);

	if (rc == 0)
		rc = fill(s, temp, e);
	if (rc == 0)
		rc = put_in_place(temp, path, e);
	if (rc == -1)
		copy_remove(temp);
	free(temp);
	return rc;
}

int copy_keep(struct store *s, int64_t version, struct err *e)
{
	char *path = xasprintf("%s.v%lld", s->path, (long long)version);
	/* a damaged database is not worth keeping, and must not be changed */
	int rc = db_check(s, e);

	if (rc == 0)
		rc = access(path, F_OK) == 0 ? check_old(s, path, e) : make_copy(s, path, e);
	free(path);
	return rc;
}
