#include "enroll/worker_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a token that is not there can fail like this. What is wrong with a PIN only a token can say that is. */
static bool may_be_pulled(enum err_code code)
{
	static const enum err_code codes[] = {ERR_REMOVED, ERR_TOKEN_FAILED, ERR_FAILED,     ERR_PROOF,
					      ERR_FOREIGN, ERR_UNSUPPORTED,  ERR_TOKEN_FULL, ERR_PIN_NEEDED};
	size_t i = 0;
	while (i < sizeof codes / sizeof *codes && codes[i] != code)
		i++;
	return i < sizeof codes / sizeof *codes;
}

static bool is_reader(const char *name)
{
	struct reader *list = NULL;
	size_t n = 0;
	bool found = reader_list(&list, &n, NULL) == 0 && reader_find(list, n, name) != NULL;
	free(list);
	return found;
}

void worker_take_reader(struct worker_state *st, const char *reader)
{
	if (strcmp(st->reader, reader) == 0)
		return;
	snprintf(st->reader, sizeof st->reader, "%s", reader);
	/* asked now: a token on USB takes its reader along */
	st->smart_card = reader[0] != '\0' && is_reader(reader);
}

void worker_explain(struct rpc_server *s, struct err *e)
{
	const struct worker_state *st = worker_state(s);
	if (!st->smart_card || !may_be_pulled(e->code) || !reader_is_empty(st->reader, READER_NOTICES_MS))
		return;
	e->code = ERR_REMOVED;
	err_prefix(e, "the token was pulled out of '%s'", st->reader);
	err_next(e, "%s", "");
}
