#include "ca/reason.h"

#include <string.h>

/* crl.c has the code that goes with each. */
static const char *const reasons[] = {"unspecified", "keyCompromise",        "CACompromise",   "affiliationChanged",
				      "superseded",  "cessationOfOperation", "certificateHold"};

static void list(char *ret, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons && len < size; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s%s", i > 0 ? ", " : "", reasons[i]);
}

int reason_check(const char *reason, struct err *e)
{
	char all[192] = "";
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (reason != NULL && strcmp(reason, reasons[i]) == 0)
			return 0;
	}
	list(all, sizeof all);
	err_set(e, ERR_USAGE, "\"%.64s\" is no reason for which a certificate is revoked; there are %s",
		reason != NULL ? reason : "", all);
	return err_next(e, "name one of them, with its capitals");
}
