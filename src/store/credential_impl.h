/*
 * credential_impl: what credential.c shares with the other files of the store
 * that read and change credentials.
 */
#ifndef STORE_CREDENTIAL_IMPL_H
#define STORE_CREDENTIAL_IMPL_H

#include "store/db.h"
#include "store/store.h"

#define ENDED "state IN ('revoked', 'superseded', 'abandoned')"
#define NOT_ENDED "state NOT IN ('revoked', 'superseded', 'abandoned')"

#define SELECT_CREDENTIAL                                                                                            \
	"SELECT c.id, p.name, t.id, t.manufacturer, t.model, t.serial, t.label, c.state, c.key_type, c.cka_id, "     \
	"c.spki,"                                                                                                    \
	" c.csr, c.serial, c.cert, c.cert_serial, c.not_after, c.module, c.pkcs11_id, c.client_module,"              \
	" c.key_attributes, c.enroll_id, c.attestation, c.attested, c.earlier, c.handed_over, c.created, c.changed," \
	" c.way, c.replaces, c.revoke_at, c.revoked, c.reason"                                                       \
	" FROM credentials c JOIN people p ON p.id = c.person JOIN tokens t ON t.id = c.token WHERE c."
#define SELECT_LIVE SELECT_CREDENTIAL NOT_ENDED
#define NEWEST_FIRST " ORDER BY c.id DESC LIMIT 1"
#define THIS_USER " AND p.name = ?"
#define THIS_TOKEN " AND t.serial = ? AND t.model = ? AND t.manufacturer = ?"
#define OTHER_TOKEN " AND NOT (t.serial = ? AND t.model = ? AND t.manufacturer = ?)"
/* a renewed certificate shares its key with the one it replaced, which is not left over, whatever CKA_ID the token has
 * given it since */
#define NOT_IN_USE                                                                               \
	" AND c.removed = 0 AND NOT EXISTS (SELECT 1 FROM credentials l WHERE l.token = c.token" \
	" AND (l.cka_id = c.cka_id OR l.spki = c.spki) AND l." NOT_ENDED ")"

/* The current row of SELECT_CREDENTIAL. */
void credential_read(struct query *q, struct store_credential *c);

/* The one row of a query that was opened and has its values, as store_find gives it; closes the query. */
int credential_take(struct query *q, bool *ret_found, struct store_credential *ret, struct err *e);

/* Writes one that has not ended with its new state. ERR_STORE if the journal says another one than c. */
int credential_update(struct store *s, const struct store_credential *c, enum cred_state to, time_t now, struct err *e);

/* The audit record of a step; before is the name of the state it was in, "" for a new one. */
int credential_audit(struct store *s, const struct store_credential *c, enum cred_state to, const char *before,
		     struct err *e);

/* Fails unless the statement before has changed the one row of c, which was to become what to names. */
int credential_check_changed(struct store *s, const struct store_credential *c, const char *to, struct err *e);

#endif
