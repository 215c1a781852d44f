#include "core/xalloc.h"
#include "enroll/same.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

static int find_token(struct life *l, struct store_token *ret, struct err *e)
{
	struct store_holding *list = NULL;
	size_t n = 0;
	if (l->ports->store.find_by_serial(l->store, l->opt->serial, &list, &n, e) != 0)
		return -1;
	int got = 0;
	if (n == 0) {
		got =
		    err_set(e, ERR_NO_TOKEN, "the inventory knows no token with the serial number %s", l->opt->serial);
		err_next(e, "`tokenroll tokens` shows those that are plugged in");
	} else if (n > 1) {
		got = err_set(e, ERR_SEVERAL_TOKENS, "the inventory knows %zu tokens with the serial number %s", n,
			      l->opt->serial);
		err_next(e, "tell their models apart with sqlite3, as the manual's section on recovery shows");
	} else {
		*ret = list[0].token;
	}
	free(list);
	return got;
}

static int add_kind(struct life *l, enum escrow_kind kind, struct recover *key, struct life_escrowed **list, size_t *n,
		    struct err *e)
{
	struct store_escrow *rows = NULL;
	size_t n_rows = 0;
	int got = l->ports->store.escrow_list(l->store, &l->id, kind, &rows, &n_rows, e);
	for (size_t i = 0; got == 0 && i < n_rows; i++) {
		*list = xrealloc(*list, *n + 1, sizeof **list);
		struct life_escrowed *v = &(*list)[(*n)++];
		*v = (struct life_escrowed){kind, rows[i].state, rows[i].created, secret_new()};
		got = recover_open(key, &rows[i], &l->id, v->value, e);
		/* what came before the one that the token has, or had until it was reset, is history */
		if (rows[i].state != ESCROW_PENDING)
			break;
	}
	store_escrow_free(&rows, n_rows);
	return got;
}

/* The trail tells by which token it was opened. */
static int note_shown(struct life *l, const struct recover *key, struct err *e)
{
	char detail[64] = "";
	if (recover_serial(key)[0] != '\0')
		snprintf(detail, sizeof detail, "with the key on token %s", recover_serial(key));
	return life_audit(l, "escrow-show", detail, e);
}

int life_escrow_show(struct life *l, struct life_escrowed **ret, size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (l->ports->store.open(&l->store, l->cfg, e) != 0 || find_token(l, &l->id, e) != 0)
		return -1;
	same_recall(&l->id, &l->token);
	struct recover *key = life_recover(l);
	int got = add_kind(l, ESCROW_SO_PIN, key, ret, ret_n, e);
	if (got == 0)
		got = add_kind(l, ESCROW_PUK, key, ret, ret_n, e);
	if (got == 0 && *ret_n == 0) {
		err_set(e, ERR_ESCROW, "nothing of token %s is in escrow", l->opt->serial);
		got = err_next(e, "what tokenroll did not set it does not know");
	}
	if (got == 0)
		got = note_shown(l, key, e);
	recover_free(&key);
	if (got != 0) {
		life_escrowed_free(ret, *ret_n);
		*ret_n = 0;
	}
	return got;
}

void life_escrowed_free(struct life_escrowed **list, size_t n)
{
	for (size_t i = 0; *list != NULL && i < n; i++)
		secret_free(&(*list)[i].value);
	free(*list);
	*list = NULL;
}
