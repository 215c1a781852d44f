#include "enroll/lost.h"
#include "core/day.h"

int lost_check(const struct enroll_store_port *port, struct store *s, const struct store_token *t, struct err *e)
{
	char day[DAY_SIZE];
	time_t since = 0;
	/* a blank one may have no serial number, and is nobody's */
	if (t->serial[0] == '\0')
		return 0;
	if (port->token_lost(s, t, &since, e) != 0)
		return -1;
	if (since == 0)
		return 0;
	day_format(day, since);
	err_set(e, ERR_TOKEN_LOST, "token %s was reported lost on %s", t->serial, day);
	return err_next(e, "if it has come back: tokenroll found --serial %s", t->serial);
}
