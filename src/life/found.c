#include "core/day.h"
#include "core/xalloc.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

static int take(struct store_holding *list, size_t n, struct life_found *ret)
{
	ret->token = list[n].token;
	ret->lost = list[n].lost;
	memcpy(ret->user, list[n].user, sizeof ret->user);
	return 0;
}

static int by_serial(struct life *l, struct life_found *ret, struct err *e)
{
	struct store_holding *list = NULL;
	size_t n = 0, lost = 0, last = 0;
	if (l->ports->store.find_by_serial(l->store, l->opt->serial, &list, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		lost += list[i].lost != 0;
		last = list[i].lost != 0 ? i : last;
	}
	int got = 0;
	if (n == 0) {
		got =
		    err_set(e, ERR_NO_TOKEN, "the inventory knows no token with the serial number %s", l->opt->serial);
		err_next(e, "`tokenroll tokens` shows those that are plugged in");
	} else if (lost > 1) {
		got = err_set(e, ERR_SEVERAL_TOKENS, "%zu lost tokens have the serial number %s", lost, l->opt->serial);
		err_next(e, "name whose it was: tokenroll found USER");
	} else {
		take(list, last, ret);
	}
	free(list);
	return got;
}

static int several(const struct life *l, const struct store_issued *list, size_t n, struct err *e)
{
	char text[sizeof e->what] = "", day[DAY_SIZE];
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		if (list[i].lost == 0 || strstr(text, list[i].token.serial) != NULL || len >= sizeof text)
			continue;
		day_format(day, list[i].lost);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s %s since %s", len > 0 ? ";" : "",
					list[i].token.serial, day);
	}
	err_set(e, ERR_SEVERAL_TOKENS, "%s has lost several tokens:%s", l->opt->user, text);
	return err_next(e, "name the one that has come back: tokenroll found --serial S");
}

static int by_user(struct life *l, struct life_found *ret, struct err *e)
{
	struct store_issued *list = NULL;
	size_t n = 0;
	bool more = false;
	if (l->ports->store.issued(l->store, l->opt->user, &list, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		more = more || (ret->lost != 0 && list[i].lost != 0 && list[i].token.id != ret->token.id);
		if (list[i].lost == 0 && ret->token.id != 0)
			continue;
		ret->token = list[i].token;
		ret->lost = list[i].lost;
	}
	snprintf(ret->user, sizeof ret->user, "%s", l->opt->user);
	int got = more ? several(l, list, n, e) : 0;
	if (n == 0) {
		got = err_set(e, ERR_NO_TOKEN, "the inventory knows no token of %s", l->opt->user);
		err_next(e, "name the token: tokenroll found --serial S");
	}
	free(list);
	return got;
}

/* What was on it stays revoked, and that is said: so the CA is asked. It is no reason not to have found the token. */
static void read_certificate(struct life *l, struct life_found *ret)
{
	struct store_issued *rows = NULL;
	struct err unread = ERR_INIT;
	size_t n_rows = 0;
	if (ret->user[0] == '\0' || l->ports->store.issued(l->store, ret->user, &rows, &n_rows, &unread) != 0 ||
	    life_ca_open(l, &unread) != 0)
		n_rows = 0;
	for (size_t i = 0; i < n_rows; i++) {
		struct ca_known *known = NULL;
		size_t n = 0;
		if (rows[i].token.id != ret->token.id || rows[i].cert_serial[0] == '\0' ||
		    l->ports->ca.known(l->signer, NULL, rows[i].cert_serial, &known, &n, &unread) != 0)
			continue;
		if (n > 0)
			ret->cert = known[0];
		free(known);
	}
	free(rows);
}

int life_found(struct life *l, struct life_found *ret, struct err *e)
{
	memset(ret, 0, sizeof *ret);
	if (l->ports->store.open(&l->store, l->cfg, e) != 0 ||
	    (l->opt->serial != NULL ? by_serial(l, ret, e) : by_user(l, ret, e)) != 0)
		return -1;
	if (ret->lost != 0 && l->ports->store.found(l->store, ret->user, &ret->token, e) != 0)
		return -1;
	read_certificate(l, ret);
	return 0;
}
