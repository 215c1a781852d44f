#include "store/recovery.h"

static const struct recipients_kind kind = {
    .what = "recovery certificate",
    .key = "recovery in section [escrow]",
    .how = RECOVERY_HOW,
    .old = "its key still opens what was sealed to it, but ",
};

int recovery_load(struct recipients **ret, char *const *files, size_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, ERR_RECOVERY_MISSING,
			       "no recovery certificate is configured, so nothing can be put "
			       "into escrow");
	return recipients_load(ret, &kind, files, n, e);
}
