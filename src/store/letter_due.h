/*
 * letter_due: which letters are to be printed, as SQL about letters l and
 * roster_people p.
 */
#ifndef STORE_LETTER_DUE_H
#define STORE_LETTER_DUE_H

#define LETTER_NUMBER "'letter ' || l.id"

/* What the trail says where a token gets another PIN. */
#define LETTER_PIN_ACTIONS                                                                                   \
	"'token-init', 'user-pin-init', 'user-pin-set', 'factory-pin-change', 'pin-change', 'pin-unblock', " \
	"'token-wipe'"

/* The change of a PIN that this record X is about was refused by the token: "pin-unchanged" is the next of its kind. */
#define PIN_WAS_KEPT(X)                                                                               \
	"(SELECT u.action FROM audit u WHERE u.token_serial = " X ".token_serial AND u.id > " X ".id" \
	" AND u.action IN (" LETTER_PIN_ACTIONS ", 'pin-unchanged')"                                  \
	" ORDER BY u.id LIMIT 1) IS 'pin-unchanged'"

/* Deleting objects leaves the PIN as it is. */
#define IS_NO_WIPE(X) X ".action = 'token-wipe' AND " X ".detail = 'objects deleted'"

/* A token was proven with the PIN of this letter at the station. A roster can come to write the user in another way. */
#define LETTER_WAS_PROVEN                                                                     \
	"(m.user = p.user OR m.token_serial = p.token_serial) AND m.action = 'letter-proven'" \
	" AND m.detail = " LETTER_NUMBER " AND m.token_serial <> ''"

/* It has had no other one since, as far as the trail knows. */
#define LETTER_PIN_IS_THERE                                                                       \
	"NOT EXISTS (SELECT 1 FROM audit x WHERE x.token_serial = m.token_serial AND x.id > m.id" \
	" AND x.action IN (" LETTER_PIN_ACTIONS                                                   \
	", 'letter-refused') AND NOT (" IS_NO_WIPE("x") ")"                                       \
							" AND NOT " PIN_WAS_KEPT("x") ")"

/* Some token has this letter's PIN, and its person is enrolled on it. */
#define LETTER_IS_TRUE                                                                       \
	"EXISTS (SELECT 1 FROM audit m CROSS JOIN tokens t ON t.serial = m.token_serial"     \
	" CROSS JOIN credentials c ON c.token = t.id CROSS JOIN people o ON o.id = c.person" \
	" WHERE " LETTER_WAS_PROVEN " AND o.name = p.user COLLATE NOCASE"                    \
	" AND c.state = 'delivered' AND c.revoked = 0 AND t.lost = 0 AND " LETTER_PIN_IS_THERE ")"

/* No token has its PIN any more. */
#define LETTER_IS_OVERTAKEN                                                   \
	"(EXISTS (SELECT 1 FROM audit m WHERE " LETTER_WAS_PROVEN ") AND NOT" \
	" EXISTS (SELECT 1 FROM audit m WHERE " LETTER_WAS_PROVEN " AND " LETTER_PIN_IS_THERE "))"

/* Its person was done at the station, or was finished elsewhere and is not being undone. */
#define LETTER_IS_DUE "((p.state = 'done' OR (p.state <> 'running' AND p.cert_serial = '')) AND " LETTER_IS_TRUE ")"

#endif
