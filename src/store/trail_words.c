#include "core/clean.h"
#include "core/day.h"
#include "store/trail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct words {
	const char *name;
	const char *one, *many; /* what is said of a record, and of several */
};

static const struct words words[TRAIL_FAULT_COUNT] = {
    [TRAIL_ALTERED] = {"altered", "was altered", NULL},
    [TRAIL_MOVED] = {"moved", "was written as number", NULL},
    [TRAIL_MISSING] = {"missing", "is missing", "are missing"},
    [TRAIL_INSERTED] = {"inserted", "was inserted", NULL},
    [TRAIL_UNLINKED] = {"unlinked", "does not follow from the one before it, which was put in its place", NULL},
    [TRAIL_CUT] = {"cut", "is missing at the end", "are missing at the end"},
    [TRAIL_ADDED] = {"added", "was added behind the end", "were added behind the end"},
    [TRAIL_END_UNKNOWN] = {"end-unknown", "is the last one, but audit_head, which should tell that, is empty", NULL},
    [TRAIL_CHECKPOINT_GONE] = {"checkpoint-gone", "tells of a checkpoint that is not there any more", NULL},
};

const char *trail_fault_name(enum trail_fault f)
{
	return (unsigned)f < TRAIL_FAULT_COUNT ? words[f].name : "unknown";
}

static void neighbour_text(char *ret, size_t size, const char *where, const struct trail_neighbour *n)
{
	char day[DAY_TIME_SIZE], action[TRAIL_ACTION_MAX];

	clean_text(action, sizeof(action), n->action);
	day_time_format(day, n->at);
	if (n->record != 0)
		snprintf(ret, size, "%s it is record %" PRId64 " (%s, %s)", where, n->record, day, action);
	else
		snprintf(ret, size, "%s it is none", where);
}

void trail_finding_text(char ret[TRAIL_TEXT_MAX], const struct trail_finding *f)
{
	const struct words *w = &words[(unsigned)f->fault < TRAIL_FAULT_COUNT ? f->fault : TRAIL_ALTERED];
	char before[96], after[96], what[128];

	neighbour_text(before, sizeof(before), "before", &f->before);
	neighbour_text(after, sizeof(after), "after", &f->after);
	if (f->fault == TRAIL_MOVED)
		snprintf(what, sizeof(what), "record %" PRId64 " %s %" PRId64, f->first, w->one, f->place);
	else if (f->first == f->last || !w->many)
		snprintf(what, sizeof(what), "record %" PRId64 " %s", f->first, w->one);
	else
		snprintf(what, sizeof(what), "records %" PRId64 " to %" PRId64 " %s", f->first, f->last, w->many);
	snprintf(ret, TRAIL_TEXT_MAX, "%s; %s, %s", what, before, after);
}
