/*
 * tokenroll-letter: the process that draws a letter with a PIN and prints it. A
 * program of its own, so that what draws pages is loaded only there. Only
 * tokenroll starts it.
 */
#include "handover/pinletter.h"

int main(void)
{
	return pinletter_main();
}
