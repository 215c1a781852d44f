#include "store/tables.h"

static const char people[] = "CREATE TABLE people ("
			     " id INTEGER PRIMARY KEY,"
			     " name TEXT NOT NULL UNIQUE,"
			     " created INTEGER NOT NULL"
			     ") STRICT;";

static const char tokens[] = "CREATE TABLE tokens ("
			     " id INTEGER PRIMARY KEY,"
			     " manufacturer TEXT NOT NULL,"
			     " model TEXT NOT NULL,"
			     " serial TEXT NOT NULL,"
			     " label TEXT NOT NULL,"
			     " created INTEGER NOT NULL,"
			     " profile TEXT NOT NULL DEFAULT '',"
			     " lost INTEGER NOT NULL DEFAULT 0,"
			     " UNIQUE (serial, model, manufacturer)"
			     ") STRICT;"
			     "CREATE INDEX tokens_by_model ON tokens (model);"
			     "CREATE INDEX tokens_lost ON tokens (lost) WHERE lost <> 0;";

/*
 * way is how it came about, replaces the one that a renewal or rekeying takes over from; revoke_at is when a
 * certificate that was replaced is to be revoked (0: it is not waiting for that), revoked and reason tell that it was,
 * by index.txt; a credential that has not ended and is revoked all the same was revoked by another program. The indexes
 * hold all that a list shows, because the rows are big: certificates and requests are in them.
 */
static const char credentials[] =
    "CREATE TABLE credentials ("
    " id INTEGER PRIMARY KEY,"
    " person INTEGER NOT NULL REFERENCES people,"
    " token INTEGER NOT NULL REFERENCES tokens,"
    " state TEXT NOT NULL CHECK (state IN ('planned', 'keyed', 'requested', 'issued', 'written', 'proven', 'delivered',"
    "  'revoked', 'superseded', 'abandoned')),"
    " key_type TEXT NOT NULL,"
    " cka_id BLOB NOT NULL,"
    " spki BLOB,"
    " csr BLOB,"
    " serial BLOB NOT NULL CHECK (length(serial) = 16),"
    " cert BLOB,"
    " cert_serial TEXT NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " module TEXT NOT NULL,"
    " pkcs11_id TEXT NOT NULL,"
    " client_module TEXT NOT NULL,"
    " key_attributes TEXT NOT NULL,"
    " handed_over INTEGER NOT NULL DEFAULT 0 CHECK (handed_over IN (0, 1)),"
    " removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),"
    " created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL,"
    " attestation BLOB,"
    " attested TEXT NOT NULL DEFAULT '',"
    " enroll_id TEXT NOT NULL DEFAULT '',"
    " earlier BLOB,"
    " way TEXT NOT NULL DEFAULT 'enroll' CHECK (way IN ('enroll', 'renew', 'rekey', 'adopt')),"
    " replaces INTEGER REFERENCES credentials,"
    " revoke_at INTEGER NOT NULL DEFAULT 0,"
    " revoked INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '',"
    " CONSTRAINT keyed_has_a_public_key CHECK (spki IS NOT NULL OR"
    "  state NOT IN ('keyed', 'requested', 'issued', 'written', 'proven', 'delivered')),"
    " CONSTRAINT requested_has_a_request CHECK (csr IS NOT NULL OR"
    "  state NOT IN ('requested', 'issued', 'written', 'proven', 'delivered')),"
    " CONSTRAINT issued_has_a_certificate CHECK (cert IS NOT NULL AND cert_serial <> '' OR"
    "  state NOT IN ('issued', 'written', 'proven', 'delivered')),"
    " CONSTRAINT proven_has_an_id CHECK (pkcs11_id <> '' OR state NOT IN ('proven', 'delivered'))"
    ") STRICT;"
    "CREATE INDEX credentials_to_revoke ON credentials (revoke_at) WHERE revoke_at <> 0;"
    "CREATE INDEX credentials_by_person ON credentials (person, token, state, revoked, not_after,"
    " cert_serial);"
    "CREATE INDEX credentials_by_token ON credentials (token, state, revoked, person, not_after,"
    " cert_serial);"
    "CREATE INDEX credentials_by_cert_serial ON credentials (cert_serial, state, revoked, not_after) WHERE"
    " cert_serial <> '';"
    "CREATE INDEX credentials_by_end ON credentials (not_after, state, revoked, person, token, cert_serial);"
    "CREATE INDEX credentials_by_state ON credentials (state, revoked, person, token, not_after,"
    " cert_serial);"
    "CREATE INDEX credentials_by_key ON credentials (spki) WHERE spki IS NOT NULL;";

/* Those that index.txt has and no credential: issued by easy-rsa, and adopted. */
static const char certificates[] =
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
    "CREATE INDEX certificates_by_key ON certificates (spki) WHERE spki IS NOT NULL;";

/*
 * A value is never deleted, and never changed but for its state: what was once sealed may be what is on the token after
 * all.
 */
static const char escrow[] =
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
    "CREATE TRIGGER escrow_no_delete BEFORE DELETE ON escrow BEGIN SELECT RAISE(ABORT, 'what was put into"
    " escrow stays there'); END;"
    "CREATE TRIGGER escrow_no_update BEFORE UPDATE OF id, token, kind, cms, recipients, created ON escrow"
    " BEGIN SELECT RAISE(ABORT, 'what was put into escrow stays as it is'); END;"
    "CREATE TRIGGER escrow_no_replace BEFORE INSERT ON escrow WHEN EXISTS (SELECT 1 FROM escrow WHERE id ="
    " NEW.id) BEGIN SELECT RAISE(ABORT, 'what was put into escrow stays as it is'); END;"
    "CREATE INDEX escrow_pending ON escrow (token) WHERE state = 'pending';";

/*
 * prev and hash chain the records (see audit.h). The triggers refuse every statement that changes one; the one on
 * INSERT is what stops INSERT OR REPLACE, which deletes without asking the trigger on DELETE. audit_head is where the
 * trail ends: without it nobody could tell that its last records are gone. The next record follows from it, so that it
 * does not close the gap, either.
 */
static const char audit[] =
    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " login TEXT NOT NULL,"
    " sudo_user TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " user TEXT NOT NULL,"
    " token_serial TEXT NOT NULL,"
    " cert_serial TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " prev BLOB NOT NULL CHECK (length(prev) = 32),"
    " hash BLOB NOT NULL CHECK (length(hash) = 32)"
    ") STRICT;"
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is"
    " append-only'); END;"
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is"
    " append-only'); END;"
    "CREATE INDEX audit_by_token ON audit (token_serial, action);"
    "CREATE INDEX audit_by_user ON audit (user);"
    "CREATE INDEX audit_by_time ON audit (at);"
    "CREATE TRIGGER audit_only_append BEFORE INSERT ON audit WHEN NEW.id IS NOT (SELECT max(id,"
    " ifnull((SELECT max(id) FROM audit), 0)) + 1 FROM audit_head)  OR NEW.prev IS NOT (SELECT hash FROM"
    " audit_head) BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_moves_head AFTER INSERT ON audit BEGIN UPDATE audit_head SET id = NEW.id, hash ="
    " NEW.hash; END;";

static const char audit_head[] =
    "CREATE TABLE audit_head ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " id INTEGER NOT NULL,"
    " hash BLOB NOT NULL CHECK (length(hash) = 32)"
    ") STRICT;"
    "INSERT INTO audit_head VALUES (1, 0, zeroblob(32));"
    "CREATE TRIGGER audit_head_follows BEFORE UPDATE ON audit_head WHEN NEW.id IS NOT (SELECT max(id) FROM"
    " audit)  OR NEW.hash IS NOT (SELECT hash FROM audit ORDER BY id DESC LIMIT 1) BEGIN SELECT RAISE(ABORT,"
    " 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, 'the audit trail"
    " is append-only'); END;"
    "CREATE TRIGGER audit_head_is_one BEFORE INSERT ON audit_head BEGIN SELECT RAISE(ABORT, 'the audit trail"
    " is append-only'); END;";

static const char checkpoints[] =
    "CREATE TABLE checkpoints ("
    " id INTEGER PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " record INTEGER NOT NULL,"
    " hash BLOB NOT NULL CHECK (length(hash) = 32),"
    " cms BLOB NOT NULL CHECK (length(cms) > 0)"
    ") STRICT;"
    "CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'a"
    " checkpoint stays as it is'); END;"
    "CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'a"
    " checkpoint stays as it is'); END;"
    "CREATE TRIGGER checkpoints_no_replace BEFORE INSERT ON checkpoints WHEN EXISTS (SELECT 1 FROM"
    " checkpoints WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'a checkpoint stays as it is'); END;"
    "CREATE INDEX checkpoints_by_record ON checkpoints (record);";

/*
 * A roster is the file that names people (its absolute path, or "-"); pid, login and terminal are of the station that
 * opened it last.
 */
static const char rosters[] = "CREATE TABLE rosters ("
			      " id INTEGER PRIMARY KEY,"
			      " source TEXT NOT NULL UNIQUE,"
			      " created INTEGER NOT NULL,"
			      " opened INTEGER NOT NULL DEFAULT 0,"
			      " pid INTEGER NOT NULL DEFAULT 0,"
			      " login TEXT NOT NULL DEFAULT '',"
			      " terminal TEXT NOT NULL DEFAULT ''"
			      ") STRICT;";

/*
 * Up to extra it is what the file says, extra being the further columns in JSON, wanted the token_serial; name_key and
 * last_key are the name and its last word if it has several, folded for the search (core/fold.h). reserved is the token
 * that the person waits for and nobody else gets: wanted, or the one that a crash has left half done; front is 1 for
 * those who come before the others in line. code and why are of the last failure; took is milliseconds.
 */
static const char roster_people[] =
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
    "CREATE INDEX roster_people_finished ON roster_people (roster, ended) WHERE state = 'done';";

/*
 * sealed is the PIN, encrypted, until its letter is out of the house and it is dropped; printed is when the letter was
 * printed first, 0 if it was not.
 */
static const char letters[] = "CREATE TABLE letters ("
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
			      "CREATE INDEX letters_printed ON letters (id) WHERE printed <> 0 AND sealed IS NOT NULL;";

/* How long a token of this model took for a key of this type, in milliseconds; only the latest are kept. */
static const char timings[] = "CREATE TABLE timings ("
			      " id INTEGER PRIMARY KEY,"
			      " model TEXT NOT NULL,"
			      " key_type TEXT NOT NULL,"
			      " took INTEGER NOT NULL,"
			      " at INTEGER NOT NULL"
			      ") STRICT;"
			      "CREATE INDEX timings_by_kind ON timings (model, key_type, id, took);";

const char *const tables[] = {
    people,     tokens,      credentials, certificates,  escrow,  audit,
    audit_head, checkpoints, rosters,     roster_people, letters, timings,
};
const unsigned n_tables = sizeof tables / sizeof *tables;
