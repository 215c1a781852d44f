/*
 * tokenroll-courier: the process that renders and packs what the employee and
 * the admin get. A program of its own, so that what makes archives is loaded
 * only there. Only tokenroll starts it.
 */
#include "handover/courier.h"

int main(void)
{
	return courier_main();
}
