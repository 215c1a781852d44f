/*
 * tokenroll roster FILE: checks the file that names the people who are to get
 * tokens, and says what a station would do with it. Takes nothing in.
 */
#include "core/xalloc.h"
#include "inventory.h"
#include "report.h"
#include "rosterui.h"
#include "store/history.h"

#include <stdlib.h>
#include <string.h>

static struct rosterui_person *add(struct rosterui_person **list, size_t *n, const struct roster_entry *entry)
{
	*list = xrealloc(*list, *n + 1, sizeof **list);
	(*list)[*n] = (struct rosterui_person){.entry = entry};
	return &(*list)[(*n)++];
}

static int find_certificate(struct rosterui *u, struct store *s, const struct roster_entry *p, struct err *e)
{
	time_t until = 0;
	if (store_certified(s, p->user, time(NULL), &until, e) != 0)
		return -1;
	if (until != 0)
		add(&u->certified, &u->n_certified, p)->until = until;
	return 0;
}

static bool is_somebody_elses(const struct store_holding *h, const char *user)
{
	return h->user[0] != '\0' && h->state < CRED_REVOKED && strcmp(h->user, user) != 0;
}

static int find_holder(struct rosterui *u, struct store *s, const struct roster_entry *p, struct err *e)
{
	struct store_holding *list = NULL;
	size_t n = 0;
	if (p->token_serial[0] == '\0')
		return 0;
	if (store_find_by_serial(s, p->token_serial, &list, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (is_somebody_elses(&list[i], p->user)) {
			snprintf(add(&u->taken, &u->n_taken, p)->holder, sizeof u->taken->holder, "%s", list[i].user);
			break;
		}
	}
	free(list);
	return 0;
}

static int look(struct rosterui *u, struct store *s, struct err *e)
{
	const struct roster *r = u->roster;
	if (store_roster_preview(s, r->source, r->people, r->n, &u->merged, e) != 0 ||
	    store_roster_known(s, r->source, &u->known, e) != 0 || store_roster_holder(s, r->source, u->holder, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		if (find_certificate(u, s, &r->people[i], e) != 0 || find_holder(u, s, &r->people[i], e) != 0)
			return -1;
	}
	return 0;
}

static int show(const struct inventory *v, const struct rosterui *u, struct err *e)
{
	if (v->o->json)
		return report_json(rosterui_json(u), e);
	if (!v->o->quiet)
		rosterui_print(u);
	return inventory_written(e);
}

static int check(struct inventory *v, struct roster_faults *faults, struct err *e)
{
	struct roster *r = NULL;
	if (roster_read(&r, v->o->args[0], v->cfg->ca.key_types, faults, e) != 0)
		return -1;
	struct rosterui u = {.roster = r};
	int ret = roster_check_known(r, v->store, faults, e);
	if (ret == 0)
		ret = look(&u, v->store, e);
	if (ret == 0)
		ret = show(v, &u, e);
	free(u.certified);
	free(u.taken);
	roster_free(&r);
	return ret;
}

static int wants_file(const struct options *o, struct err *e)
{
	if (o->n_args == 1)
		return 0;
	err_set(e, ERR_USAGE, o->n_args == 0 ? "'roster' wants a file" : "'roster' takes one file");
	return err_next(e, "name the CSV file, or - for standard input: tokenroll roster ROSTER.csv");
}

int cmd_roster(const struct options *o, struct err *e)
{
	struct roster_faults *faults = xcalloc(1, sizeof *faults);
	struct inventory v = {.o = o};
	int ret = wants_file(o, e);
	if (ret == 0)
		ret = inventory_open(&v, o, 1, 1, e);
	if (ret == 0)
		ret = check(&v, faults, e);
	if (ret != 0 && o->json)
		rosterui_faults_json(faults, e);
	if (ret != 0 && faults->n_all > 1)
		rosterui_faults(faults);
	inventory_close(&v);
	free(faults);
	return ret;
}
