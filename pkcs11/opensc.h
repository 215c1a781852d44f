/*
 * opensc: OpenSC's module gets a configuration of ours around the system's
 * (opensc.conf(5)), so that it talks to one reader only, sees more readers
 * than its first four, and has what a profile wants of it. Worker process
 * only, before the module is initialized; other modules do not notice it.
 */
#ifndef PKCS11_OPENSC_H
#define PKCS11_OPENSC_H

#include "core/err.h"
#include "pkcs11/profile.h"

/*
 * Sets OPENSC_CONF to a file in memory, that lasts as long as the process. only_reader: its PC/SC name, all others are
 * ignored, as far as OpenSC can tell their names from it (it compares parts of names); NULL ignores none. p may be
 * NULL. What the system's file says stays in force, except for the blocks that are replaced: "pkcs11", and "framework
 * pkcs15" if the profile has values for it. Where PC/SC cannot be used nothing is ignored, and the module will say so
 * itself.
 */
int opensc_configure(const char *only_reader, const struct profile *p, struct err *e);

#endif
