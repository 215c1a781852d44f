/*
 * pinentry: a dialog on the desktop, by GnuPG's pinentry, which there is for
 * each desktop and which keeps what is typed out of other programs' reach. It
 * is talked to in lines of text (Assuan; `info pinentry`).
 */
#ifndef VPN_PINENTRY_H
#define VPN_PINENTRY_H

#include "core/err.h"
#include "core/secret.h"

#include <stdbool.h>

/* Tells, each time that stop_fd can be read and every second, whether the dialog is not wanted any more. */
typedef bool pinentry_stop_fn(void *arg);

/*
 * Shows text and waits for what is typed, which may be nothing (len 0). ERR_INTERRUPTED if the person cancels or stop
 * says so; ERR_FAILED if no dialog can be shown, and then nobody has seen the text.
 */
int pinentry_ask(struct secret *ret, const char *text, int stop_fd, pinentry_stop_fn *stop, void *arg, struct err *e);

#endif
