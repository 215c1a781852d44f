/*
 * tokenroll-enroller: the process that enrolls one token for the station. A
 * program of its own, so that each token in work can be given up, killed and
 * gone on with by itself. Only tokenroll starts it.
 */
#include "station/enroller.h"

int main(void)
{
	return enroller_main();
}
