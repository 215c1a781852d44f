/*
 * wait: waiting for descriptors without missing a signal that asks us to
 * stop. SIGINT, SIGTERM and SIGHUP are blocked but while we wait (ppoll(2)),
 * so that none comes between looking for it and waiting.
 */
#ifndef VPN_WAIT_H
#define VPN_WAIT_H

#include <poll.h>
#include <stdbool.h>

/* To be called first. */
void wait_catch_signals(void);

/* For a child before it executes another program: signals are as they were. */
void wait_leave_signals(void);

/* Waits until something is there to be seen in revents; false when a signal has asked us to stop. */
bool wait_for(struct pollfd *fds, nfds_t n);

/* Waits for ms milliseconds at most, or until the other end of a socket closes; false as above. */
bool wait_ms(int socket, int ms);

#endif
