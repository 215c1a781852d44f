/*
 * tokenroll rekey USER: another key on the user's token, and its certificate.
 */
#include "cmd.h"

int cmd_rekey(const struct options *o, struct err *e)
{
	return cmd_make(o, CRED_WAY_REKEY, e);
}
