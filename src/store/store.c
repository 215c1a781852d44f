#include "store/store.h"

#include "core/file.h"
#include "core/xalloc.h"
#include "store/claim.h"
#include "store/copy.h"
#include "store/db.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* up to here a check of the whole file takes no more than two milliseconds */
#define CHECK_ALWAYS_BYTES ((off_t)512 << 10)

static int make_folder(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	struct stat st;
	int rc = 0;

	if (stat(folder, &st) == -1 && errno == ENOENT)
		rc = file_mkdir(folder, 0700, e);
	if (rc == -1 && e) {
		e->code = ERR_STORE;
		err_next(e, "Make the folder, or name another path in section [store] of the configuration.");
	}
	free(copy);
	return rc;
}

static int not_a_file(const char *path, struct err *e)
{
	err_set(e, ERR_STORE, "the database %s is not a file", path);
	return err_next(e, "Name a file as path in section [store] of the configuration.");
}

/* Makes sure of a regular file that only its owner can read; SQLite gives -wal and -shm the same mode. A missing one
 * is made later (see make_database). */
static int check_file(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return not_a_file(path, e);
		/* by name: closing a descriptor of this file would undo SQLite's locks on it */
		if (!(st.st_mode & 077) || chmod(path, 0600) == 0)
			return 0;
	} else if (errno == ENOENT) {
		return 0;
	}
	err_errno(e, ERR_STORE, "cannot use or protect the database %s", path);
	return err_next(e, "Run this as the user who owns the database; its folder must exist and be writable.");
}

/* The path without links, also of a file that is still missing. It also keeps SQLite from taking a name like
 * ":memory:" for something other than a file. */
static char *absolute(const char *path)
{
	char *whole = realpath(path, NULL);
	if (whole != NULL || errno != ENOENT)
		return whole;
	char *for_dir = xstrdup(path), *for_base = xstrdup(path);
	char *folder = realpath(dirname(for_dir), NULL);
	if (folder != NULL)
		whole = xasprintf("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, basename(for_base));
	free(folder);
	free(for_dir);
	free(for_base);
	return whole;
}

static int resolve(struct store *s, const char *path, struct err *e)
{
	if (make_folder(path, e) == -1 || check_file(path, e) == -1)
		return -1;
	s->path = absolute(path);
	if (!s->path)
		return err_errno(e, ERR_STORE, "cannot find the database %s", path);
	return 0;
}

static int connect_db(struct store *s, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
		return db_fail(s, e, "open");
	db_wait(s, true);
	/* an SQL injection or a doctored schema must not get at the file format or at our functions */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return db_exec(s,
		       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		       "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON",
		       e, "open");
}

/* A whole database with its tables, or none: made beside its place without syncing each step, then synced at once. */
static int make_whole(struct store *s, struct err *e)
{
	struct store fresh = {.path = xasprintf("%s-new", s->path), .lock_fd = -1};
	int fd = -1, rc = -1;

	copy_remove(fresh.path);
	fd = open(fresh.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || close(fd) == -1) {
		err_errno(e, ERR_STORE, "cannot make the database %s", s->path);
		err_next(e, "Run this as the user who is to own the database; its folder must be writable.");
		goto out;
	}
	rc = connect_db(&fresh, e);
	if (rc == 0)
		rc = db_exec(&fresh, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY", e, "set up");
	if (rc == 0)
		rc = schema_create(&fresh, e);
	db_close(&fresh);
	if (rc == 0)
		rc = copy_sync(fresh.path, e);
	if (rc == 0 && rename(fresh.path, s->path) == -1)
		rc = err_errno(e, ERR_STORE, "cannot make the database %s", s->path);
out:
	if (rc == -1)
		copy_remove(fresh.path);
	free(fresh.path);
	return rc;
}

static bool is_missing(const struct store *s)
{
	return access(s->path, F_OK) == -1 && errno == ENOENT;
}

/* Whether there is a write-ahead log with something in it. */
static bool has_log(const struct store *s)
{
	char *wal = xasprintf("%s-wal", s->path);
	struct stat st;
	bool there = stat(wal, &st) == 0 && st.st_size > 0;

	free(wal);
	return there;
}

/* The last changes of a database are in its log: with a new database beside it they would be lost. */
static int log_alone(const struct store *s, struct err *e)
{
	err_set(e, ERR_STORE, "the database %s is missing, but not its log with the last changes, %s-wal", s->path,
		s->path);
	return err_next(e,
			"Put the database back beside its log. If it is lost, put the last backup in its place and "
			"move %s-wal and %s-shm away.",
			s->path, s->path);
}

static int make_database(struct store *s, struct err *e)
{
	int rc = 0;

	if (!is_missing(s))
		return 0;
	if (claim_setup(s, e) == -1)
		return -1;
	/* somebody else may have made it while we waited */
	if (is_missing(s))
		rc = has_log(s) ? log_alone(s, e) : make_whole(s, e);
	claim_setup_done(s);
	return rc;
}

static int check_health(struct store *s, bool unclean, struct err *e)
{
	struct stat st;

	if (!unclean && (stat(s->path, &st) == -1 || st.st_size > CHECK_ALWAYS_BYTES))
		return 0;
	return db_check(s, e);
}

int store_open(struct store **ret, const char *path, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));
	bool alone, unclean;
	int rc = -1;

	s->lock_fd = -1;
	if (resolve(s, path, e) == -1 || claim_open(s, &alone, e) == -1 || make_database(s, e) == -1)
		goto out;
	/* a process that used it and did not get to close it has left its log */
	unclean = alone && has_log(s);
	if (connect_db(s, e) == -1 || schema_ensure(s, e) == -1 || check_health(s, unclean, e) == -1)
		goto out;
	*ret = s;
	s = NULL;
	rc = 0;
out:
	store_close(&s);
	return rc;
}

/* A path as part of a URI of SQLite, to be freed. */
static char *escape(const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	char *ret = xcalloc(3 * strlen(path) + 1, 1), *to = ret;
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;
		bool plain = strchr("%?#", *path) == NULL;
		*to++ = plain ? *path : '%';
		if (!plain) {
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return ret;
}

/* As a file that nobody changes: else SQLite would make the files of a log beside it. */
static int connect_unchanging(struct store *s, struct err *e)
{
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	char *path = escape(s->path), *uri = xasprintf("file:%s?immutable=1", path);
	int rc = sqlite3_open_v2(uri, &s->db, flags, NULL);

	free(uri);
	free(path);
	return rc == SQLITE_OK ? 0 : db_fail(s, e, "open");
}

static int peek_at_file(struct store *s, struct store_peek *ret, struct err *e)
{
	struct stat st;

	if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		return not_a_file(s->path, e);
	if (connect_unchanging(s, e) == -1 || schema_version(s, &ret->version, &ret->known, e) == -1)
		return -1;
	/* with changes in a log the file alone need not be whole */
	if (!ret->in_use && db_check(s, e) == -1)
		return -1;
	return access(s->path, W_OK) == 0 ? 0 : db_fail_code(s, SQLITE_READONLY, e, "write to");
}

int store_peek(const char *path, struct store_peek *ret, struct err *e)
{
	struct store s = {.path = absolute(path), .lock_fd = -1};
	int rc = 0;

	*ret = (struct store_peek){.there = false};
	/* its folder is made with it */
	if (s.path == NULL && errno == ENOENT)
		return 0;
	if (s.path == NULL) {
		err_errno(e, ERR_STORE, "cannot find the database %s", path);
		return err_next(e, "Run this as the user who owns the database.");
	}
	ret->there = !is_missing(&s);
	ret->in_use = has_log(&s);
	if (ret->there)
		rc = peek_at_file(&s, ret, e);
	else if (ret->in_use)
		rc = log_alone(&s, e);
	db_close(&s);
	free(s.path);
	return rc;
}

void store_close(struct store **s)
{
	if (!s || !*s)
		return;
	db_close(*s);
	if ((*s)->lock_fd != -1)
		close((*s)->lock_fd);
	free((*s)->path);
	free((*s)->login);
	free((*s)->sudo_user);
	free((*s)->host);
	free(*s);
	*s = NULL;
}
