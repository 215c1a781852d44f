#include "life/compare.h"

#include <string.h>

/* The rows of the index one by one, out of pieces that come while the last one is gone through. */
struct rows {
	struct signer *ca;
	struct ca_rows piece;
	size_t at;
	bool asked; /* for the next piece */
	uint64_t next;
};

static int rows_ask(struct rows *r, uint64_t from, struct err *e)
{
	if (signer_rows_begin(r->ca, from, e) != 0)
		return -1;
	r->asked = true;
	r->next = from;
	return 0;
}

static int rows_fetch(struct rows *r, struct err *e)
{
	struct ca_rows got = {.next = r->next};
	ca_rows_free(&r->piece);
	r->at = 0;
	r->asked = false;
	if (signer_rows_end(r->ca, &got, e) != 0)
		return -1;
	r->piece = got;
	return got.more ? rows_ask(r, got.next, e) : 0;
}

/* *ret is NULL behind the last. */
static int rows_peek(struct rows *r, const struct ca_row **ret, struct err *e)
{
	while (r->at == r->piece.n && r->asked) {
		if (rows_fetch(r, e) != 0)
			return -1;
	}
	*ret = r->at < r->piece.n ? &r->piece.list[r->at] : NULL;
	return 0;
}

/* Tells of the rows before this serial, and leaves *ret at the first that is not. */
static int rows_pass(struct rows *r, const char *serial, compare_fn *fn, void *arg, const struct ca_row **ret,
		     struct err *e)
{
	int got;
	while ((got = rows_peek(r, ret, e)) == 0 && *ret != NULL &&
	       (serial == NULL || strcmp((*ret)->serial, serial) < 0)) {
		fn(arg, *ret, NULL);
		r->at++;
	}
	return got;
}

static int go_through(struct rows *r, struct survey_serials *have, compare_fn *fn, void *arg, struct err *e)
{
	struct survey_serial mine;
	const struct ca_row *row = NULL;
	char last[sizeof mine.serial] = "";
	bool more = true;
	for (;;) {
		if (store_serials_next(have, &more, &mine, e) != 0)
			return -1;
		/* several credentials may have one certificate: the row is passed when the next one comes */
		if (last[0] != '\0' && (!more || strcmp(last, mine.serial) != 0))
			r->at++;
		last[0] = '\0';
		if (rows_pass(r, more ? mine.serial : NULL, fn, arg, &row, e) != 0)
			return -1;
		if (!more)
			return 0;
		bool same = row != NULL && strcmp(row->serial, mine.serial) == 0;
		fn(arg, same ? row : NULL, &mine);
		if (same)
			memcpy(last, mine.serial, sizeof last);
	}
}

int compare(struct signer *ca, struct store *s, compare_fn *fn, void *arg, struct err *e)
{
	struct rows r = {.ca = ca};
	struct survey_serials *have = NULL;
	int ret = rows_ask(&r, 0, e);
	if (ret == 0)
		ret = store_serials_open(&have, s, e);
	if (ret == 0)
		ret = go_through(&r, have, fn, arg, e);
	store_serials_close(&have);
	ca_rows_free(&r.piece);
	return ret;
}
