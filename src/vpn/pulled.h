/*
 * pulled: tokenroll-vpn-watch, which sends us SIGTERM when the token that the
 * profile names is pulled.
 */
#ifndef VPN_PULLED_H
#define VPN_PULLED_H

#include <sys/types.h>

/*
 * Starts it, unless it runs: when the token is in, or it has nothing to watch, which it says on stderr. *pid is its
 * process, and -1 before the first call; after it, too, if it cannot be started: then there is nobody who watches,
 * which is no reason not to go on.
 */
void pulled_watch(pid_t *pid, const char *profile);

/* Ends it; *pid may be -1 and is afterwards. */
void pulled_end(pid_t *pid);

#endif
