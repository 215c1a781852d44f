/*
 * audit_syslog: the audit trail's copy in the system's log, one line a record,
 * so that there is one that whoever may write the database does not own.
 *
 *   tokenroll[4711]: action=keyed user=alice token=1234 cert="" id=12 hash=9F86… login=root sudo=carol detail="…"
 *
 * A value that is not made of letters, digits and ._:@+/- is in double quotes,
 * with \" and \\ in it, so that no token can put words into the log that look
 * like another field.
 */
#ifndef STORE_AUDIT_SYSLOG_H
#define STORE_AUDIT_SYSLOG_H

#include "store/db.h"

/* A record with this number was appended in the transaction under way. */
void audit_syslog_note(struct store *s, int64_t id);

/* It is on disk: says what was noted, if the log is in use. */
void audit_syslog_say(struct store *s);

/* It was rolled back. */
void audit_syslog_forget(struct store *s);

#endif
