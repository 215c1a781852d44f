/*
 * status_index: index.txt beside the inventory.
 */
#include "core/day.h"
#include "life/compare.h"
#include "life/status_impl.h"

#include <string.h>

static struct status_finding *add(struct status_run *r, enum status_topic topic, enum status_level level,
				  const char *serial, time_t at)
{
	struct status_finding *f = status_add(r->st, topic, level);
	if (f == NULL)
		return NULL;
	snprintf(f->certificate, sizeof f->certificate, "%s", serial);
	f->at = at;
	return f;
}

/* Whose it is comes later, when the index has been gone through. */
static void on_unknown(struct status_run *r, const struct ca_row *row)
{
	struct status_finding *f = add(r, STATUS_INDEX_UNKNOWN, STATUS_SOON, row->serial, row->not_after);
	if (f != NULL)
		status_next(f, "tokenroll adopt");
}

static void on_missing(struct status_run *r, const struct survey_serial *have)
{
	if (!have->counts || have->not_after <= r->st->now)
		return;
	struct status_finding *f = add(r, STATUS_INDEX_MISSING, STATUS_WRONG, have->serial, have->not_after);
	if (f == NULL)
		return;
	status_say(f,
		   "index.txt has no row of it: easyrsa does not list it, and with no file of it in certs_by_serial/ "
		   "it cannot be revoked");
	status_next(f, "put the row back from a backup of index.txt, or: tokenroll revoke --cert-serial %s",
		    have->serial);
}

static void on_both(struct status_run *r, const struct ca_row *row, const struct survey_serial *have)
{
	bool revoked = row->status == 'R';
	char day[DAY_SIZE];
	if (revoked == have->revoked || (revoked && !have->counts && !have->replaced))
		return;
	/* it may yet be waiting for that */
	if (!revoked && (row->not_after <= r->st->now || have->replaced))
		return;
	struct status_finding *f = add(r, STATUS_INDEX_DIFFERS, revoked || !have->ended ? STATUS_SOON : STATUS_WRONG,
				       row->serial, revoked ? row->revoked : row->not_after);
	if (f == NULL)
		return;
	day_format(day, row->revoked);
	if (revoked)
		status_say(f, "it was revoked on %s by another program, which the inventory does not know", day);
	else
		status_say(f, "the inventory says that it is revoked, but by index.txt it is valid");
	if (revoked || !have->ended)
		status_next(f, "tokenroll adopt");
	else
		status_next(f, "tokenroll revoke --cert-serial %s", row->serial);
}

static void on_pair(void *arg, const struct ca_row *row, const struct survey_serial *have)
{
	struct status_run *r = arg;
	r->st->rows += row != NULL;
	/* at least one of the two is there */
	if (row != NULL && have != NULL)
		on_both(r, row, have);
	else if (row != NULL)
		on_unknown(r, row);
	else if (have != NULL)
		on_missing(r, have);
}

static int name_holders(struct status_run *r, enum status_topic topic, struct err *e)
{
	struct status_group *g = &r->st->group[topic];
	for (size_t i = 0; i < g->n_kept; i++) {
		if (store_holder(r->store, g->kept[i].certificate, g->kept[i].user, sizeof g->kept[i].user, e) != 0)
			return -1;
	}
	return 0;
}

/* Only index.txt tells whose an unknown row is. */
static int name_unknown(struct status_run *r, struct err *e)
{
	struct status_group *g = &r->st->group[STATUS_INDEX_UNKNOWN];
	for (size_t i = 0; i < g->n_kept; i++) {
		struct status_finding *f = &g->kept[i];
		char serial[1][CA_SERIAL_HEX_MAX];
		struct ca_detail d;
		size_t n = 0;
		memcpy(serial[0], f->certificate, sizeof serial[0]);
		if (signer_details(r->ca, (const char(*)[CA_SERIAL_HEX_MAX])serial, 1, &d, &n, e) != 0)
			return -1;
		snprintf(f->user, sizeof f->user, "%s", d.name);
		status_say(f, "%sthe inventory does not know this certificate, which index.txt has",
			   strcmp(d.purpose, "server") == 0 ? "a server; " : "");
		ca_detail_free(&d);
	}
	return 0;
}

int status_index(struct status_run *r, struct err *e)
{
	if (compare(r->ca, r->store, on_pair, r, e) != 0 || name_holders(r, STATUS_INDEX_MISSING, e) != 0 ||
	    name_holders(r, STATUS_INDEX_DIFFERS, e) != 0)
		return -1;
	return name_unknown(r, e);
}
