#include "core/clean.h"
#include "core/xalloc.h"
#include "store/audit.h"
#include "store/letter_due.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

int store_init_begun(struct store *s, const char *user, bool *ret_begun, char ret_serial[17], struct err *e)
{
	struct query q = QUERY_INIT;
	char action[32] = "", serial[17] = "";
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT action, token_serial FROM audit WHERE user = ? AND action IN (?, ?)"
		       " ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, user);
	query_put_text(&q, STORE_TOKEN_INIT);
	query_put_text(&q, cred_state_name(CRED_PLANNED));
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row) {
		query_text(&q, 0, action, sizeof(action));
		query_text(&q, 1, serial, sizeof(serial));
	}
	rc = query_check(&q, e);
	if (rc == 0) {
		*ret_begun = strcmp(action, STORE_TOKEN_INIT) == 0;
		snprintf(ret_serial, sizeof(serial), "%s", *ret_begun ? serial : "");
	}
out:
	query_close(&q);
	return rc;
}

/* The last of these actions, as SQL, that the trail has of a token; "" if there is none. */
static int last_of(struct store *s, const char *token_serial, const char *actions, char ret[32], struct err *e)
{
	struct query q = QUERY_INIT;
	char *serial = clean_dup(token_serial); /* as it is in the trail */
	char *sql = xasprintf(
	    "SELECT k.action FROM audit k WHERE k.token_serial = ? AND k.action IN (%s) AND NOT " PIN_WAS_KEPT(
		"k") " ORDER BY k.id DESC LIMIT 1",
	    actions);
	bool row;
	int rc = -1;

	ret[0] = '\0';
	if (query_open(&q, s, sql, e) == -1)
		goto out;
	query_put_text(&q, serial);
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row)
		query_text(&q, 0, ret, 32);
	rc = query_check(&q, e);
out:
	query_close(&q);
	free(sql);
	free(serial);
	return rc;
}

int store_pin_begun(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	/* where somebody has made a key, there was a PIN to log in with */
	static const char actions[] = "'" STORE_TOKEN_INIT "', '" STORE_PIN_INIT "', '" STORE_PIN_SET "', 'keyed'";
	char last[32];

	if (last_of(s, token_serial, actions, last, e) == -1)
		return -1;
	*ret = strcmp(last, STORE_TOKEN_INIT) == 0 || strcmp(last, STORE_PIN_INIT) == 0;
	return 0;
}

int store_replace_begun(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	/* not "written": whoever goes on writes the certificate once more, with the PIN that the token has by then */
	static const char actions[] = "'" STORE_PIN_REPLACE "', '" STORE_PIN_UNREPLACED "', 'planned', 'proven',"
				      " 'pin-change', 'pin-unblock', 'token-wipe'";
	char last[32];

	if (last_of(s, token_serial, actions, last, e) == -1)
		return -1;
	*ret = strcmp(last, STORE_PIN_REPLACE) == 0;
	return 0;
}

int store_audited(struct store *s, const char *token_serial, const char *action, const char *detail, bool *ret,
		  struct err *e)
{
	struct query q = QUERY_INIT;
	char *serial = clean_dup(token_serial); /* as it is in the trail */
	int rc = -1;

	if (query_open(&q, s, "SELECT 1 FROM audit WHERE token_serial = ? AND action = ? AND detail = ? LIMIT 1", e) ==
	    -1)
		goto out;
	query_put_text(&q, serial);
	query_put_text(&q, action);
	query_put_text(&q, detail);
	rc = query_next(&q, ret, e);
out:
	query_close(&q);
	free(serial);
	return rc;
}
