#include "life/adopt.h"

#include "ca/look.h"
#include "core/xalloc.h"
#include "life/adopt_token.h"
#include "life/compare.h"

#include <stdlib.h>
#include <string.h>

/* rows that go into the inventory in one transaction */
#define BATCH 2000

/* Rows that the inventory has not, or not so. */
struct pending {
	struct ca_row *list;
	size_t n, room, rows;
	time_t now;
};

static const char *state_of(const struct ca_row *row, time_t now)
{
	if (row->status == 'R')
		return "revoked";
	return row->status == 'E' || row->not_after <= now ? "expired" : "valid";
}

/* A certificate that ran out since it was adopted has changed, too. */
static bool is_known(const struct ca_row *row, const struct survey_serial *have, time_t now)
{
	bool revoked = row->status == 'R';
	if (have == NULL || have->revoked != revoked)
		return have != NULL && have->ended && !revoked;
	return !have->adopted ||
	       (have->counts == (strcmp(state_of(row, now), "valid") == 0) && have->not_after == row->not_after);
}

static void take_if_new(void *arg, const struct ca_row *row, const struct survey_serial *have)
{
	struct pending *p = arg;
	if (row == NULL)
		return;
	p->rows++;
	if (is_known(row, have, p->now))
		return;
	if (p->n == p->room) {
		p->room = p->room != 0 ? p->room * 2 : 256;
		p->list = xrealloc(p->list, p->room, sizeof *p->list);
	}
	p->list[p->n++] = *row;
}

static void fill_row(struct adopt_row *ret, const struct ca_row *row, const struct ca_detail *d, time_t now)
{
	*ret = (struct adopt_row){
	    .serial = row->serial,
	    .name = d->name,
	    .subject = d->subject,
	    .purpose = d->purpose,
	    .state = state_of(row, now),
	    .reason = d->reason,
	    .not_after = row->not_after,
	    .revoked = row->revoked,
	    .cert = &d->cert,
	    .spki = &d->spki,
	};
}

/* All that belongs to these rows, however many answers it takes. */
static int ask_details(struct signer *ca, const struct ca_row *rows, size_t n, struct ca_detail *ret, size_t *ret_got,
		       struct err *e)
{
	char(*serials)[CA_SERIAL_HEX_MAX] = xcalloc(n, sizeof *serials);
	int status = 0;
	for (size_t i = 0; i < n; i++)
		memcpy(serials[i], rows[i].serial, sizeof serials[i]);
	for (*ret_got = 0; status == 0 && *ret_got < n;) {
		size_t got = 0;
		status = signer_details(ca, (const char(*)[CA_SERIAL_HEX_MAX])(serials + *ret_got), n - *ret_got,
					ret + *ret_got, &got, e);
		*ret_got += status == 0 ? got : 0;
	}
	free(serials);
	return status;
}

static int adopt_batch(struct signer *ca, struct store *s, const struct pending *p, size_t from, size_t n,
		       struct life_adopted *ret, struct err *e)
{
	struct ca_detail *details = xcalloc(n, sizeof *details);
	struct adopt_row *rows = xcalloc(n, sizeof *rows);
	size_t got = 0;
	int status = ask_details(ca, p->list + from, n, details, &got, e);
	for (size_t i = 0; i < got; i++) {
		fill_row(&rows[i], &p->list[from + i], &details[i], p->now);
		ret->without_file += details[i].cert.len == 0;
	}
	if (status == 0)
		status = store_adopt(s, rows, n, &ret->counts, e);
	for (size_t i = 0; i < got; i++)
		ca_detail_free(&details[i]);
	free(details);
	free(rows);
	return status;
}

static int adopt_index(struct signer *ca, struct store *s, struct life_adopted *ret, struct err *e)
{
	struct pending p = {.now = time(NULL)};
	int status = compare(ca, s, take_if_new, &p, e);
	ret->rows = p.rows;
	ret->counts.known = p.rows - p.n;
	for (size_t at = 0; status == 0 && at < p.n; at += BATCH)
		status = adopt_batch(ca, s, &p, at, p.n - at < BATCH ? p.n - at : BATCH, ret, e);
	free(p.list);
	return status;
}

static int no_index(const struct ca_look *look, struct err *e)
{
	if (look->no_index.code != ERR_NONE) {
		*e = look->no_index;
		return -1;
	}
	err_set(e, ERR_CA_PKI, "the PKI %s has no index.txt, so nothing can be adopted", look->pki);
	return err_next(e, "run this where the CA is, or set [ca] pki to its folder");
}

int life_adopt(struct life *l, struct life_adopted *ret, struct err *e)
{
	struct signer *ca = NULL;
	struct life_seen_all seen = {.n = 0};
	struct ca_look look;
	memset(ret, 0, sizeof *ret);
	/* the index is read while the modules look for tokens */
	int status = signer_look_begin(&ca, &l->cfg->ca, l->opt->verbose, l->ui->note, l->ui->arg, e);
	if (status == 0)
		status = life_look(l, &seen, e);
	if (status == 0)
		status = signer_look_end(ca, &look, e);
	if (status == 0 && !look.has_index)
		status = no_index(&look, e);
	if (status == 0)
		status = adopt_index(ca, l->store, ret, e);
	if (status == 0)
		status = adopt_tokens(l, ca, &seen, ret, e);
	life_seen_free(&seen);
	signer_stop(&ca);
	return status;
}

void life_adopted_free(struct life_adopted *a)
{
	free(a->tokens);
	*a = (struct life_adopted){.rows = 0};
}
