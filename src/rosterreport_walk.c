/*
 * rosterreport_walk: through the people of a roster, some at a time. No query
 * is open while they are told, however slowly whoever reads that does it.
 */
#include "core/xalloc.h"
#include "rosterreport.h"

#include <stdlib.h>
#include <string.h>

#define AT_A_TIME 256

struct walk {
	struct store *s;
	const struct tally *t;
	enum roster_state state;
};

typedef int page_fn(const struct walk *w, const struct roster_person *after, struct roster_person *ret, size_t *ret_n,
		    struct err *e);

static int page_of_everybody(const struct walk *w, const struct roster_person *after, struct roster_person *ret,
			     size_t *ret_n, struct err *e)
{
	return store_roster_people(w->s, w->t->roster, w->t->since, after != NULL ? after->user : NULL, ret, AT_A_TIME,
				   ret_n, e);
}

static int page_of_enrolled(const struct walk *w, const struct roster_person *after, struct roster_person *ret,
			    size_t *ret_n, struct err *e)
{
	return store_roster_enrolled(w->s, w->t->roster, w->t->since, after, ret, AT_A_TIME, ret_n, e);
}

static int page_of_state(const struct walk *w, const struct roster_person *after, struct roster_person *ret,
			 size_t *ret_n, struct err *e)
{
	return store_roster_page(w->s, w->t->roster, w->state, after, ret, AT_A_TIME, ret_n, e);
}

/* Tells a page, and frees it; *last is who was on it last, without what is freed. */
static int tell(struct roster_person *page, size_t n, struct roster_person *last, bool gone_too, rosterreport_fn *fn,
		void *arg, struct err *e)
{
	int got = 0;
	for (size_t i = 0; i < n; i++) {
		if (got == 0 && (gone_too || !page[i].withdrawn || page[i].state == ROSTER_DONE))
			got = fn(arg, &page[i], e);
		if (i + 1 == n) {
			*last = page[i];
			last->extra = NULL;
		}
		roster_person_free(&page[i]);
	}
	return got;
}

static int walk(const struct walk *w, page_fn *next, bool gone_too, rosterreport_fn *fn, void *arg, struct err *e)
{
	struct roster_person *page = xcalloc(AT_A_TIME, sizeof *page), last = {.id = 0};
	size_t n = AT_A_TIME;
	int got = 0;
	for (bool first = true; got == 0 && n == AT_A_TIME; first = false) {
		got = next(w, first ? NULL : &last, page, &n, e);
		if (got == 0)
			got = tell(page, n, &last, gone_too, fn, arg, e);
	}
	free(page);
	return got < 0 ? -1 : 0;
}

int rosterreport_everybody(struct store *s, const struct tally *t, rosterreport_fn *fn, void *arg, struct err *e)
{
	const struct walk w = {.s = s, .t = t};
	return walk(&w, page_of_everybody, true, fn, arg, e);
}

int rosterreport_enrolled(struct store *s, const struct tally *t, rosterreport_fn *fn, void *arg, struct err *e)
{
	const struct walk w = {.s = s, .t = t};
	return walk(&w, page_of_enrolled, true, fn, arg, e);
}

int rosterreport_in_state(struct store *s, const struct tally *t, enum roster_state st, rosterreport_fn *fn, void *arg,
			  struct err *e)
{
	const struct walk w = {.s = s, .t = t, .state = st};
	return walk(&w, page_of_state, false, fn, arg, e);
}
