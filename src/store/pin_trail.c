#include "store/pin_trail.h"

#include "core/clean.h"
#include "store/db.h"
#include "store/letter_due.h"

#include <stdlib.h>

/* The one behind k is about k. */
#define WAS_NOT_CHANGED                                                                                             \
	"k.action = 'factory-pin-change' AND (SELECT x.action FROM audit x WHERE x.token_serial = ?1"               \
	" AND x.id > k.id AND x.action IN (" LETTER_PIN_ACTIONS ", 'factory-pin-unchanged') ORDER BY x.id LIMIT 1)" \
	" IS 'factory-pin-unchanged'"

/* Some tokens have a serial number only once they are initialized, which is behind that. */
#define WAS_GIVEN                                                                                                   \
	"k.action <> 'pin-change' AND EXISTS (SELECT 1 FROM audit g WHERE g.action = '" STORE_PIN_GIVEN "'"         \
	" AND g.user = k.user AND g.token_serial IN (?1, '') AND g.id < k.id AND NOT EXISTS (SELECT 1 FROM audit x" \
	" WHERE x.token_serial = ?1 AND x.id > g.id AND x.id < k.id AND x.action IN"                                \
	" ('user-pin-set', 'factory-pin-change', 'pin-change', 'pin-unblock', 'token-wipe')))"

/* What was set up for nobody in particular was prepared for the station. */
#define IS_OWN                                              \
	"(k.action IN ('factory-pin-change', 'pin-change')" \
	" OR (k.action = 'user-pin-set' AND k.user <> '' AND k.detail = ''))"

/* A query about a token as ?1 and a letter as ?2, whose rows are a user and whether it is so. */
static int ask(struct store *s, const char *sql, const char *token_serial, int64_t letter, bool *ret, char ret_user[65],
	       struct err *e)
{
	struct query q = QUERY_INIT;
	char *serial = clean_dup(token_serial); /* as it is in the trail */
	bool row = false, is = false;
	int rc = query_open(&q, s, sql, e);

	if (rc == 0) {
		query_put_text(&q, serial);
		if (letter != 0)
			query_put_int(&q, letter);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0 && row) {
		query_text(&q, 0, ret_user, 65);
		is = query_int(&q, 1) != 0;
	}
	if (rc == 0)
		rc = query_check(&q, e);
	if (rc == 0)
		*ret = is;
	query_close(&q);
	free(serial);
	return rc;
}

int store_pin_own(struct store *s, const char *token_serial, bool *ret, char ret_user[65], struct err *e)
{
	return ask(s,
		   "SELECT k.user, " IS_OWN " AND NOT (" WAS_GIVEN ") FROM audit k"
		   " WHERE k.token_serial = ?1 AND k.action IN (" LETTER_PIN_ACTIONS ")"
		   " AND NOT (" IS_NO_WIPE("k") ") AND NOT (" WAS_NOT_CHANGED
						") AND NOT " PIN_WAS_KEPT("k") " ORDER BY k.id DESC LIMIT 1",
		   token_serial, 0, ret, ret_user, e);
}

int store_pin_refused(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	char user[65];

	return ask(s,
		   "SELECT k.user, k.action = '" STORE_PIN_REFUSED
		   "' FROM audit k WHERE k.token_serial = ?1 AND k.action IN"
		   " (" LETTER_PIN_ACTIONS ", '" STORE_PIN_REFUSED
		   "', 'keyed', 'proven') AND NOT " PIN_WAS_KEPT("k") " ORDER BY k.id DESC LIMIT 1",
		   token_serial, 0, ret, user, e);
}

int store_pin_unreplaced(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	char user[65];

	return ask(s,
		   "SELECT user, action = '" STORE_PIN_UNREPLACED "' FROM audit WHERE token_serial = ?1"
		   " ORDER BY id DESC LIMIT 1",
		   token_serial, 0, ret, user, e);
}

int store_pin_overtaken(struct store *s, const char *token_serial, int64_t letter, bool *ret, struct err *e)
{
	char user[65];

	return ask(s,
		   "SELECT x.user, 1 FROM audit x WHERE x.token_serial = ?1 AND x.action IN"
		   " ('pin-change', 'pin-unblock', 'token-wipe') AND NOT (" IS_NO_WIPE("x") ") AND NOT " PIN_WAS_KEPT(
		       "x") " AND x.id > (SELECT max(m.id) FROM audit m WHERE m.token_serial IN (?1, '')"
			    " AND m.action = 'letter-kept' AND m.detail = 'letter ' || ?2) LIMIT 1",
		   token_serial, letter, ret, user, e);
}
