/*
 * roster_twins: people and tokens that a roster names twice. They are sorted
 * for that, so that 100,000 are compared in no time.
 */
#include "core/xalloc.h"
#include "handover/place.h"
#include "station/roster_impl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct twin {
	const struct roster_entry *p;
};

static int by_line(const struct roster_entry *a, const struct roster_entry *b)
{
	return (a->line > b->line) - (a->line < b->line);
}

static int by_user(const void *a, const void *b)
{
	const struct roster_entry *x = ((const struct twin *)a)->p, *y = ((const struct twin *)b)->p;
	int order = strcasecmp(x->user, y->user);
	return order != 0 ? order : by_line(x, y);
}

static int by_serial(const void *a, const void *b)
{
	const struct roster_entry *x = ((const struct twin *)a)->p, *y = ((const struct twin *)b)->p;
	int order = strcasecmp(x->token_serial, y->token_serial);
	return order != 0 ? order : by_line(x, y);
}

static void find_users(const struct twin *sorted, size_t n, struct roster_faults *f)
{
	for (size_t i = 1, first = 0; i < n; i++) {
		const struct roster_entry *one = sorted[first].p, *other = sorted[i].p;
		char a[ROSTER_SHOWN_MAX], b[ROSTER_SHOWN_MAX];
		if (strcasecmp(one->user, other->user) != 0) {
			first = i;
		} else if (strcmp(one->user, other->user) == 0) {
			roster_fault_add(f, other->line, "user '%s' stands in line %ld already",
					 roster_shown(a, other->user), one->line);
		} else {
			roster_fault_add(f, other->line,
					 "user '%s' is '%s' of line %ld but for the case, and on many systems that is "
					 "the same file",
					 roster_shown(a, other->user), roster_shown(b, one->user), one->line);
		}
	}
}

static int compare_key(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct twin *)entry)->p->user);
}

/* "alice.zip", whose folder has the name of alice's archive. */
static void find_files(const struct twin *sorted, size_t n, struct roster_faults *f)
{
	char stem[80], shown[ROSTER_SHOWN_MAX];
	for (size_t i = 0; i < n; i++) {
		size_t len = place_other_user(sorted[i].p->user);
		if (len == 0 || len >= sizeof stem)
			continue;
		memcpy(stem, sorted[i].p->user, len);
		stem[len] = '\0';
		const struct twin *other = bsearch(stem, sorted, n, sizeof *sorted, compare_key);
		if (other == NULL)
			continue;
		long first = other->p->line, last = sorted[i].p->line;
		roster_fault_add(f, first > last ? first : last,
				 "the folder of user '%s' would have the name of a file of the user in line %ld",
				 roster_shown(shown, sorted[i].p->user), first > last ? last : first);
	}
}

static void find_tokens(const struct twin *sorted, size_t n, struct roster_faults *f)
{
	char shown[ROSTER_SHOWN_MAX];
	for (size_t i = 1, first = 0; i < n; i++) {
		if (sorted[i].p->token_serial[0] == '\0' ||
		    strcasecmp(sorted[first].p->token_serial, sorted[i].p->token_serial) != 0) {
			first = i;
			continue;
		}
		roster_fault_add(f, sorted[i].p->line, "token_serial '%s' stands in line %ld already",
				 roster_shown(shown, sorted[i].p->token_serial), sorted[first].p->line);
	}
}

void roster_find_twins(const struct roster *r, struct roster_faults *f)
{
	struct twin *sorted = xcalloc(r->n, sizeof *sorted);
	for (size_t i = 0; i < r->n; i++)
		sorted[i].p = &r->people[i];
	qsort(sorted, r->n, sizeof *sorted, by_user);
	find_users(sorted, r->n, f);
	find_files(sorted, r->n, f);
	if (r->has[ROSTER_TOKEN_SERIAL]) {
		qsort(sorted, r->n, sizeof *sorted, by_serial);
		find_tokens(sorted, r->n, f);
	}
	free(sorted);
}
