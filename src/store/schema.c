#include "store/schema.h"

#include "core/xalloc.h"
#include "store/audit.h"
#include "store/claim.h"
#include "store/copy.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x746b726c /* "tkrl" */

static const char schema_2[] =
    "ALTER TABLE tokens ADD COLUMN profile TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE credentials ADD COLUMN attestation BLOB;"
    "ALTER TABLE credentials ADD COLUMN attested TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE credentials ADD COLUMN enroll_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE credentials ADD COLUMN earlier BLOB;"

    "CREATE INDEX audit_by_token ON audit (token_serial, action);"

    "CREATE TABLE escrow ("
    " id INTEGER PRIMARY KEY,"
    " token INTEGER NOT NULL REFERENCES tokens,"
    " kind TEXT NOT NULL CHECK (kind IN ('so-pin', 'puk')),"
    " cms BLOB NOT NULL CHECK (length(cms) > 0),"
    " recipients TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'replaced')),"
    " created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX escrow_by_token ON escrow (token, kind);"
    "CREATE UNIQUE INDEX escrow_one_is_confirmed ON escrow (token, kind) WHERE state = 'confirmed';"
    "CREATE TRIGGER escrow_no_delete BEFORE DELETE ON escrow BEGIN"
    " SELECT RAISE(ABORT, 'what was put into escrow stays there'); END;"
    "CREATE TRIGGER escrow_no_update BEFORE UPDATE OF id, token, kind, cms, recipients, created ON escrow BEGIN"
    " SELECT RAISE(ABORT, 'what was put into escrow stays as it is'); END;"
    "CREATE TRIGGER escrow_no_replace BEFORE INSERT ON escrow"
    " WHEN EXISTS (SELECT 1 FROM escrow WHERE id = NEW.id) BEGIN"
    " SELECT RAISE(ABORT, 'what was put into escrow stays as it is'); END;";

static const char schema_3[] =
    "ALTER TABLE tokens ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;"

    "ALTER TABLE credentials ADD COLUMN way TEXT NOT NULL DEFAULT 'enroll'"
    " CHECK (way IN ('enroll', 'renew', 'rekey', 'adopt'));"
    "ALTER TABLE credentials ADD COLUMN replaces INTEGER REFERENCES credentials;"
    "ALTER TABLE credentials ADD COLUMN revoke_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE credentials ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE credentials ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX credentials_to_revoke ON credentials (revoke_at) WHERE revoke_at <> 0;"
    "DROP INDEX credentials_by_person;"
    "DROP INDEX credentials_by_token;"
    "DROP INDEX credentials_by_cert_serial;"
    "CREATE INDEX credentials_by_person ON credentials (person, token, state, revoked, not_after, cert_serial);"
    "CREATE INDEX credentials_by_token ON credentials (token, state, revoked, person, not_after, cert_serial);"
    "CREATE INDEX credentials_by_cert_serial ON credentials (cert_serial, state, revoked, not_after)"
    " WHERE cert_serial <> '';"
    "CREATE INDEX credentials_by_end ON credentials (not_after, state, revoked, person, token, cert_serial);"
    "CREATE INDEX credentials_by_state ON credentials (state, revoked, person, token, not_after, cert_serial);"
    "CREATE INDEX credentials_by_key ON credentials (spki) WHERE spki IS NOT NULL;"
    "CREATE INDEX tokens_by_model ON tokens (model);"
    "CREATE INDEX tokens_lost ON tokens (lost) WHERE lost <> 0;"
    "CREATE INDEX escrow_pending ON escrow (token) WHERE state = 'pending';"

    "CREATE TABLE certificates ("
    " id INTEGER PRIMARY KEY,"
    " person INTEGER NOT NULL REFERENCES people,"
    " cert_serial TEXT NOT NULL UNIQUE,"
    " subject TEXT NOT NULL,"
    " purpose TEXT NOT NULL DEFAULT '' CHECK (purpose IN ('', 'client', 'server', 'both')),"
    " state TEXT NOT NULL CHECK (state IN ('valid', 'revoked', 'expired')),"
    " not_after INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '',"
    " spki BLOB,"
    " cert BLOB,"
    " created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX certificates_by_person ON certificates (person, state, not_after, cert_serial, purpose);"
    "CREATE INDEX certificates_by_cert_serial ON certificates (cert_serial, state, not_after);"
    "CREATE INDEX certificates_by_end ON certificates (not_after, state, person, cert_serial, purpose);"
    "CREATE INDEX certificates_by_state ON certificates (state, person, not_after, cert_serial, purpose);"
    "CREATE INDEX certificates_by_key ON certificates (spki) WHERE spki IS NOT NULL;"

    "CREATE INDEX audit_by_user ON audit (user);"
    "CREATE INDEX audit_by_time ON audit (at);"
    "CREATE TABLE audit_head ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " id INTEGER NOT NULL,"
    " hash BLOB NOT NULL CHECK (length(hash) = 32)"
    ") STRICT;"
    "INSERT INTO audit_head SELECT 1, ifnull(max(id), 0),"
    " ifnull((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), zeroblob(32)) FROM audit;"
    "DROP TRIGGER audit_only_append;"
    "CREATE TRIGGER audit_only_append BEFORE INSERT ON audit"
    " WHEN NEW.id IS NOT (SELECT max(id, ifnull((SELECT max(id) FROM audit), 0)) + 1 FROM audit_head)"
    "  OR NEW.prev IS NOT (SELECT hash FROM audit_head) BEGIN"
    " SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_moves_head AFTER INSERT ON audit BEGIN"
    " UPDATE audit_head SET id = NEW.id, hash = NEW.hash; END;"
    "CREATE TRIGGER audit_head_follows BEFORE UPDATE ON audit_head"
    " WHEN NEW.id IS NOT (SELECT max(id) FROM audit)"
    "  OR NEW.hash IS NOT (SELECT hash FROM audit ORDER BY id DESC LIMIT 1) BEGIN"
    " SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head BEGIN"
    " SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_head_is_one BEFORE INSERT ON audit_head BEGIN"
    " SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"
    "CREATE TABLE checkpoints ("
    " id INTEGER PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " record INTEGER NOT NULL,"
    " hash BLOB NOT NULL CHECK (length(hash) = 32),"
    " cms BLOB NOT NULL CHECK (length(cms) > 0)"
    ") STRICT;"
    "CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints BEGIN"
    " SELECT RAISE(ABORT, 'a checkpoint stays as it is'); END;"
    "CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints BEGIN"
    " SELECT RAISE(ABORT, 'a checkpoint stays as it is'); END;"
    "CREATE TRIGGER checkpoints_no_replace BEFORE INSERT ON checkpoints"
    " WHEN EXISTS (SELECT 1 FROM checkpoints WHERE id = NEW.id) BEGIN"
    " SELECT RAISE(ABORT, 'a checkpoint stays as it is'); END;"
    "CREATE INDEX checkpoints_by_record ON checkpoints (record);";

static const char schema_4[] =
    "CREATE TABLE rosters ("
    " id INTEGER PRIMARY KEY,"
    " source TEXT NOT NULL UNIQUE,"
    " created INTEGER NOT NULL,"
    " opened INTEGER NOT NULL DEFAULT 0,"
    " pid INTEGER NOT NULL DEFAULT 0,"
    " login TEXT NOT NULL DEFAULT '',"
    " terminal TEXT NOT NULL DEFAULT ''"
    ") STRICT;"

    "CREATE TABLE roster_people ("
    " id INTEGER PRIMARY KEY,"
    " roster INTEGER NOT NULL REFERENCES rosters,"
    " line INTEGER NOT NULL,"
    " user TEXT NOT NULL COLLATE NOCASE,"
    " name TEXT NOT NULL,"
    " email TEXT NOT NULL COLLATE NOCASE,"
    " department TEXT NOT NULL,"
    " language TEXT NOT NULL,"
    " wanted TEXT NOT NULL,"
    " key_type TEXT NOT NULL,"
    " extra TEXT NOT NULL,"
    " name_key TEXT NOT NULL,"
    " last_key TEXT NOT NULL,"
    " state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'held', 'skipped', 'failed',"
    "  'done')),"
    " withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),"
    " front INTEGER NOT NULL DEFAULT 0 CHECK (front IN (0, 1)),"
    " reserved TEXT NOT NULL COLLATE NOCASE,"
    " code TEXT NOT NULL DEFAULT '',"
    " why TEXT NOT NULL DEFAULT '',"
    " token_serial TEXT NOT NULL DEFAULT '' COLLATE NOCASE,"
    " token_model TEXT NOT NULL DEFAULT '',"
    " token_label TEXT NOT NULL DEFAULT '',"
    " cert_serial TEXT NOT NULL DEFAULT '',"
    " reader TEXT NOT NULL DEFAULT '',"
    " began INTEGER NOT NULL DEFAULT 0,"
    " ended INTEGER NOT NULL DEFAULT 0,"
    " took INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (roster, user),"
    " CONSTRAINT done_has_a_certificate CHECK (state <> 'done' OR token_serial <> '' AND cert_serial <> '')"
    ") STRICT;"
    "CREATE INDEX roster_people_by_state ON roster_people (roster, state, line, withdrawn);"
    "CREATE INDEX roster_people_in_line ON roster_people (roster, front DESC, line)"
    " WHERE state = 'waiting' AND reserved = '' AND withdrawn = 0;"
    "CREATE INDEX roster_people_by_email ON roster_people (roster, email) WHERE email <> '';"
    "CREATE INDEX roster_people_by_name ON roster_people (roster, name_key) WHERE name_key <> '';"
    "CREATE INDEX roster_people_by_last ON roster_people (roster, last_key) WHERE last_key <> '';"
    "CREATE INDEX roster_people_reserved ON roster_people (reserved, roster) WHERE reserved <> '';"
    "CREATE INDEX roster_people_by_token ON roster_people (token_serial, roster) WHERE token_serial <> '';"
    "CREATE INDEX roster_people_finished ON roster_people (roster, ended) WHERE state = 'done';"

    "CREATE TABLE letters ("
    " id INTEGER PRIMARY KEY,"
    " person INTEGER NOT NULL REFERENCES roster_people,"
    " token_serial TEXT NOT NULL,"
    " sealed BLOB CHECK (length(sealed) > 0),"
    " created INTEGER NOT NULL,"
    " printed INTEGER NOT NULL DEFAULT 0,"
    " reprints INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX letters_by_person ON letters (person, id);"
    "CREATE INDEX letters_waiting ON letters (id) WHERE printed = 0 AND sealed IS NOT NULL;"
    "CREATE INDEX letters_printed ON letters (id) WHERE printed <> 0 AND sealed IS NOT NULL;"

    "CREATE TABLE timings ("
    " id INTEGER PRIMARY KEY,"
    " model TEXT NOT NULL,"
    " key_type TEXT NOT NULL,"
    " took INTEGER NOT NULL,"
    " at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX timings_by_kind ON timings (model, key_type, id, took);";

/* migrations[n] leads from version n to n + 1; where they lead to is what tables.c has at once */
static const char *const migrations[] = {
    [1] = schema_2,
    [2] = schema_3,
    [3] = schema_4,
};

#define SCHEMA_VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

static int refuse_stranger(struct store *s, struct err *e)
{
	err_set(e, ERR_STORE, "the database %s belongs to another program", s->path);
	return err_next(e, "Name another file as path in section [store] of the configuration.");
}

/* The database's version; 0 for an empty one. */
static int read_version(struct store *s, int64_t *ret, struct err *e)
{
	int64_t application = 0, version = 0, objects = 0;

	if (db_int(s, "PRAGMA application_id", &application, e) == -1 ||
	    db_int(s, "PRAGMA user_version", &version, e) == -1 ||
	    db_int(s, "SELECT count(*) FROM sqlite_schema", &objects, e) == -1)
		return -1;
	if (application == 0 && version == 0 && objects == 0) {
		*ret = 0;
		return 0;
	}
	if (application != APPLICATION_ID || version < 1)
		return refuse_stranger(s, e);
	if (version > SCHEMA_VERSION) {
		err_set(e, ERR_STORE,
			"the database %s was written by a newer tokenroll (its version is %lld, this one knows %lld)",
			s->path, (long long)version, (long long)SCHEMA_VERSION);
		return err_next(e, "Use the newer tokenroll for this database.");
	}
	*ret = version;
	return 0;
}

int schema_version(struct store *s, int64_t *ret, int64_t *ret_known, struct err *e)
{
	*ret_known = SCHEMA_VERSION;
	return read_version(s, ret, e);
}

static int turn_on_wal(struct store *s, struct err *e)
{
	struct query q = QUERY_INIT;
	char mode[16] = "";
	bool row;
	int rc = -1;

	if (query_open(&q, s, "PRAGMA journal_mode = WAL", e) == -1 || query_next(&q, &row, e) == -1)
		goto out;
	if (row)
		query_text(&q, 0, mode, sizeof(mode));
	if (strcmp(mode, "wal") != 0) {
		err_set(e, ERR_STORE, "the file system of the database %s has no shared memory for SQLite", s->path);
		err_next(e, "Put the database on a local disk: path in section [store] of the configuration.");
		goto out;
	}
	rc = 0;
out:
	query_close(&q);
	return rc;
}

static int set_version(struct store *s, int64_t version, struct err *e)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %lld", APPLICATION_ID,
		 (long long)version);
	return db_exec(s, sql, e, "set up");
}

static int audit_upgrade(struct store *s, int64_t from, struct err *e)
{
	char *detail = xasprintf("version %lld to %lld, the old one is kept beside it", (long long)from,
				 (long long)SCHEMA_VERSION);
	struct audit_entry a = {.action = "database-upgraded", .detail = detail};
	int rc = audit_append(s, &a, e);

	free(detail);
	return rc;
}

/* All steps in one transaction, and the copy in it, too: nobody can write between the two. */
static int upgrade(struct store *s, int64_t from, struct err *e)
{
	int rc;

	if (db_begin(s, e) == -1)
		return -1;
	rc = copy_keep(s, from, e);
	for (int64_t version = from; rc == 0 && version < SCHEMA_VERSION; version++)
		rc = db_exec(s, migrations[version], e, "set up");
	if (rc == 0)
		rc = set_version(s, SCHEMA_VERSION, e);
	if (rc == 0)
		rc = audit_upgrade(s, from, e);
	return db_end(s, rc, e);
}

/* The log is turned on last: with it everything would be written twice. */
int schema_create(struct store *s, struct err *e)
{
	int rc = 0;

	if (db_begin(s, e) == -1)
		return -1;
	for (unsigned i = 0; rc == 0 && i < n_tables; i++)
		rc = db_exec(s, tables[i], e, "set up");
	if (rc == 0)
		rc = set_version(s, SCHEMA_VERSION, e);
	if (db_end(s, rc, e) == -1)
		return -1;
	return turn_on_wal(s, e);
}

int schema_ensure(struct store *s, struct err *e)
{
	int64_t version = 0;
	int rc;

	if (read_version(s, &version, e) == -1)
		return -1;
	if (version == SCHEMA_VERSION)
		return turn_on_wal(s, e);
	if (claim_setup(s, e) == -1)
		return -1;
	/* somebody else may have done it while we waited */
	rc = read_version(s, &version, e);
	if (rc == 0 && version == 0)
		rc = schema_create(s, e);
	else if (rc == 0)
		rc = turn_on_wal(s, e);
	if (rc == 0 && version > 0 && version < SCHEMA_VERSION)
		rc = upgrade(s, version, e);
	claim_setup_done(s);
	return rc;
}
