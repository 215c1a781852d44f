/*
 * agent: asks whoever sits at the computer through systemd's password agents
 * (systemd-ask-password(1)): on a desktop, on a console, over SSH.
 *
 * Nothing that is typed is kept: not by us, and without --keyname not in the
 * kernel's keyring either.
 */
#ifndef VPN_AGENT_H
#define VPN_AGENT_H

#include "core/err.h"
#include "core/secret.h"

#include <stdbool.h>

/*
 * Puts the question text and waits for the answer, for as long as it takes. echo: what is typed may be seen. It is
 * given up when the other end of the socket unless closes, or when a signal asks us to stop (stop_signals of wait.h).
 * ERR_INTERRUPTED if it was given up or the person has cancelled; ERR_SYSTEM if nobody could be asked.
 */
int agent_ask(struct secret *ret, const char *text, bool echo, int unless, struct err *e);

#endif
