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

/* The change of a PIN that this record X is about was refused by the token: "pin-unchanged" follows at once. */
#define PIN_WAS_KEPT(X)                                                                               \
	"(SELECT u.action FROM audit u WHERE u.token_serial = " X ".token_serial AND u.id > " X ".id" \
	" ORDER BY u.id LIMIT 1) IS 'pin-unchanged'"

/* A token was proven with the PIN of this letter at the station, has had no other one since as far as the trail knows,
 * and its person is enrolled on it. */
#define LETTER_IS_TRUE                                                                                 \
	"EXISTS (SELECT 1 FROM audit m JOIN tokens t ON t.serial = m.token_serial"                     \
	" JOIN credentials c ON c.token = t.id JOIN people o ON o.id = c.person"                       \
	" WHERE m.user = p.user AND m.action = 'letter-proven' AND m.detail = " LETTER_NUMBER          \
	" AND m.token_serial <> '' AND o.name = p.user AND c.state = 'delivered' AND t.lost = 0"       \
	" AND NOT EXISTS (SELECT 1 FROM audit x WHERE x.token_serial = m.token_serial AND x.id > m.id" \
	" AND x.action IN (" LETTER_PIN_ACTIONS ", 'letter-refused') AND NOT " PIN_WAS_KEPT("x") "))"

/* Its person was done at the station, or was finished elsewhere and is not being undone. */
#define LETTER_IS_DUE "(p.state = 'done' OR (p.state <> 'running' AND p.cert_serial = '' AND " LETTER_IS_TRUE "))"

#endif
