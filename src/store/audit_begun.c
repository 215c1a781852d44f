#include "core/clean.h"
#include "store/audit.h"
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

int store_pin_begun(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	char action[32] = "";
	char *serial = clean_dup(token_serial); /* as it is in the trail */
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT action FROM audit WHERE token_serial = ? AND action IN (?, ?, ?, ?)"
		       " ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, serial);
	query_put_text(&q, STORE_TOKEN_INIT);
	query_put_text(&q, STORE_PIN_INIT);
	query_put_text(&q, STORE_PIN_SET);
	/* where somebody has made a key, there was a PIN to log in with */
	query_put_text(&q, cred_state_name(CRED_KEYED));
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row)
		query_text(&q, 0, action, sizeof(action));
	rc = query_check(&q, e);
	if (rc == 0)
		*ret = row && (strcmp(action, STORE_TOKEN_INIT) == 0 || strcmp(action, STORE_PIN_INIT) == 0);
out:
	query_close(&q);
	free(serial);
	return rc;
}

int store_replace_begun(struct store *s, const char *token_serial, bool *ret, struct err *e)
{
	struct query q = QUERY_INIT;
	char action[32] = "";
	char *serial = clean_dup(token_serial); /* as it is in the trail */
	bool row;
	int rc = -1;

	if (query_open(&q, s,
		       "SELECT action FROM audit WHERE token_serial = ? AND action IN (?, ?, ?)"
		       " ORDER BY id DESC LIMIT 1",
		       e) == -1)
		goto out;
	query_put_text(&q, serial);
	query_put_text(&q, STORE_PIN_REPLACE);
	query_put_text(&q, STORE_PIN_UNREPLACED);
	query_put_text(&q, cred_state_name(CRED_WRITTEN));
	if (query_next(&q, &row, e) == -1)
		goto out;
	if (row)
		query_text(&q, 0, action, sizeof(action));
	rc = query_check(&q, e);
	if (rc == 0)
		*ret = strcmp(action, STORE_PIN_REPLACE) == 0;
out:
	query_close(&q);
	free(serial);
	return rc;
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
