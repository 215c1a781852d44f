#include "cmd.h"
int cmd_show(const struct options *o, struct err *e)
{
	(void)o;
	return err_set(e, ERR_FAILED, "nothing");
}
