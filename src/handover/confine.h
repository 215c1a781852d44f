/*
 * confine: the limits of what packs, mails and prints letters. Archives, mail,
 * the answers of a mail server and pages are handled by libraries that know
 * nothing of what lies around.
 */
#ifndef HANDOVER_CONFINE_H
#define HANDOVER_CONFINE_H

#include "core/config.h"

#include <stdbool.h>

/* From here on this process and its children can read neither the CA's key nor what cfg->hidden has of these kinds, as
 * far as it can be hidden (see hidden.h; Landlock, from Linux 5.19 on). What is made later in a folder that leads to
 * one of them cannot be read, either: a folder that is written to has to be there. Where the kernel has no such thing,
 * nothing happens. Returns whether it took effect. */
bool handover_hide(const struct config *cfg, unsigned kinds);

/* The same for writing anywhere but in this folder. */
bool handover_confine(const char *folder);

#endif
