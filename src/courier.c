/*
 * tokenroll-courier: the process that renders, packs and mails what the
 * employee and the admin get. A program of its own, so that archives and a
 * mail client are loaded only there. Only tokenroll starts it.
 */
#include "handover/courier.h"

int main(void)
{
	return courier_main();
}
