/*
 * tokenroll-mailer: the process that mails the bundle. A program of its own,
 * so that a network client is loaded only where mail is wanted, and then alone.
 * Only tokenroll-courier starts it.
 */
#include "handover/mailer.h"

int main(void)
{
	return mailer_main();
}
