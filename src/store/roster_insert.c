/*
 * roster_insert: new people.
 */
#include "core/xalloc.h"
#include "store/roster_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

/* A name's last word, by which people are called in lists: "Meyer" of "Anna Meyer". "" where that is all of it, as in
 * "Meyer, Anna". */
static const char *last_word(const char *name)
{
	const char *blank = strrchr(name, ' ');

	return blank && !strchr(name, ',') ? blank + 1 : "";
}

void roster_put_entry(struct query *q, const struct roster_entry *x, const char *name_key)
{
	query_put_int(q, x->line);
	query_put_text(q, x->user);
	query_put_text(q, x->name);
	query_put_text(q, x->email);
	query_put_text(q, x->department);
	query_put_text(q, x->language);
	query_put_text(q, x->token_serial);
	query_put_text(q, roster_key_type_text(x->key_type));
	query_put_text(q, x->extra);
	query_put_text(q, name_key);
	query_put_text(q, last_word(name_key));
}

static char *statement(size_t n)
{
	char *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);

	fputs("INSERT INTO roster_people (line, user, name, email, department, language, wanted, key_type, extra,"
	      " name_key, last_key, roster, reserved) VALUES" VALUES,
	      out);
	for (size_t i = 1; i < n; i++)
		fputs("," VALUES, out);
	fclose(out);
	return sql;
}

int roster_insert(struct store *s, int64_t roster, struct fold *fold, const struct roster_entry *const *list, size_t n,
		  struct err *e)
{
	char *keys[ROSTER_BATCH], *sql;
	struct query q = QUERY_INIT;
	int rc;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		keys[i] = xstrdup(fold_text(fold, list[i]->name));
	sql = statement(n);
	rc = query_open(&q, s, sql, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		roster_put_entry(&q, list[i], keys[i]);
		query_put_int(&q, roster);
		query_put_text(&q, list[i]->token_serial);
	}
	if (rc == 0)
		rc = query_run(&q, e);
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
	free(sql);
	return rc;
}
