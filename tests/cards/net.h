/*
 * net: a network of one's own. vpcd listens on every address of the machine and needs ports that nobody else has; in a
 * network namespace there is nothing but a loopback device, and all ports are free.
 */
#ifndef CARDS_NET_H
#define CARDS_NET_H

#include <sys/types.h>

/* Moves this process into new network and mount namespaces (in a user namespace in which it is root, if it is not
 * allowed to otherwise) and brings up lo. Returns 0, or -1 with errno. One thread only. */
int net_leave(void);

/* Moves this process into the network of one that has called net_leave. Returns 0, or -1 with errno. */
int net_join(pid_t pid);

#endif
