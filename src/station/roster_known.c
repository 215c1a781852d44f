/*
 * roster_known: a roster beside the inventory. Whoever maintains the list may write "Alice" where the inventory has
 * "alice".
 */
#include "core/xalloc.h"
#include "station/roster_impl.h"
#include "store/roll.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct meeting {
	const struct roster_entry *p;
	char *other; /* the same name in another case; NULL */
	bool known;  /* as it is written */
};

struct meetings {
	struct meeting *sorted;
	size_t n;
};

static int by_user(const void *a, const void *b)
{
	return strcasecmp(((const struct meeting *)a)->p->user, ((const struct meeting *)b)->p->user);
}

static int compare_key(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct meeting *)entry)->p->user);
}

static void meet(void *arg, const char *name)
{
	const struct meetings *all = arg;
	struct meeting *m = bsearch(name, all->sorted, all->n, sizeof *all->sorted, compare_key);
	if (m == NULL)
		return;
	if (strcmp(m->p->user, name) == 0)
		m->known = true;
	else if (m->other == NULL)
		m->other = xstrdup(name);
}

static void note(const struct meeting *m, struct roster_faults *f)
{
	char a[ROSTER_SHOWN_MAX], b[ROSTER_SHOWN_MAX];
	if (m->other != NULL && !m->known)
		roster_fault_add(f, m->p->line,
				 "user '%s' is '%s' in the inventory but for the case: write it as it is there",
				 roster_shown(a, m->p->user), roster_shown(b, m->other));
}

int roster_check_known(const struct roster *r, struct store *s, struct roster_faults *faults, struct err *e)
{
	struct meetings all = {.sorted = xcalloc(r->n, sizeof *all.sorted), .n = r->n};
	faults->n = faults->n_all = 0;
	for (size_t i = 0; i < r->n; i++)
		all.sorted[i].p = &r->people[i];
	qsort(all.sorted, all.n, sizeof *all.sorted, by_user);
	int ret = store_people(s, meet, &all, e);
	for (size_t i = 0; i < all.n; i++) {
		note(&all.sorted[i], faults);
		free(all.sorted[i].other);
	}
	free(all.sorted);
	return ret == 0 && faults->n_all != 0 ? roster_refuse(r->source, faults, e) : ret;
}
