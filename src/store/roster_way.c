/*
 * roster_way: how far a person is. Each step is one statement that asks for the state that it leads out of.
 */
#include "store/roster_impl.h"

#include <string.h>
#include <time.h>

/* Ends a query that changes one person. none says what it means if it has changed nobody. */
static int change_one(struct query *q, const char *none, enum err_code code, struct err *e)
{
	struct store *s = q->s;

	if (query_run(q, e) == -1)
		return -1;
	if (sqlite3_changes64(s->db) == 1)
		return 0;
	err_set(e, code, "%s", none);
	return err_next(e, "somebody else may have changed that: `tokenroll report` says how it is now");
}

/* Now, or it is being taken back. */
#define DONE_ONCE "(state = 'done' OR cert_serial <> '')"

int store_roster_begin(struct store *s, int64_t id, const struct store_token *t, const char *reader, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(
		&q, s,
		"UPDATE roster_people SET state = 'running', front = 0, code = '', why = '', token_serial = ?,"
		" token_model = ?, token_label = ?, cert_serial = '', reader = ?, began = ?, ended = 0, took = 0,"
		" attempts = attempts + 1 WHERE id = ? AND state NOT IN ('running', 'done')",
		e) == -1)
		return -1;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->label);
	query_put_text(&q, reader);
	query_put_int(&q, time(NULL));
	query_put_int(&q, id);
	return change_one(&q, "this person has a token already, or is getting one", ERR_BUSY, e);
}

int store_roster_done(struct store *s, int64_t id, const struct store_token *t, const char *cert_serial,
		      int64_t took_ms, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE roster_people SET state = 'done', code = '', why = '', reserved = wanted,"
		       " token_serial = ?, token_model = ?, token_label = ?, cert_serial = ?, ended = ?, took = ? "
		       "WHERE id = ? AND state = 'running'",
		       e) == -1)
		return -1;
	query_put_text(&q, t->serial);
	query_put_text(&q, t->model);
	query_put_text(&q, t->label);
	query_put_text(&q, cert_serial);
	query_put_int(&q, time(NULL));
	query_put_int(&q, took_ms);
	query_put_int(&q, id);
	return change_one(&q, "nothing runs for this person that could be done", ERR_STORE, e);
}

int store_roster_failed(struct store *s, int64_t id, bool keeps, const struct err *why, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE roster_people SET state = 'failed', code = ?, why = ?, ended = ?,"
		       " reserved = CASE WHEN ? AND wanted = '' THEN token_serial ELSE wanted END"
		       " WHERE id = ? AND state = 'running'",
		       e) == -1)
		return -1;
	query_put_text(&q, err_code_name(why->code));
	query_put_text(&q, why->what);
	query_put_int(&q, time(NULL));
	query_put_int(&q, keeps);
	query_put_int(&q, id);
	return change_one(&q, "nothing runs for this person that could fail", ERR_STORE, e);
}

int store_roster_put_back(struct store *s, int64_t id, enum roster_state st, const char *why, struct err *e)
{
	struct query q = QUERY_INIT;

	if (st != ROSTER_HELD && st != ROSTER_SKIPPED)
		return err_set(e, ERR_STORE, "a person is put back as held or skipped, not as %s",
			       roster_state_name(st));
	if (query_open(&q, s,
		       "UPDATE roster_people SET state = ?, front = 0, code = '', why = ?"
		       " WHERE id = ? AND state NOT IN ('running', 'done')",
		       e) == -1)
		return -1;
	query_put_text(&q, roster_state_name(st));
	query_put_text(&q, why);
	query_put_int(&q, id);
	return change_one(&q, "this person has a token already, or is getting one", ERR_STORE, e);
}

int store_roster_undo(struct store *s, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(
		&q, s,
		"UPDATE roster_people SET state = 'failed', code = ?, ended = ?, took = 0, reserved = token_serial,"
		" why = 'what was made on token ' || token_serial || ' is being taken back'"
		" WHERE id = ? AND state = 'done'",
		e) == -1)
		return -1;
	query_put_text(&q, err_code_name(ERR_INTERRUPTED));
	query_put_int(&q, time(NULL));
	query_put_int(&q, id);
	return change_one(&q, "this person has nothing that could be taken back", ERR_STORE, e);
}

int store_roster_retry(struct store *s, int64_t id, struct err *e)
{
	struct query q = QUERY_INIT;

	if (query_open(&q, s,
		       "UPDATE roster_people SET state = 'waiting', front = 1, reserved = wanted, cert_serial = '',"
		       " took = 0, ended = CASE WHEN " DONE_ONCE " THEN 0 ELSE ended END,"
		       " code = CASE WHEN " DONE_ONCE " THEN '' ELSE code END,"
		       " why = CASE WHEN " DONE_ONCE " THEN 'what was made on token ' || token_serial ||"
		       " ' was taken back' ELSE why END,"
		       " token_serial = CASE WHEN " DONE_ONCE " THEN '' ELSE token_serial END,"
		       " token_model = CASE WHEN " DONE_ONCE " THEN '' ELSE token_model END,"
		       " token_label = CASE WHEN " DONE_ONCE " THEN '' ELSE token_label END"
		       " WHERE id = ? AND state <> 'running'",
		       e) == -1)
		return -1;
	query_put_int(&q, id);
	return change_one(&q, "this person's token is being enrolled now", ERR_STORE, e);
}
