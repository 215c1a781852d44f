/*
 * tokenroll report [ROSTER]: who on a roster got what, who did not and why,
 * how fast it went, and who is left. At any time, also while a station works.
 */
#include "core/since.h"
#include "inventory.h"
#include "report.h"
#include "rosterreport.h"

#define UNTOLD 3 /* by the exit status: what is left could not be told */

/* What is counted, and the page, are of one moment. */
static int look(struct tally **ret, const struct inventory *v, time_t since, struct err *e)
{
	if (tally_take(ret, v->store, v->o->n_args > 0 ? v->o->args[0] : NULL, since, e) != 0)
		return -1;
	return v->o->html != NULL ? rosterreport_page(v->o->html, v->store, *ret, e) : 0;
}

static int take(struct tally **ret, const struct inventory *v, struct err *e)
{
	time_t since = 0;
	if (v->o->since != NULL && since_parse(&since, v->o->since, time(NULL), e) != 0)
		return -1;
	if (store_look_begin(v->store, e) != 0)
		return -1;
	return store_look_end(v->store, look(ret, v, since, e), e);
}

/* Whoever reads may be slow: no transaction is open any more, and people may have moved on. */
static int tell(const struct inventory *v, const struct tally *t, struct err *e)
{
	if (v->o->json)
		return rosterreport_json(v->store, t, e);
	if (v->o->csv)
		return rosterreport_csv(v->store, t, e);
	return v->o->quiet ? 0 : rosterreport_print(v->store, t, e);
}

int cmd_report(const struct options *o, struct err *e)
{
	struct inventory v;
	struct tally *t = NULL;
	int status = UNTOLD;
	int ret = inventory_open(&v, o, 0, 1, e);
	if (ret == 0)
		ret = take(&t, &v, e);
	if (ret != 0 && o->json)
		report_error_json(e);
	if (ret == 0)
		ret = tell(&v, t, e);
	if (ret == 0)
		status = rosterreport_status(t);
	else
		screen_error(&v.screen, e);
	tally_free(&t);
	inventory_close(&v);
	return status;
}
