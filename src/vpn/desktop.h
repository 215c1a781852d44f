/*
 * desktop: the password agent of a desktop session. systemd has agents for
 * consoles, and desktops have none of their own, so without this one the
 * question for a PIN is only a message on the terminals that are open.
 */
#ifndef VPN_DESKTOP_H
#define VPN_DESKTOP_H

#include "core/err.h"

/* Shows each question of ours (question.h) in the folder as a dialog, until the process is ended. ERR_SYSTEM. */
int desktop_serve(const char *folder, struct err *e);

#endif
