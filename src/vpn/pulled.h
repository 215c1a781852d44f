/*
 * pulled: tokenroll-vpn-watch, which sends us SIGTERM when the token that the
 * profile names is pulled.
 */
#ifndef VPN_PULLED_H
#define VPN_PULLED_H

#include <sys/types.h>

/* Starts it: when the token is in, or it has nothing to watch. Returns its process, -1 if there is none: then there is
 * nobody who watches, which is no reason not to go on. */
pid_t pulled_watch(const char *profile);

/* Ends it; *pid may be -1 and is afterwards. */
void pulled_end(pid_t *pid);

#endif
