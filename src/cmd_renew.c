/*
 * tokenroll renew USER: another certificate for the key that is on the user's
 * token; without the token, for later.
 */
#include "cmd.h"

int cmd_renew(const struct options *o, struct err *e)
{
	return cmd_make(o, CRED_WAY_RENEW, e);
}
