/*
 * tokenroll-watcher: the process that waits for readers and cards. A program
 * of its own, because PC/SC's way of waiting is a call that lasts. Only
 * tokenroll starts it.
 */
#include "station/watcher.h"

int main(void)
{
	return watcher_main();
}
