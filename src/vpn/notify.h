/*
 * notify: tells systemd how a service is (sd_notify(3), which describes the
 * protocol for programs that do not link libsystemd).
 */
#ifndef VPN_NOTIFY_H
#define VPN_NOTIFY_H

/* Takes NOTIFY_SOCKET from the environment, so that no program that is started later speaks for us. */
void notify_begin(void);

/* Sends e.g. "READY=1\nSTATUS=Connected"; does nothing where systemd does not wait for it. */
void notify_send(const char *state);

#endif
