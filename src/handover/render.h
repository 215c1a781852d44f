/*
 * render: from the template folder to the files of a user's bundle.
 *
 * A template NAME.ovpn becomes a profile for each system, NAME-linux.ovpn and
 * so on; client.ovpn and the legacy placeholder's become USER-linux.ovpn. A
 * NAME.conf that is a client's profile is one for Linux. All other files are
 * the same on every system, and keep their names. Text is rendered as a template, in .html files
 * with values escaped; a file with a NUL byte in it is copied.
 */
#ifndef HANDOVER_RENDER_H
#define HANDOVER_RENDER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/files.h"
#include "handover/handover.h"

/* Renders everything in memory, sorted by name. Each profile is checked as profile.h says, and no file may hold a
 * private key (privkey.h). ERR_TEMPLATE, ERR_CONFIG; ERR_SYSTEM for a template that can't be read. */
int render_all(struct files *ret, const struct config *cfg, const struct handover_facts *f, struct err *e);

#endif
