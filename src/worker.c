/*
 * tokenroll-worker: the process that runs one token vendor's PKCS#11 module.
 * A program of its own, so that nothing is in it that it does not need, no
 * CA and no mail, and so that it starts fast. Only tokenroll starts it.
 */
#include "enroll/worker.h"

int main(void)
{
	return worker_main();
}
