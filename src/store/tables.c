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

const char *const tables[] = {
    people, tokens, credentials, certificates, escrow, audit, audit_head, checkpoints,
};
const unsigned n_tables = sizeof tables / sizeof *tables;
